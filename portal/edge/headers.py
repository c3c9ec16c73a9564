"""Limit headers: how much is left, for programs that pace themselves.

`RateLimit` and `RateLimit-Policy` follow draft-ietf-httpapi-ratelimit-headers-10 and name two
policies: "rate" (calls a second) and "month" (units in the window). `t` says when there is more than
now: one more call, or the whole next month. `X-RateLimit-*` can only tell of one: the one that
refused, else the one with less remaining, the rate when they are equal; of the rate they tell the
burst, what is left of it, and when all of it is there again.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from portal.gate import RateState, Verdict
from portal.kit import period

SF_LARGEST = 999_999_999_999_999  # the largest integer that a structured field can carry
BY_QUOTA = ("QUOTA_EXCEEDED", "SPEND_CAP")
Headers = list[tuple[str, str]]


def limits(verdict: Verdict, now: datetime) -> Headers:
    """The limit headers of a verdict; none where nothing is known of the key."""
    rate, quota = verdict.ratelimit, verdict.quota
    remaining, policies = [], []
    tightest: tuple[int, int, int] | None = None
    if rate is not None:
        remaining.append(f'"rate";r={rate.remaining};t={up_to_seconds(_next_token_ms(rate))}')
        policies.append(f'"rate";q={rate.limit};w=1')
        tightest = (rate.burst, rate.remaining, up_to_seconds(rate.reset_ms))
    if quota is not None and quota.limit is not None and quota.remaining is not None:
        ceiling, left = min(quota.limit, SF_LARGEST), min(quota.remaining, SF_LARGEST)
        seconds = seconds_until(quota.resets_at, now)
        remaining.append(f'"month";r={left};t={seconds}')
        policies.append(f'"month";q={ceiling};w={_month_seconds(quota.resets_at)}')
        code = verdict.observed or verdict.code
        if tightest is None or code in BY_QUOTA or (left < tightest[1] and code != "RATE_LIMITED"):
            tightest = (ceiling, left, seconds)
    if tightest is None:
        return []
    return [
        ("RateLimit", ", ".join(remaining)),
        ("RateLimit-Policy", ", ".join(policies)),
        ("X-RateLimit-Limit", str(tightest[0])),
        ("X-RateLimit-Remaining", str(tightest[1])),
        ("X-RateLimit-Reset", str(tightest[2])),
    ]


def retry_after(verdict: Verdict, now: datetime) -> int:
    """Seconds after which a refused call may pass: when a token is there, or when the quota resets."""
    if verdict.code in BY_QUOTA and verdict.quota is not None:
        return max(1, seconds_until(verdict.quota.resets_at, now))
    if verdict.ratelimit is not None:
        return max(1, up_to_seconds(_next_token_ms(verdict.ratelimit)))
    return 1


def up_to_seconds(milliseconds: int) -> int:
    """Milliseconds as whole seconds to wait, rounded up, never negative."""
    return max(0, -(-milliseconds // 1000))


def seconds_until(moment: datetime, now: datetime) -> int:
    """Whole seconds from now until a moment, rounded up, never negative."""
    return max(0, -((now - moment) // timedelta(seconds=1)))


def _next_token_ms(rate: RateState) -> int:
    """When one more call may pass than now: `reset_ms` is when all of the burst may."""
    if rate.retry_ms:
        return rate.retry_ms
    missing = rate.burst - rate.remaining
    return rate.reset_ms - (missing - 1) * 1000 // rate.limit if missing > 0 else 0


@lru_cache(1024)
def _month_seconds(resets_at: datetime) -> int:
    """The length of the billing month that ends then, as near as its end can tell."""
    start, end = period.anchored_month(resets_at, resets_at - timedelta(microseconds=1))
    return int((end - start).total_seconds())
