"""Promises of support, as read from the operator's file: calendars, and what is due within how long."""

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

from portal.kit.hours import DAY_MINUTES, Calendar, Frame, is_country
from portal.plans.catalogue import MINUTES_AT_MOST, Sla
from portal.plans.places import Place

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FRAME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
WEEK_AT_LEAST = 60  # minutes: so that what is promised is due within a lifetime
CLOCKS = ("first_response_minutes", "next_response_minutes", "resolution_minutes")


def calendar(at: Place) -> Calendar:
    """One [calendars.NAME]."""
    slug = at.own_slug()
    inner = at.table("days")
    days = tuple(_frames(inner, weekday) for weekday in WEEKDAYS)
    inner.done()
    if sum(last - first for frames in days for first, last in frames) < WEEK_AT_LEAST:
        at.refuse(f"days must add up to at least {WEEK_AT_LEAST} minutes a week", "days")
    found = Calendar(
        slug,
        at.text("name", 60),
        at.text("zone", 60, "UTC"),
        days,
        at.text("holidays", 12, ""),
        _dates(at, "off"),
        _dates(at, "working"),
    )
    if not _is_zone(found.zone):
        at.refuse(f'there is no time zone "{found.zone}": write one such as "Europe/Berlin"', "zone")
    if found.holidays and not is_country(found.holidays):
        at.refuse(
            f'no public holidays are known of "{found.holidays}": write a country such as "DE", '
            'with a region "DE-BY", or ""',
            "holidays",
        )
    at.done()
    return found


def sla(at: Place, calendars: Sequence[str]) -> Sla:
    """The `sla` of a plan."""
    name = at.text("calendar", 62)
    if name not in calendars:
        at.refuse(f"names the calendar {name}, which is not declared under [calendars]", "calendar")
    if not any(at.has(clock) for clock in CLOCKS):
        at.refuse(f"promises nothing: give one of {', '.join(CLOCKS)}")
    found = Sla(name, *(at.number(clock, 1, MINUTES_AT_MOST) if at.has(clock) else None for clock in CLOCKS))
    at.done()
    return found


def _frames(at: Place, weekday: str) -> tuple[Frame, ...]:
    found = []
    for text in at.texts(weekday, 11):
        if (read := FRAME.fullmatch(text)) is None:
            at.refuse(f'"{text}" is no span of a day: write "09:00-17:00"', weekday)
        first, last = int(read[1]) * 60 + int(read[2]), int(read[3]) * 60 + int(read[4])
        if not first < last <= DAY_MINUTES:
            at.refuse(f'"{text}" must end after it begins, at 24:00 at the latest', weekday)
        found.append((first, last))
    found.sort()
    for (_, before), (after, _) in pairwise(found):
        if after < before:
            at.refuse("has spans that overlap", weekday)
    return tuple(found)


def _dates(at: Place, key: str) -> tuple[str, ...]:
    texts = at.texts(key, 10)
    for text in texts:
        try:
            date.fromisoformat(text)
        except ValueError:
            at.refuse(f'"{text}" is no day: write "2026-12-24"', key)
        if len(text) != 10:
            at.refuse(f'"{text}" is no day: write "2026-12-24"', key)
    return tuple(sorted(set(texts)))


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # the last two of a name that leads out, or to a folder
        return False
    return True
