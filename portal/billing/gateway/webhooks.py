"""Webhooks, read: who signed them, when, and what they say they are."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import stripe

from portal.billing import rules
from portal.kit.errors import Invalid
from portal.kit.settings import Payments

OLDEST = NEWEST = timedelta(minutes=5)
THIN = "v2.core.event"


class BadWebhook(Invalid):
    """A webhook that Stripe did not send, or that makes no sense."""

    code = "bad_webhook"


@dataclass(frozen=True)
class Incoming:
    """A webhook as it came. `subject` is (kind, id) of what it is about, `account` that of Connect."""

    id: str
    type: str
    livemode: bool
    account: str | None
    api_version: str | None
    created_at: datetime | None
    subject: tuple[str, str] | None


def read_webhook(payments: Payments, raw: bytes, signature: str | None, *, now: datetime) -> Incoming:
    """A webhook, once its signature holds under one of our secrets; BadWebhook otherwise.

    Signed more than five minutes ago, or ahead of our clock, it is refused too: the library alone
    would take any signature from the future.
    """
    _check_signature(payments, raw, signature)
    signed_at = _signed_at(signature or "")
    if not now - OLDEST <= signed_at <= now + NEWEST:
        raise BadWebhook("The signature is not of now.")
    try:
        event = json.loads(raw)
    except ValueError:
        raise BadWebhook("The body is not JSON.") from None
    return read_event(event)


def read_event(event: Any) -> Incoming:
    """An event from its JSON, whole or thin; BadWebhook when it is none."""
    if not isinstance(event, dict) or event.get("object") not in ("event", THIN):
        raise BadWebhook("The body is not an event.")
    if not _is_word(event.get("id")) or not _is_word(event.get("type")):
        raise BadWebhook("The event has no id or no type.")
    account, version = event.get("account"), event.get("api_version")
    return Incoming(
        id=event["id"],
        type=event["type"],
        livemode=event.get("livemode") is True,
        account=account if _is_word(account) else None,
        api_version=version if _is_word(version) else None,
        created_at=_created_at(event.get("created")),
        subject=rules.subject(event),
    )


def _check_signature(payments: Payments, raw: bytes, signature: str | None) -> None:
    for secret in payments.webhook_secrets:
        try:
            if stripe.WebhookSignature.verify_header(raw, signature, secret):
                return
        except (stripe.SignatureVerificationError, ValueError, TypeError):
            continue  # another secret may fit; a body that is no text fits none
    raise BadWebhook("The signature does not hold.")


def _signed_at(signature: str) -> datetime:
    stamps = [part.strip()[2:] for part in signature.split(",") if part.strip().startswith("t=")]
    try:
        return datetime.fromtimestamp(int(stamps[0]), UTC)
    except (IndexError, ValueError, OverflowError, OSError):
        raise BadWebhook("The signature has no time.") from None


def _created_at(value: Any) -> datetime | None:
    """Whole events count seconds, thin ones write ISO 8601."""
    try:
        if isinstance(value, str):
            written = datetime.fromisoformat(value)
            return written if written.tzinfo else None
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else None
    except (ValueError, OverflowError, OSError):
        return None


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()
