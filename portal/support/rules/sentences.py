"""Clocks, in sentences: what both sides read of a deadline."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

NAMES = {"first_response": "First answer", "next_response": "Next answer", "resolution": "Resolution"}
DONE = {"first_response": "Answered", "next_response": "Answered", "resolution": "Resolved"}
STILL = {
    ("customer", "customer"): "while we wait for your answer",
    ("customer", "staff"): "while we wait for the customer's answer",
    ("closed", "customer"): "while the ticket is closed",
    ("closed", "staff"): "while the ticket is closed",
}


class Clock(Protocol):
    """What a sentence needs to know of a clock; `stands_still` is why, or None."""

    @property
    def kind(self) -> str: ...
    @property
    def due_at(self) -> datetime | None: ...
    @property
    def met_at(self) -> datetime | None: ...
    @property
    def breached_at(self) -> datetime | None: ...
    @property
    def dropped_at(self) -> datetime | None: ...
    @property
    def stands_still(self) -> str | None: ...
    @property
    def zone(self) -> str: ...


def sentence(clock: Clock, now: datetime, zone: tzinfo = UTC, *, side: str = "customer") -> str:
    """One clock as a sentence without a full stop, its moments in `zone`.

    "First answer due today 16:40 CET, in 2 h 10 min"; "Answered 35 min before it was due".
    """
    name = NAMES[clock.kind]
    if clock.dropped_at is not None:
        return f"{name} no longer needed"
    if clock.met_at is not None:
        due = clock.due_at or clock.breached_at
        if due is None:
            return DONE[clock.kind]
        if clock.met_at <= due:
            return f"{DONE[clock.kind]} {spell(due - clock.met_at)} before it was due"
        return f"{DONE[clock.kind]} {spell(clock.met_at - due)} after it was due"
    if clock.due_at is None:
        return f"{name} stands still {STILL[clock.stands_still or 'customer', side]}"
    if clock.due_at <= now:
        return f"{name} overdue since {moment(clock.due_at, now, zone)}, by {spell(now - clock.due_at)}"
    return f"{name} due {moment(clock.due_at, now, zone)}, in {spell(clock.due_at - now)}"


def brief(clock: Clock, now: datetime) -> str:
    """One clock in few words, for a list: "First answer in 2 h 10 min", "Resolution overdue by 3 d"."""
    name = NAMES[clock.kind]
    if clock.due_at is None:
        return f"{name} stands still"
    if clock.due_at <= now:
        return f"{name} overdue by {spell(now - clock.due_at)}"
    return f"{name} in {spell(clock.due_at - now)}"


def promise(clock: Clock) -> str | None:
    """What a letter says of a clock, which is read at any time: "First answer by Mon 23 Nov 2026, 13:00 UTC".

    None while it stands still.
    """
    if clock.due_at is None:
        return None
    return f"{NAMES[clock.kind]} by {deadline(clock.due_at, ZoneInfo(clock.zone))}"


def deadline(at: datetime, zone: tzinfo) -> str:
    """A moment by itself: "Mon 23 Nov 2026, 13:00 UTC"."""
    at = at.astimezone(zone)
    return f"{at:%a} {at.day} {at:%b %Y, %H:%M} {at.tzname() or 'UTC'}"


def spell(span: timedelta) -> str:
    """A span in its two largest units: "2 h 10 min"; "less than a minute" below one."""
    minutes = span // timedelta(minutes=1)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    return " ".join(parts[:2]) or "less than a minute"


def moment(at: datetime, now: datetime, zone: tzinfo) -> str:
    """A moment near `now`: "today 16:40 CET", "tomorrow 09:00 CET", "Mon 30 Nov 09:00 CET"."""
    at, today = at.astimezone(zone), now.astimezone(zone).date()
    days = (at.date() - today).days
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get(days)
    day = near or f"{at:%a} {at.day} {at:%b}" + (f" {at.year}" if at.year != today.year else "")
    return f"{day} {at:%H:%M} {at.tzname() or 'UTC'}"


def taken(name: str, at: datetime, now: datetime) -> str:
    """Who was first: "Sue took this ticket at 14:02 UTC."."""
    at, today = at.astimezone(UTC), now.astimezone(UTC).date()
    day = "" if at.date() == today else f"on {at.day} {at:%b} "
    return f"{name} took this ticket {day}at {at:%H:%M} UTC."
