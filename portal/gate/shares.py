"""Shares: what a process may answer from its own memory, because it was deducted in Redis before.

No I/O and no thread: who holds shares asks Redis itself, and is one thread.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from portal.gate.grant import Question, QuotaState, RateState, Use, Verdict

BUSY: Final = 8  # calls in a quarter of a second, from which on a key is busy
MOST: Final = 2_000
SHARE_MS: Final = 500
KEYS_MOST: Final = 50_000
Name = tuple[str, str]


@dataclass
class Share:
    """Units of one meter of one key, until a moment of the holder's own clock."""

    lease_id: str
    verdict: Verdict
    units: int
    ends: float
    spent: int = 0
    endpoints: dict[str, int] = field(default_factory=dict)

    @property
    def use(self) -> Use:
        """What is to be reported."""
        return Use(self.lease_id, self.spent, self.endpoints)


class Shares:
    """The shares of one process, at most one for each key and meter. `clock` never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[Name, Share] = {}
        self._asking: dict[Name, float] = {}
        self._seen: dict[Name, int] = {}
        self._busy: dict[Name, int] = {}

    def spend(self, question: Question) -> Verdict | None:
        """The verdict on a call, when a share of its key covers it; else None: ask Redis."""
        name = (question.key, question.meter)
        seen = self._seen
        seen[name] = seen.get(name, 0) + 1
        if (share := self._held.get(name)) is None:
            return None
        cost = question.cost
        if cost != 1 or question.reserve or share.spent >= share.units or self._clock() >= share.ends:
            return None
        if question.scopes and not set(question.scopes) <= set(share.verdict.scopes):
            return None
        share.spent += 1
        endpoints = share.endpoints
        endpoints[question.endpoint] = endpoints.get(question.endpoint, 0) + 1
        return _told(share)

    def wanted(self, question: Question) -> int:
        """How many units to take with this question; 0 for none. What is taken must be told by `took`."""
        name = (question.key, question.meter)
        if name not in self._busy or name in self._asking or question.cost != 1 or question.reserve:
            return 0
        if name in self._held:
            return 0
        self._asking[name] = self._clock()
        return min(MOST, 2 * self._busy[name])

    def took(self, question: Question, verdict: Verdict | None) -> Share | None:
        """What came of a question that wished for a share; None when there was no answer.

        Returns a share that came too late to be kept: it is to be reported.
        """
        name = (question.key, question.meter)
        asked_at = self._asking.pop(name, None)
        if verdict is None or (lease := verdict.lease) is None:
            return None
        if asked_at is None:
            return self.late(verdict)
        self._held[name] = Share(lease.lease_id, verdict, lease.units, asked_at + lease.ttl_ms / 1000)
        return None

    @staticmethod
    def late(verdict: Verdict) -> Share | None:
        """The share of a verdict, of which nothing is spent: it is to be reported."""
        return None if verdict.lease is None else Share(verdict.lease.lease_id, verdict, 0, 0.0)

    def ask_alone(self, question: Question) -> bool:
        """Whether a share may be asked for by itself, busy or not; what is taken must be told by `took`."""
        name = (question.key, question.meter)
        if name in self._held or name in self._asking:
            return False
        self._asking[name] = self._clock()
        return True

    def held(self, question: Question) -> Share | None:
        """The share that is held for a key, spent or not."""
        return self._held.get((question.key, question.meter))

    def over(self, question: Question) -> Share | None:
        """The share of a key that can no longer be spent: it is given up here, and to be reported."""
        name = (question.key, question.meter)
        share = self._held.get(name)
        if share is None or (share.spent < share.units and self._clock() < share.ends):
            return None
        return self._held.pop(name)

    def tick(self) -> Iterator[Share]:
        """Four times a second: see who is busy, and give up the shares that can no longer be spent."""
        self._busy = {name: seen for name, seen in self._seen.items() if seen >= BUSY}
        self._seen = {}
        now = self._clock()
        for name in [
            name for name, share in self._held.items() if now >= share.ends or share.spent >= share.units
        ]:
            yield self._held.pop(name)

    def give_up(self) -> list[Share]:
        """All shares, to be reported: nothing is answered from memory any more."""
        held, self._held = list(self._held.values()), {}
        self._asking.clear()
        self._busy = {}
        return held


def _told(share: Share) -> Verdict:
    """What is told of a call that was answered from a share: the numbers go on from the taking."""
    taken, spent = share.verdict, share.spent
    rate, quota = taken.ratelimit, taken.quota
    if rate is not None:
        rate = RateState(rate.limit, rate.burst, max(0, rate.remaining - spent), rate.reset_ms, 0)
    if quota is not None:
        used = quota.used + spent
        quota = QuotaState(
            quota.limit,
            quota.included,
            used,
            None if quota.limit is None else max(0, quota.limit - used),
            max(0, used - quota.included),
            quota.resets_at,
        )
    return Verdict(
        True,
        "VALID",
        taken.key_id,
        taken.account_id,
        taken.environment,
        taken.external_id,
        taken.plan,
        taken.plan_version,
        taken.features,
        taken.scopes,
        rate,
        quota,
        taken.meter,
    )
