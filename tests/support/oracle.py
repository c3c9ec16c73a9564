"""What is due when, by counting minutes: written without a look at the rules, to be compared with them.

A minute is worked when the clock on the wall shows, at its beginning, a minute of a frame of a day that
is not free, and no pause covers it. Everything here begins and ends on whole minutes.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUARTERS = 96  # clocks are only ever changed on a quarter of an hour
DAY = 1440


def minute_of(at):
    return (at - EPOCH) // timedelta(minutes=1)


def moment_of(minute):
    return EPOCH + timedelta(minutes=int(minute))


def shows(zone, at):
    """The clock on the wall of a zone, as minutes since 1970."""
    return minute_of(at.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC))


@lru_cache(maxsize=4096)
def walls(zone, utc_day):
    """What the wall shows in each minute of a day in UTC, as minutes since 1970 of local time."""
    begin = EPOCH + timedelta(days=utc_day)
    shown = [shows(zone, begin + timedelta(minutes=15 * quarter)) for quarter in (0, QUARTERS - 1)]
    if shown[1] - shown[0] == DAY - 15:  # clocks are not changed twice a day
        return np.arange(shown[0], shown[0] + DAY)
    shown = [shows(zone, begin + timedelta(minutes=15 * quarter)) for quarter in range(QUARTERS)]
    return np.repeat(np.array(shown), 15) + np.tile(np.arange(15), QUARTERS)


@cache
def public(code, year):
    country, _, region = code.partition("-")
    return set(holidays.country_holidays(country, subdiv=region or None, years=year)) if code else set()


def is_holiday(code, local_day):
    day = date(1970, 1, 1) + timedelta(days=local_day)
    return day in public(code, day.year)


def worked_minutes(calendar, begin, count, pauses=()):
    """For each of `count` minutes from the minute `begin` on, whether it is worked."""
    first, last = begin // DAY, (begin + count - 1) // DAY
    wall = np.concatenate([walls(calendar.zone, day) for day in range(first, last + 1)])
    wall = wall[begin - first * DAY :][:count]
    days = wall // DAY
    week = np.zeros((7, DAY), dtype=bool)
    for weekday, frames in enumerate(calendar.days):
        for start, end in frames:
            week[weekday, start:end] = True
    free = np.zeros(days.max() - days.min() + 1, dtype=bool)
    for place in range(len(free)):
        local_day = int(days.min()) + place
        text = (date(1970, 1, 1) + timedelta(days=local_day)).isoformat()
        closed_for_all = is_holiday(calendar.holidays, local_day) and text not in calendar.working
        free[place] = text in calendar.off or closed_for_all
    worked = week[(days + 3) % 7, wall % DAY] & ~free[days - days.min()]  # 1970 began on a Thursday
    for start, end in pauses:
        low = max(minute_of(start) - begin, 0)
        high = count if end is None else max(minute_of(end) - begin, 0)
        worked[low:high] = False
    return worked


def due_at(start, minutes, calendar, pauses=()):
    """The end of the last minute that is needed; None while a pause has no end."""
    if any(end is None for _, end in pauses):
        return None
    begin, span = minute_of(start), 14 * DAY
    while True:
        found = np.flatnonzero(worked_minutes(calendar, begin, span, pauses))
        if len(found) >= minutes:
            return moment_of(begin + found[minutes - 1] + 1)
        span *= 2


def business_minutes(start, end, calendar, pauses=()):
    """How many minutes between two moments are worked."""
    begin, count = minute_of(start), minute_of(end) - minute_of(start)
    return int(worked_minutes(calendar, begin, count, pauses).sum()) if count > 0 else 0


def slowly(start, minutes, calendar, pauses=()):
    """The same as `due_at`, one minute after the other: what the quick way is compared with."""
    at, left, zone = start, minutes, ZoneInfo(calendar.zone)
    while left:
        local = at.astimezone(zone)
        minute, text = local.hour * 60 + local.minute, local.date().isoformat()
        closed_for_all = is_holiday(calendar.holidays, (local.date() - date(1970, 1, 1)).days)
        free = text in calendar.off or (closed_for_all and text not in calendar.working)
        in_frame = any(first <= minute < last for first, last in calendar.days[local.weekday()])
        paused = any(begin <= at < end for begin, end in pauses)
        left -= in_frame and not free and not paused
        at += timedelta(minutes=1)
    return at
