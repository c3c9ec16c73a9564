"""Days and months: half-open periods [start, end) in UTC."""

from calendar import monthrange
from datetime import UTC, datetime

Period = tuple[datetime, datetime]


def midnight(at: datetime) -> datetime:
    """The beginning of the day, in UTC, that holds the moment `at`."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def calendar_month(at: datetime) -> Period:
    """The calendar month, in UTC, that holds the moment `at`."""
    start = midnight(at).replace(day=1)
    return start, add_months(start, 1)


def anchored_month(anchor: datetime, at: datetime) -> Period:
    """The month counted from `anchor` that holds `at`.

    Always counted from the first anchor, never from the month before: 31 January, 28 February,
    31 March. Before the anchor, months are counted backwards in the same way.
    """
    anchor, at = anchor.astimezone(UTC), at.astimezone(UTC)
    count = (at.year - anchor.year) * 12 + at.month - anchor.month
    if add_months(anchor, count) > at:
        count -= 1
    return add_months(anchor, count), add_months(anchor, count + 1)


def add_months(anchor: datetime, count: int) -> datetime:
    """`anchor` moved by whole months; a day that the month lacks becomes its last day."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + count, 12)
    last = monthrange(year, month + 1)[1]
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, last))
