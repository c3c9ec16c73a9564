"""Service keys, as remembered: known in this process, at most a second stale."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from threading import Lock

import structlog

from portal.gate import Unavailable
from portal.kit import tokens
from portal.kit.tokens import Pepper

FRESH_SECONDS = 1.0
AHEAD_SECONDS = 0.5
PATIENCE_SECONDS = 0.25
REMEMBERED, LONGEST = 1024, 512
log = structlog.get_logger(__name__)


class Unknown(Unavailable):
    """No list of service keys could be read yet, so that nobody can be told apart."""


class Services:
    """The live service keys, read again once a second and kept while they cannot be read.

    `load` answers digest -> service key id for every live key; it must give up by itself within a
    second or two. `clock` counts seconds and never goes back. With `by_itself` off, somebody else calls
    `refresh` every `ahead_seconds`, and `known` never waits for the list.
    """

    ahead_seconds = AHEAD_SECONDS

    def __init__(
        self,
        load: Callable[[], Mapping[str, str]],
        peppers: Sequence[Pepper],
        prefixes: Sequence[str],
        *,
        clock: Callable[[], float] = time.monotonic,
        by_itself: bool = True,
    ) -> None:
        self._load, self._peppers, self._prefixes, self._clock = load, tuple(peppers), tuple(prefixes), clock
        self._by_itself = by_itself
        self._digests = lru_cache(REMEMBERED)(self._digests_of)
        self._reading = Lock()
        self._known: Mapping[str, str] | None = None
        self._read_at = self._tried_at = float("-inf")
        self._failing = False

    def known(self, token: str) -> str | None:
        """The id of the live service key that this token is, or None; Unknown when no list was ever read."""
        if len(token) > LONGEST or not (digests := self._digests(token)):
            return None
        known = self._current()
        for digest in digests:
            if (service_id := known.get(digest)) is not None:
                return service_id
        return None

    def refresh(self) -> None:
        """Read the list now, if nobody is about it."""
        self._refresh(self._clock())

    def _digests_of(self, token: str) -> tuple[str, ...]:
        """What a service key may be stored as; nothing for a token that has not its form."""
        parsed = tokens.parse(token, self._prefixes)
        if parsed is None or parsed.kind != tokens.SERVICE:
            return ()
        return tuple(tokens.digest(token, pepper) for pepper in self._peppers)

    def _current(self) -> Mapping[str, str]:
        if self._by_itself and (now := self._clock()) - self._read_at >= AHEAD_SECONDS:
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
            if self._by_itself and now - self._tried_at < AHEAD_SECONDS:
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
