"""Throttles in process memory: how often the book may be asked about what nobody knows."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from portal.gate.grant import Unavailable


class TokenBucket:
    """At most `burst` at once and `rate` a second in the long run. Not thread-safe by itself."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left, self._at = burst, clock()

    def take(self) -> bool:
        """Take one, if there is one."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Throttle:
    """A token bucket for each of the last `most` names."""

    def __init__(
        self, rate: float, burst: float, *, most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._most, self._clock = rate, burst, most, clock
        self._buckets: OrderedDict[Hashable, TokenBucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: Hashable) -> bool:
        """Take one in this name, if there is one."""
        with self._lock:
            bucket = self._buckets.setdefault(name, TokenBucket(self._rate, self._burst, self._clock))
            self._buckets.move_to_end(name)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            return bucket.take()


@dataclass
class _Flight:
    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0
    failures: int = 0


class Flights:
    """One at a time for each name: those who wait share what becomes of the one before them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight] = {}

    @contextmanager
    def one(self, name: str) -> Iterator[bool]:
        """Hold a name; yields whether somebody held it before, so that it is worth looking again.

        Unavailable when somebody failed with that meanwhile: else all who wait would try in turn.
        """
        with self._lock:
            flight = self._flights.setdefault(name, _Flight())
            flight.users += 1
            waited, failures = flight.users > 1, flight.failures
        try:
            with flight.lock:
                if flight.failures > failures:
                    raise Unavailable("Those who asked before had no answer.")
                try:
                    yield waited
                except Unavailable:
                    flight.failures += 1
                    raise
        finally:
            with self._lock:
                flight.users -= 1
                if not flight.users:
                    del self._flights[name]
