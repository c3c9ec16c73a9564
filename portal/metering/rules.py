"""Metering, as decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from portal.kit.errors import Invalid
from portal.kit.period import Period, anchored_month, calendar_month

Kind = Literal["free", "paid", "test"]

NOTICES: Final = (80, 100)
OBSERVED: Final = "observed:"
LATE: Final = timedelta(hours=1)  # how long after its end a window's counters become final
UNITS_MAX: Final = 1_000_000_000
NAME_MAX: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Event:
    """Usage that was measured elsewhere. (source, id) is its identity: told twice, it counts once."""

    source: str
    id: str
    account_id: str
    meter: str
    units: int
    endpoint: str = ""


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


def reached(used: int, included: int) -> tuple[int, ...]:
    """The percentages of what is included, of those that are told, which `used` has reached."""
    if included <= 0:
        return ()
    return tuple(percent for percent in NOTICES if used * 100 >= included * percent)


def milliseconds(at: datetime) -> int:
    """A moment as whole milliseconds since 1970."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def minute_start(minute: int) -> datetime:
    """When a minute, counted from 1970, begins."""
    return _EPOCH + timedelta(minutes=minute)


def is_counted(meter: str) -> bool:
    """Whether a meter's units count; observed verdicts are only noted."""
    return not meter.startswith(OBSERVED)


def event(said: Mapping[str, Any]) -> Event:
    """The usage that a CloudEvent (1.0, as JSON) tells: `subject` is the account, `type` the meter,
    `data.units` how much. Invalid, with the attribute's name, when it does not hold together.
    """
    if said.get("specversion") != "1.0":
        raise Invalid("`specversion` is not 1.0: this is no CloudEvent.", field="specversion")
    data = said.get("data")
    if not isinstance(data, Mapping):
        raise Invalid("`data` is missing: an object with `units`.", field="data")
    units, endpoint = data.get("units"), data.get("endpoint", "")
    if isinstance(units, bool) or not isinstance(units, int) or not 0 <= units <= UNITS_MAX:
        raise Invalid(f"`data.units` is a whole number from 0 to {UNITS_MAX:,}.", field="data.units")
    if not isinstance(endpoint, str) or len(endpoint) > 100 or not endpoint.isprintable():
        raise Invalid("`data.endpoint` is a text of at most 100 characters.", field="data.endpoint")
    source, name, subject, meter = (_name(said, field) for field in ("source", "id", "subject", "type"))
    return Event(source, name, subject, meter, units, endpoint)


def _name(said: Mapping[str, Any], field: str) -> str:
    value = said.get(field)
    if not isinstance(value, str) or not value or len(value) > NAME_MAX or not value.isprintable():
        raise Invalid(f"`{field}` is a text of 1 to {NAME_MAX} characters.", field=field)
    return value
