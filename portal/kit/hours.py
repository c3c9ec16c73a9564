"""Working hours: calendars of local time, and the spans of real time that they stand for."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

Frame = tuple[int, int]
Span = tuple[datetime, datetime]

DAY, DAY_MINUTES = timedelta(days=1), 1440


@dataclass(frozen=True)
class Calendar:
    """When people work: frames of local time on each weekday, Monday first, in minutes from midnight.

    `holidays` is a country, or a country and its region ("DE", "DE-BY"), whose public holidays are
    free; "" for none. `off` are further free days, `working` days that are worked although the country
    has a holiday; all as "2026-12-24".
    """

    slug: str
    name: str
    zone: str
    days: tuple[tuple[Frame, ...], ...]
    holidays: str = ""
    off: tuple[str, ...] = ()
    working: tuple[str, ...] = ()

    @property
    def is_always(self) -> bool:
        """Whether its time never stands still."""
        return self.days == (((0, DAY_MINUTES),),) * 7 and not self.holidays and not self.off

    def frames(self, day: date) -> tuple[Frame, ...]:
        """What is worked on one day; nothing on a free one."""
        text = day.isoformat()
        if text in self.off or (text not in self.working and day in _holidays(self.holidays, day.year)):
            return ()
        return self.days[day.weekday()]

    def as_json(self) -> dict[str, Any]:
        """The calendar as plain JSON."""
        return asdict(self)


def calendar_from_json(data: Mapping[str, Any]) -> Calendar:
    """The calendar that `as_json` wrote, once it has been stored."""
    days = tuple(tuple((first, last) for first, last in frames) for frames in data["days"])
    return Calendar(**{**data, "days": days, "off": tuple(data["off"]), "working": tuple(data["working"])})


def spans(calendar: Calendar, start: datetime) -> Iterator[Span]:
    """The working spans from `start` on, in UTC, in order, half-open and without an end.

    A moment is worked when the clock on the wall shows a moment of a frame: so a frame is as long as
    it really is on the days when clocks are changed, and an hour that comes twice is worked twice.
    """
    zone, at = ZoneInfo(calendar.zone), start.astimezone(UTC)
    while True:
        offset = _offset(zone, at)
        day = (at + offset).date()
        midnight = datetime.combine(day, time.min, UTC) - offset
        until = midnight + DAY
        if _offset(zone, until) != offset:
            until = _change(zone, at, until)
        for first, last in calendar.frames(day):
            begin = max(midnight + timedelta(minutes=first), at)
            end = min(midnight + timedelta(minutes=last), until)
            if begin < end:
                yield begin, end
        at = until


def is_country(code: str) -> bool:
    """Whether public holidays are known of a country, or of a country's region, such as "DE-BY"."""
    country, _, region = code.partition("-")
    regions = holidays.list_supported_countries().get(country)
    return regions is not None and (region in regions or region == code[len(country) :])


def _change(zone: ZoneInfo, since: datetime, until: datetime) -> datetime:
    """The first moment after `since` at which the clocks of a zone show another offset."""
    before, low, high = _offset(zone, since), int(since.timestamp()), int(until.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, datetime.fromtimestamp(middle, UTC)) == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


@lru_cache(maxsize=256)
def _holidays(code: str, year: int) -> frozenset[date]:
    if not code:
        return frozenset()
    country, _, region = code.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=region or None, years=year))
