"""Keys, as met outside: GitHub tells of those that it finds in public, and signs what it tells."""

import json
import threading
import time
import urllib.request
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

FRESH_SECONDS: Final = 3600.0
AGAIN_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 5.0
LARGEST: Final = 1 << 20
log = structlog.get_logger(__name__)


class ScannersAway(Exception):
    """The list of GitHub's public keys cannot be read, so that no signature can be checked."""


class Scanners:
    """GitHub's public keys for secret scanning, from a file or an address, kept for an hour.

    A key that is not in the list has it read again, at most once a minute; while it cannot be read, the
    last list is used on. `clock` counts seconds and never goes back.
    """

    def __init__(self, source: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock, self._reading = source, clock, threading.Lock()
        self._known: Mapping[str, ec.EllipticCurvePublicKey] | None = None
        self._read_at = float("-inf")

    def signed(self, raw: bytes, key_id: str, signature: str) -> bool:
        """Whether the key of this id signed exactly these bytes; ScannersAway when nobody can tell."""
        try:
            mark = b64decode(signature, validate=True)
        except ValueError:
            return False
        key = self._current(FRESH_SECONDS).get(key_id) or self._current(AGAIN_SECONDS).get(key_id)
        if key is None:
            return False
        try:
            key.verify(mark, raw, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def _current(self, fresh_seconds: float) -> Mapping[str, ec.EllipticCurvePublicKey]:
        with self._reading:
            patience = AGAIN_SECONDS if self._known is None else fresh_seconds
            if self._clock() - self._read_at >= patience:
                self._read_at = (
                    self._clock()
                )  # also when it fails: a list that is away is not asked for at once
                try:
                    self._known = _listed(_fetched(self._source))
                except (OSError, ValueError, KeyError, TypeError) as problem:
                    log.error("GitHub's public keys could not be read", problem=str(problem))
            if self._known is None:
                raise ScannersAway
            return self._known


def _fetched(source: str) -> bytes:
    if not source.startswith(("https://", "http://")):
        return Path(source).read_bytes()
    asked = urllib.request.Request(source, headers={"Accept": "application/json", "User-Agent": "upkeep"})  # noqa: S310
    with urllib.request.urlopen(asked, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
        return bytes(answer.read(LARGEST))


def _listed(said: bytes) -> dict[str, ec.EllipticCurvePublicKey]:
    """The keys of a list as GitHub publishes it; those of another kind are left out."""
    found = {}
    for one in json.loads(said)["public_keys"]:
        key = load_pem_public_key(one["key"].encode())
        if isinstance(key, ec.EllipticCurvePublicKey):
            found[str(one["key_identifier"])] = key
    return found
