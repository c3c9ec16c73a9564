"""What is remembered of keys, so that known ones can pass while Upkeep is away.

A key passes only as it passed before: from the same address, with scopes that it has, within what was
left of its account's quota and at its account's rate, and not longer than an hour after Upkeep last
said so. Each process remembers for itself.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import TypeVar

from upkeep_sdk.verdicts import Quota, Rate, Verdict

KEYS_MOST = 50_000
KNOWN_SECONDS = 3600.0
Name = TypeVar("Name")
Value = TypeVar("Value")


@dataclass
class _Account:
    """What is left of one meter of an account, and when its rate allows the next call."""

    quota: Quota | None
    arrival: float = 0.0


class Memory:
    """The last verdicts of keys. Thread-safe. `clock` counts seconds and never goes back."""

    def __init__(
        self, *, seconds: float = KNOWN_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._clock, self._lock = seconds, clock, Lock()
        self._keys: OrderedDict[bytes, tuple[Verdict, float]] = OrderedDict()
        self._accounts: OrderedDict[tuple[str, str, str], _Account] = OrderedDict()

    def learn(self, key: str, ip: str | None, meter: str, verdict: Verdict) -> None:
        """Remember what Upkeep answered just now; what it refuses for good is forgotten."""
        name = _name(key, ip)
        with self._lock:
            if not verdict.valid and verdict.code not in ("RATE_LIMITED", "QUOTA_EXCEEDED", "SPEND_CAP"):
                self._keys.pop(name, None)
                return
            _keep(self._keys, name, (verdict, self._clock()))
            _keep(self._accounts, _account(verdict, meter), _Account(verdict.quota))

    def guess(self, key: str, ip: str | None, meter: str, cost: int, scopes: Sequence[str]) -> Verdict | None:
        """The verdict that Upkeep would most likely give; None for a key of which too little is known."""
        with self._lock:
            now = self._clock()
            verdict, at = self._keys.get(_name(key, ip), (None, 0.0))
            if verdict is None or now - at > self._seconds:
                return None
            if (account := self._accounts.get(_account(verdict, meter))) is None:
                return None
            known = replace(verdict, valid=False, quota=account.quota, reservation_id=None, away=True)
            if not set(scopes) <= set(verdict.scopes):
                return replace(known, code="INSUFFICIENT_SCOPE")
            rate, arrival = _paced(verdict.ratelimit, account.arrival, now)
            if arrival is None:
                return replace(known, code="RATE_LIMITED", ratelimit=rate)
            quota = account.quota
            if quota is not None and quota.remaining is not None:
                if cost > quota.remaining:
                    return replace(known, code="QUOTA_EXCEEDED")
                account.quota = quota = replace(
                    quota, used=quota.used + cost, remaining=quota.remaining - cost
                )
            account.arrival = arrival
            return replace(known, valid=True, code="VALID", ratelimit=rate, quota=quota)


def _paced(rate: Rate | None, arrival: float, now: float) -> tuple[Rate | None, float | None]:
    """The rate after one more call, and when the next is due; None when this one comes too early (GCRA)."""
    if rate is None:
        return None, arrival
    step, room = 1 / rate.limit, rate.burst / rate.limit
    due = max(arrival, now) + step
    if due - now > room + 1e-9:
        return replace(rate, remaining=0, reset_ms=int((arrival - now) * 1000)), None
    left = int((room - (due - now)) * rate.limit + 1e-9)
    return replace(rate, remaining=left, reset_ms=int((due - now) * 1000)), due


def _account(verdict: Verdict, meter: str) -> tuple[str, str, str]:
    return verdict.account_id or "", verdict.environment or "", meter


def _name(key: str, ip: str | None) -> bytes:
    """Keys themselves are not kept in memory."""
    return hashlib.blake2b(f"{key}\n{ip or ''}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _keep(held: OrderedDict[Name, Value], name: Name, value: Value) -> None:
    held[name] = value
    held.move_to_end(name)
    if len(held) > KEYS_MOST:
        held.popitem(last=False)
