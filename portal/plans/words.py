"""Promises of support, in words: what prices pages say follows from the numbers that tickets count with."""

from itertools import groupby

from portal.kit.hours import DAY_MINUTES, Calendar, Frame
from portal.plans.catalogue import Catalogue, Plan

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CLOCKS = (
    ("first_response_minutes", "First answer"),
    ("next_response_minutes", "Next answer"),
    ("resolution_minutes", "Solved"),
)


def promises(catalogue: Catalogue, plan: Plan) -> tuple[str, ...]:
    """What a plan promises, in a few short sentences: "First answer within 4 business hours". None: none."""
    calendar = catalogue.calendar(plan.sla.calendar) if plan.sla is not None else None
    if calendar is None:
        return ()
    within = [
        f"{name} within {spell(minutes, calendar)}"
        for field, name in CLOCKS
        if (minutes := getattr(plan.sla, field)) is not None
    ]
    return (*within, hours(calendar))


def spell(minutes: int, calendar: Calendar) -> str:
    """So much of a calendar's working time: "3 business days", "90 business minutes", "24 hours"."""
    business = "" if calendar.is_always else "business "
    day = _day_minutes(calendar)
    for unit, size, least in (("day", day, 2), ("hour", 60, 1), ("minute", 1, 1)):
        if size and minutes % size == 0 and minutes >= least * size:
            count = minutes // size
            return f"{count} {business}{unit}{'' if count == 1 else 's'}"
    raise AssertionError("a minute divides every number of minutes")


def hours(calendar: Calendar) -> str:
    """When a calendar's people work: "Mon to Fri, 09:00 to 17:00 UTC"."""
    if calendar.is_always:
        return "Around the clock, every day"
    parts = []
    for frames, group in groupby(range(7), key=lambda weekday: calendar.days[weekday]):
        days = list(group)
        if frames:
            name = WEEKDAYS[days[0]] + (f" to {WEEKDAYS[days[-1]]}" if len(days) > 1 else "")
            parts.append(f"{name}, {' and '.join(_frame(frame) for frame in frames)}")
    free = ", public holidays free" if calendar.holidays else ""
    return f"{'; '.join(parts)} {calendar.zone.replace('_', ' ')}{free}"


def _frame(frame: Frame) -> str:
    first, last = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in frame)
    return f"{first} to {last}"


def _day_minutes(calendar: Calendar) -> int:
    """How long a working day is, where all are of one length; else 0."""
    if calendar.is_always:
        return DAY_MINUTES
    lengths = {sum(last - first for first, last in frames) for frames in calendar.days if frames}
    return lengths.pop() if len(lengths) == 1 else 0
