"""Tokens: how keys look, how their form is checked cheaply, and what of them is kept.

A key is `<prefix>_<kind>_<tag><secret><checksum>`: an 8-character tag that leads to its account,
32 random characters (190 bits), and a CRC32 as 6 base-62 characters that lets a mistyped or
scanned string be dismissed without asking anyone. Only an HMAC-SHA256 under a pepper is stored.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TAG_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 8, 32, 6
BODY_LENGTH = TAG_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
KINDS = ("live", "test")
SERVICE = "svc"
_ALLOWED = frozenset(BASE62)


@dataclass(frozen=True)
class Pepper:
    """A secret that digests are made with; its id stands beside each digest."""

    id: str
    secret: bytes


@dataclass(frozen=True)
class Parsed:
    """A token whose form and checksum hold. That says nothing about whether it was ever minted."""

    kind: str
    tag: str
    token: str


def new_tag() -> str:
    """A fresh tag for an account: 8 base-62 characters."""
    return _random(TAG_LENGTH)


def mint(prefix: str, kind: str, tag: str) -> str:
    """A fresh key of `kind` ("live" or "test") for the account that `tag` leads to."""
    assert kind in KINDS and len(tag) == TAG_LENGTH
    return _sealed(f"{prefix}_{kind}_", tag + _random(SECRET_LENGTH))


def mint_service(prefix: str) -> str:
    """A fresh service key, the kind that the protected API itself shows."""
    return _sealed(f"{prefix}_{SERVICE}_", _random(TAG_LENGTH + SECRET_LENGTH))


def parse(token: str, prefixes: Sequence[str]) -> Parsed | None:
    """Read a key or service key; None when its form or its checksum does not hold."""
    prefix, _, rest = token.partition("_")
    kind, _, body = rest.partition("_")
    if prefix not in prefixes or (kind not in KINDS and kind != SERVICE):
        return None
    if len(body) != BODY_LENGTH or not _ALLOWED.issuperset(body):
        return None
    if body[-CHECKSUM_LENGTH:] != _checksum(f"{prefix}_{kind}_{body[:-CHECKSUM_LENGTH]}"):
        return None
    return Parsed(kind, body[:TAG_LENGTH], token)


def digest(token: str, pepper: Pepper) -> str:
    """What is stored of a key: hex HMAC-SHA256, 64 characters."""
    return hmac.digest(pepper.secret, token.encode(), "sha256").hex()


def start(token: str) -> str:
    """The part of a key that may be shown for ever: all up to the first 4 of its 32 secret characters."""
    return token[: -(SECRET_LENGTH - 4 + CHECKSUM_LENGTH)]


def random_secret(length: int = 43) -> str:
    """A random token for links and sign-ins: base 62, 256 bits at the default length."""
    return _random(length)


def fingerprint(secret: str) -> str:
    """What is stored of a random secret: hex SHA-256. Only for secrets too long to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _sealed(head: str, body: str) -> str:
    return head + body + _checksum(head + body)


def _random(length: int) -> str:
    return "".join(secrets.choice(BASE62) for _ in range(length))


def _checksum(text: str) -> str:
    value, letters = crc32(text.encode()), []
    for _ in range(CHECKSUM_LENGTH):
        value, remainder = divmod(value, 62)
        letters.append(BASE62[remainder])
    return "".join(reversed(letters))
