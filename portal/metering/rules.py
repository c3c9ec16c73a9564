"""Metering, as decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from portal.kit.errors import Conflict, Invalid
from portal.kit.period import Period, anchored_month, calendar_month

Kind = Literal["free", "paid", "test"]

NOTICES: Final = (80, 100)
OBSERVED: Final = "observed:"
STRANDED: Final = "stranded:"
CREDIT_AT_MOST: Final = 10**12
REASON_LENGTH: Final = 300
LATE: Final = timedelta(hours=1)  # how long after its end a window's counters become final
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Event:
    """Usage that was measured elsewhere. (source, id) is its identity: told twice, it counts once.

    `subject` is the account, `at` when it happened. `key_id` is the key that it was used with, where one
    is told, and decides whether it counts as live or as test; `calls` is how many calls it sums up.
    """

    id: str
    source: str
    meter: str
    subject: str
    units: int
    at: datetime
    endpoint: str = ""
    key_id: str = ""
    calls: int = 1


def periods(anchor: datetime | None, at: datetime) -> tuple[Period, Period]:
    """The window that holds `at`, and the one after it.

    Months count from `anchor`, always from the first one: 31 January, 28 February, 31 March. Without
    an anchor they are calendar months in UTC.
    """
    if anchor is None:
        present = calendar_month(at)
        return present, calendar_month(present[1])
    present = anchored_month(anchor, at)
    return present, anchored_month(anchor, present[1])


def hour_of(at: datetime, window: Period, now: datetime) -> int:
    """The hour, counted from 1970, in which usage is shown that happened at `at` and is told of now.

    It counts in the present window, so an hour outside of it, or ahead of us, becomes the present one.
    """
    shown = at if window[0] <= at < min(window[1], now) else now
    return (shown - _EPOCH) // timedelta(hours=1)


def reached(used: int, included: int) -> tuple[int, ...]:
    """The percentages of what is included, of those that are told, which `used` has reached."""
    if included <= 0:
        return ()
    return tuple(percent for percent in NOTICES if used * 100 >= included * percent)


def check_again(is_same: bool) -> None:
    """Conflict when what comes from a page that was sent before is something else: it must not be lost."""
    if not is_same:
        raise Conflict("Something else was sent from this page already. Look at it, then send this again.")


def check_credit(units: int, meter: str, meters: Sequence[str]) -> None:
    """Refuse a credit of no units, of too many, or of something that is not counted."""
    if meter not in meters:
        raise Invalid("Choose what is given.", field="meter")
    if not 1 <= units <= CREDIT_AT_MOST:
        raise Invalid(f"Give 1 to {CREDIT_AT_MOST:,} units.", field="units")


def clean_reason(reason: str) -> str:
    """Why a credit is given, on one line; Invalid when nothing is said, or too much."""
    reason = " ".join(reason.split())
    if not reason or len(reason) > REASON_LENGTH:
        raise Invalid(
            f"Say why, in 1 to {REASON_LENGTH} characters that the customer may read.", field="reason"
        )
    return reason


def split(used: int, included: int, credited: int) -> tuple[int, int, int]:
    """What was used as the parts it is taken from: what is included, then credits, then what lies beyond."""
    of_plan = min(used, included)
    of_credits = min(used - of_plan, credited)
    return of_plan, of_credits, used - of_plan - of_credits


def milliseconds(at: datetime) -> int:
    """A moment as whole milliseconds since 1970."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def minute_start(minute: int) -> datetime:
    """When a minute, counted from 1970, begins."""
    return _EPOCH + timedelta(minutes=minute)


def is_counted(meter: str) -> bool:
    """Whether a meter's units are billed; observed verdicts are only noted, stranded shares only consumed."""
    return not meter.startswith((OBSERVED, STRANDED))


def stranded(meter: str) -> str:
    """The meter under which shares of this one stand that nobody reported."""
    return STRANDED + meter
