"""Replies: addresses that say what a letter answers and who may answer it.

`local+token@domain`: the token names a thread and its reader and is signed, so that nobody can make
one for somebody else. Its alphabet does not care for case, because mail programs do not.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

from portal.kit.ids import ALPHABET

THREAD_LENGTH, READER_LENGTH, SIGNATURE_LENGTH = 26, 7, 13
LENGTH = THREAD_LENGTH + READER_LENGTH + SIGNATURE_LENGTH
LOCAL_MOST = 64 - 1 - LENGTH  # RFC 5321 allows 64 characters before the @
LOOP_HEADER = "X-Upkeep-Letter"
"""What our own letters carry, so that one that comes back is known."""
_FORM = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


@dataclass(frozen=True)
class Slip:
    """What a token says, once its signature holds: a thread's id without its prefix, and a reader's mark."""

    thread: str
    reader: str


@dataclass(frozen=True)
class ReplyAddress:
    """The address that tokens are set into, as an operator names it: `local@domain`."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    def with_token(self, token: str) -> str:
        """The address that a letter with this token is answered to."""
        return f"{self.local}+{token}@{self.domain}"

    def token_of(self, address: str) -> str | None:
        """The token in an address of this form, in lower case; None when it is any other."""
        found = address.strip().lower()
        head, tail = f"{self.local}+".lower(), f"@{self.domain}".lower()
        if not found.startswith(head) or not found.endswith(tail):
            return None
        token = found[len(head) : len(found) - len(tail)]
        return token if _FORM.fullmatch(token) else None


def seal(secret_key: str, thread_id: str, reader_id: str) -> str:
    """The token with which this reader may answer in this thread."""
    slip = _thread(thread_id) + mark(reader_id)
    return slip + _signature(secret_key, slip)


def read(secret_key: str, token: str) -> Slip | None:
    """What a token says; None when it was not sealed with this secret."""
    token = token.lower()
    if _FORM.fullmatch(token) is None:
        return None
    slip, signature = token[:-SIGNATURE_LENGTH], token[-SIGNATURE_LENGTH:]
    if not hmac.compare_digest(signature, _signature(secret_key, slip)):
        return None
    return Slip(slip[:THREAD_LENGTH], slip[THREAD_LENGTH:])


def mark(reader_id: str) -> str:
    """What stands for a reader in tokens: short, and the same for ever."""
    return _letters(hashlib.sha256(reader_id.encode()).digest(), READER_LENGTH)


def _thread(thread_id: str) -> str:
    thread = thread_id.rpartition("_")[2]
    assert len(thread) == THREAD_LENGTH, thread_id
    return thread


def _signature(secret_key: str, slip: str) -> str:
    key = hmac.digest(secret_key.encode(), b"replies by mail", "sha256")  # a key for this use alone
    return _letters(hmac.digest(key, slip.encode(), "sha256"), SIGNATURE_LENGTH)


def _letters(digest: bytes, count: int) -> str:
    value = int.from_bytes(digest, "big")
    return "".join(ALPHABET[(value >> (5 * place)) & 31] for place in range(count))
