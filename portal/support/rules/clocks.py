"""Clocks, as decided: what is due when, counted in working time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.kit.hours import Calendar, Span, calendar_from_json, spans

KINDS = ("first_response", "next_response", "resolution")
Pauses = Sequence[tuple[datetime, datetime | None]]

MINUTE = timedelta(minutes=1)
WARNED_AT_MOST = 60  # working minutes before something is due


@dataclass(frozen=True)
class Policy:
    """What was promised when a ticket was opened: minutes of working time, None for what was not."""

    plan: str
    version: int
    calendar: Calendar
    first_response_minutes: int | None
    next_response_minutes: int | None
    resolution_minutes: int | None

    def minutes(self, kind: str) -> int | None:
        """What was promised of one kind of clock."""
        found: int | None = getattr(self, f"{kind}_minutes")
        return found

    def as_json(self) -> dict[str, Any]:
        """The policy as plain JSON, for its ticket."""
        return {**vars(self), "calendar": self.calendar.as_json()}


def policy_from_json(data: Mapping[str, Any]) -> Policy:
    """The policy that a ticket keeps."""
    return Policy(**{**data, "calendar": calendar_from_json(data["calendar"])})


def due_at(start: datetime, minutes: int, calendar: Calendar, pauses: Pauses = ()) -> datetime | None:
    """When so many working minutes have passed since `start`, pauses not counted; None while one is open.

    Pauses are half-open and may overlap. What is used up at the end of a working day is due then, not
    when the next one begins.
    """
    if any(end is None for _, end in pauses):
        return None
    left = minutes * MINUTE
    for begin, end in _without(spans(calendar, start), pauses):
        if end - begin >= left:
            return begin + left
        left -= end - begin
    raise AssertionError("working time has no end")


def warn_at(start: datetime, minutes: int, calendar: Calendar, pauses: Pauses = ()) -> datetime | None:
    """When to warn: a quarter of the time before it is due, and at most a working hour."""
    return due_at(start, minutes - min(minutes // 4, WARNED_AT_MOST), calendar, pauses)


def business_minutes(start: datetime, end: datetime, calendar: Calendar, pauses: Pauses = ()) -> int:
    """The whole working minutes between two moments, pauses not counted; an open pause lasts to the end."""
    return worked(start, end, calendar, pauses) // MINUTE


def worked(start: datetime, end: datetime, calendar: Calendar, pauses: Pauses = ()) -> timedelta:
    """The working time between two moments, pauses not counted; an open pause lasts to the end."""
    used = timedelta()
    ended = [(begin, min(over or end, end)) for begin, over in pauses]
    for first, last in _without(_until(spans(calendar, start), end), ended):
        used += last - first
    return used


def _until(found: Iterator[Span], end: datetime) -> Iterator[Span]:
    for first, last in found:
        if first >= end:
            return
        yield first, min(last, end)


def _without(found: Iterator[Span], pauses: Pauses) -> Iterator[Span]:
    """The spans less the pauses, all of which have an end."""
    breaks = sorted((begin, end) for begin, end in pauses if end is not None and begin < end)
    for first, last in found:
        for begin, end in breaks:
            if begin >= last:
                break
            if end > first:
                if first < begin:
                    yield first, begin
                first = end
                if first >= last:
                    break
        if first < last:
            yield first, last
