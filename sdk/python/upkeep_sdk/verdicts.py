"""Verdicts: what Upkeep answers about a key, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

BY_QUOTA = ("QUOTA_EXCEEDED", "SPEND_CAP")


@dataclass(frozen=True, slots=True)
class Rate:
    """Where the rate stands: calls a second, how many at once, how many now, and when all of it is back."""

    limit: int
    burst: int
    remaining: int
    reset_ms: int

    @property
    def next_ms(self) -> int:
        """Milliseconds until one more call may pass than now."""
        missing = self.burst - self.remaining
        return self.reset_ms - (missing - 1) * 1000 // self.limit if missing > 0 else 0


@dataclass(frozen=True, slots=True)
class Quota:
    """Where the billing month stands, in units. A `limit` of None is no limit."""

    limit: int | None
    included: int
    used: int
    remaining: int | None
    overage: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """May this key pass? `code` says why not. Of an unknown key only `valid` and `code` are told.

    `away` is true when this process answered by itself because Upkeep could not be asked, and `observed`
    is the code that would have refused the call if Upkeep did not merely observe.
    """

    valid: bool
    code: str
    key_id: str | None = None
    account_id: str | None = None
    environment: str | None = None
    external_id: str | None = None
    plan: str | None = None
    plan_version: int | None = None
    features: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    ratelimit: Rate | None = None
    quota: Quota | None = None
    request_id: str | None = None
    reservation_id: str | None = None
    observed: str | None = None
    away: bool = False

    @property
    def wait_seconds(self) -> int:
        """Whole seconds until a call that was refused for a limit may pass, at least 1."""
        if self.code in BY_QUOTA and self.quota is not None:
            return max(1, seconds_until(self.quota.resets_at))
        return max(1, -(-self.ratelimit.next_ms // 1000)) if self.ratelimit is not None else 1


NO_KEY = Verdict(valid=False, code="NOT_FOUND")


def read(said: Mapping[str, Any]) -> Verdict:
    """The verdict that an answer of `/v1/keys/verify` is. Fields of a newer Upkeep are passed over."""
    rate, quota = said.get("ratelimit"), said.get("quota")
    return Verdict(
        valid=bool(said["valid"]),
        code=str(said["code"]),
        key_id=said.get("key_id"),
        account_id=said.get("account_id"),
        environment=said.get("environment"),
        external_id=said.get("external_id"),
        plan=said.get("plan"),
        plan_version=said.get("plan_version"),
        features=tuple(said.get("features") or ()),
        scopes=tuple(said.get("scopes") or ()),
        ratelimit=rate and Rate(rate["limit"], rate["burst"], rate["remaining"], rate["reset_ms"]),
        quota=quota and _quota(quota),
        request_id=said.get("request_id"),
        reservation_id=said.get("reservation_id"),
        observed=said.get("observed"),
    )


def seconds_until(moment: datetime) -> int:
    """Whole seconds from now until a moment, rounded up, never negative."""
    return max(0, -((datetime.now(UTC) - moment) // timedelta(seconds=1)))


def _quota(said: Mapping[str, Any]) -> Quota:
    return Quota(
        limit=said["limit"],
        included=said["included"],
        used=said["used"],
        remaining=said["remaining"],
        overage=said["overage"],
        resets_at=datetime.fromisoformat(said["resets_at"]),
    )
