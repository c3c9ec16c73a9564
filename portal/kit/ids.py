"""Identifiers that sort by the time they were made."""

import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def new(prefix: str) -> str:
    """A fresh id such as `acc_01k9...`: 48 bits of milliseconds and 80 random bits, 26 characters."""
    value = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    letters = [ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(letters)}"
