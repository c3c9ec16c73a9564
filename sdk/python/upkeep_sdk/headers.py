"""Limit headers: what your API tells its callers of how much is left.

The same as Upkeep's own: `RateLimit` and `RateLimit-Policy` name "rate" (calls a second) and "month"
(units of the billing month); `X-RateLimit-*` can tell of one, and tell of the tighter.
"""

from calendar import monthrange
from datetime import datetime

from upkeep_sdk.verdicts import BY_QUOTA, Verdict, seconds_until

LARGEST = 999_999_999_999_999  # the largest integer that a structured field can carry
Headers = list[tuple[str, str]]


def limits(verdict: Verdict) -> Headers:
    """The limit headers of a verdict; none where nothing is known of the key."""
    rate, quota = verdict.ratelimit, verdict.quota
    remaining, policies = [], []
    tightest: tuple[int, int, int] | None = None
    if rate is not None:
        remaining.append(f'"rate";r={rate.remaining};t={_up(rate.next_ms)}')
        policies.append(f'"rate";q={rate.limit};w=1')
        tightest = (rate.burst, rate.remaining, _up(rate.reset_ms))
    if quota is not None and quota.limit is not None and quota.remaining is not None:
        ceiling, left = min(quota.limit, LARGEST), min(quota.remaining, LARGEST)
        seconds = seconds_until(quota.resets_at)
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


def _up(milliseconds: int) -> int:
    return max(0, -(-milliseconds // 1000))


def _month_seconds(end: datetime) -> int:
    """The length of the billing month that ends then, as near as its end can tell."""
    year, month = (end.year, end.month - 1) if end.month > 1 else (end.year - 1, 12)
    start = end.replace(year=year, month=month, day=min(end.day, monthrange(year, month)[1]))
    return int((end - start).total_seconds())
