"""Periods, as counted: from the anchor, month ends kept (31 January, 28 February, 31 March)."""

import calendar
from datetime import UTC, datetime, timedelta

_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}


def step(anchor: int, interval: str, count: int, times: int) -> int:
    """The moment that lies `times` intervals of `count` days, weeks, months or years after the anchor."""
    start = datetime.fromtimestamp(anchor, UTC)
    if interval in _DAYS:
        return int((start + timedelta(days=_DAYS[interval] * count * times)).timestamp())
    months = start.year * 12 + start.month - 1 + _MONTHS[interval] * count * times
    year, month = divmod(months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def around(anchor: int, interval: str, count: int, at: int) -> tuple[int, int]:
    """The period [start, end) around a moment, counted from an anchor that may lie before or after it."""
    length = step(anchor, interval, count, 1) - anchor
    times = (at - anchor) // max(length, 1)
    while step(anchor, interval, count, times) > at:
        times -= 1
    while step(anchor, interval, count, times + 1) <= at:
        times += 1
    return step(anchor, interval, count, times), step(anchor, interval, count, times + 1)


def after(anchor: int, interval: str, count: int, at: int) -> int:
    """The first boundary after a moment."""
    return around(anchor, interval, count, at)[1]
