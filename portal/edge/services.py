"""Service keys, as remembered: known in this process, at most a second stale."""

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

import structlog

from portal.gate import Unavailable
from portal.kit import tokens
from portal.kit.tokens import Pepper

FRESH_SECONDS = 1.0
AHEAD_SECONDS = 0.5
PATIENCE_SECONDS = 0.25
log = structlog.get_logger(__name__)


class Unknown(Unavailable):
    """No list of service keys could be read yet, so that nobody can be told apart."""


class Services:
    """The live service keys, read again once a second and kept while they cannot be read.

    `load` answers digest -> service key id for every live key; it must give up by itself within a
    second or two. `clock` counts seconds and never goes back.
    """

    def __init__(
        self,
        load: Callable[[], Mapping[str, str]],
        peppers: Sequence[Pepper],
        prefixes: Sequence[str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load, self._peppers, self._prefixes, self._clock = load, tuple(peppers), tuple(prefixes), clock
        self._reading = Lock()
        self._known: Mapping[str, str] | None = None
        self._read_at = self._tried_at = float("-inf")
        self._failing = False

    def known(self, token: str) -> str | None:
        """The id of the live service key that this token is, or None; Unknown when no list was ever read."""
        parsed = tokens.parse(token, self._prefixes)
        if parsed is None or parsed.kind != tokens.SERVICE:
            return None
        known = self._current()
        for pepper in self._peppers:
            if (service_id := known.get(tokens.digest(token, pepper))) is not None:
                return service_id
        return None

    def _current(self) -> Mapping[str, str]:
        now = self._clock()
        if now - self._read_at >= AHEAD_SECONDS:
            self._refresh(now)
        if self._known is None:
            raise Unknown
        return self._known

    def _refresh(self, now: float) -> None:
        """Read the list in one thread.

        Another thread waits for it only when what it has is too old, and not for a reading that hangs.
        """
        patient = now - self._read_at >= FRESH_SECONDS and now - self._tried_at < PATIENCE_SECONDS
        if not self._reading.acquire(timeout=PATIENCE_SECONDS if patient else 0):
            return
        try:
            # A reader that waited finds the list fresh; one that failed is not repeated at every call.
            if now - self._tried_at < AHEAD_SECONDS:
                return
            self._tried_at = now
            self._known = dict(self._load())
            self._read_at = now
            self._failing = False
        except Exception as error:
            if not self._failing:  # said once, not twice a second for as long as it lasts
                log.error("service keys cannot be read; the last list goes on being used", exc_info=error)
            self._failing = True
        finally:
            self._reading.release()
