"""Signing, as Stripe signs its webhooks."""

import hashlib
import hmac


def header(body: bytes, secret: str, now: int) -> str:
    """The value of `Stripe-Signature`: `t=...,v1=...`."""
    digest = hmac.new(secret.encode(), str(now).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"
