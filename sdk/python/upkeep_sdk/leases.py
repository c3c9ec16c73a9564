"""Leases: small shares of quota and rate, lent by Upkeep, so that calls with busy keys pass from memory.

What is lent has been deducted already, so nothing is admitted beyond a limit whatever this process does
with it. A share lasts at most a second by this machine's own clock, counted from before it was asked
for, and is reported once; what nobody reports stays consumed and is never billed.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from upkeep_sdk.verdicts import Verdict

BUSY = 8
WINDOW_SECONDS = 0.25
WANT_LEAST, WANT_MOST = 16, 10_000
REPORTS_MOST, ENDPOINTS_MOST = 100, 200
KEPT_SECONDS = 60.0  # a share that could not be reported for so long has been written off
KEYS_MOST = 50_000
OTHER = "(other)"
Name = tuple[str, str]


@dataclass(slots=True)
class Share:
    """Units and rate tokens of one meter of one key, until a moment of the clock."""

    lease_id: str
    verdict: Verdict
    scopes: frozenset[str]
    ip: str | None
    ends: float
    units: int
    tokens: int
    used: int = 0
    calls: int = 0
    endpoints: dict[str, int] = field(default_factory=dict)

    @property
    def report(self) -> dict[str, Any]:
        """What Upkeep is told of it at its end."""
        return {
            "lease_id": self.lease_id,
            "used": self.used,
            "calls": self.calls,
            "endpoints": self.endpoints,
        }


@dataclass(slots=True)
class _Interest:
    """How often a key was asked about lately, how much to ask for, and when not to ask again before."""

    began: float
    calls: int = 0
    want: int = WANT_LEAST
    asking: bool = False
    not_before: float = 0.0


class Leases:
    """The shares of this process, at most one for each key and meter. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._held: dict[Name, Share] = {}
        self._interests: dict[Name, _Interest] = {}
        self._ended: dict[str, Share] = {}

    def spend(
        self, key: str, meter: str, cost: int, scopes: Sequence[str], endpoint: str, ip: str | None
    ) -> Verdict | None:
        """The verdict on a call, when a share covers it; else None: ask Upkeep.

        What it says of the limits is how they stood when the share was taken.
        """
        share = self._held.get((key, meter))
        if share is None or share.ip != ip or (scopes and not share.scopes.issuperset(scopes)):
            return None
        with self._lock:
            # Looked at under the lock: a share that is being reported has neither units nor tokens.
            if share.units < cost or share.tokens < 1 or self._clock() >= share.ends:
                return None
            share.units -= cost
            share.tokens -= 1
            share.used += cost
            share.calls += 1
            endpoints = share.endpoints
            if endpoint not in endpoints and len(endpoints) >= ENDPOINTS_MOST - 1:
                endpoint = OTHER
            endpoints[endpoint] = endpoints.get(endpoint, 0) + 1
        return share.verdict

    def wanted(self, key: str, meter: str) -> int:
        """How many units to ask for, now that a call was not covered; 0 for none.

        What is asked for must be ended with `took` or `rest`.
        """
        name, now = (key, meter), self._clock()
        with self._lock:
            if (interest := self._interests.get(name)) is None:
                if len(self._interests) >= KEYS_MOST:
                    self._interests.clear()
                interest = self._interests[name] = _Interest(now)
            if now - interest.began > WINDOW_SECONDS:
                interest.began, interest.calls = now, 0
            interest.calls += 1
            share = self._held.get(name)
            if share is not None:
                if share.units > 0 and share.tokens > 0 and now < share.ends:
                    return 0  # it lives, and this call alone did not fit
                self._end(name, share)
                interest.want = _next_want(share, now)
                is_busy = share.calls >= BUSY
            else:
                is_busy = interest.calls >= BUSY
            if not is_busy or interest.asking or now < interest.not_before:
                return 0
            interest.asking = True
            return interest.want

    def took(self, key: str, meter: str, share: Share) -> None:
        """Keep a share that was lent."""
        name = (key, meter)
        with self._lock:
            self._interest(name).asking = False
            if (before := self._held.get(name)) is not None:
                self._end(name, before)
            self._held[name] = share

    def rest(self, key: str, meter: str, seconds: float) -> None:
        """Nothing was lent: do not ask again for so long."""
        with self._lock:
            interest = self._interest((key, meter))
            interest.asking, interest.not_before = False, self._clock() + seconds

    def reports(self, *, every: bool = False) -> list[dict[str, Any]]:
        """Shares that are over, or every one, to be reported; `reported` says that they were."""
        now = self._clock()
        with self._lock:
            for name, share in [*self._held.items()]:
                if every or now >= share.ends:
                    self._end(name, share)
            for lease_id, share in [*self._ended.items()]:
                if now - share.ends > KEPT_SECONDS:
                    del self._ended[lease_id]
            return [share.report for share in [*self._ended.values()][:REPORTS_MOST]]

    def reported(self, answers: Sequence[Mapping[str, Any]]) -> None:
        """Forget what Upkeep has answered for, counted or too late."""
        with self._lock:
            for answer in answers:
                self._ended.pop(str(answer.get("lease_id")), None)

    @property
    def count(self) -> int:
        """How many shares are held or left to report."""
        return len(self._held) + len(self._ended)

    def forget(self) -> None:
        """Drop everything unreported: in a forked child, where all of it is the parent's."""
        self._lock = threading.Lock()
        self._held.clear()
        self._interests.clear()
        self._ended.clear()

    def _interest(self, name: Name) -> _Interest:
        return self._interests.setdefault(name, _Interest(self._clock()))

    def _end(self, name: Name, share: Share) -> None:
        """Take a share out of use before anybody is told of it."""
        share.units = share.tokens = 0
        del self._held[name]
        self._ended[share.lease_id] = share


def _next_want(share: Share, now: float) -> int:
    """More than the last share when it was used up early, as much as was used when time ended it."""
    want = share.used * 2 if now < share.ends else share.used
    return min(max(want, WANT_LEAST), WANT_MOST)
