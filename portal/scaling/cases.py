"""Cases: what a suggestion of any kind says for itself, in one shape.

Amounts are in units of the suggestion's currency, and savings are a month's. A case is stored as it was
made, so that what was accepted can be read as it was read then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

QUEUED_AT = "QUEUED_AT"
"""Stands in a step for the moment, two days ahead, for which a purchase is queued."""


@dataclass(frozen=True)
class Saving:
    """What it saves a month: eight of ten times between `low` and `high`. `record` says how that is known."""

    low: float
    likely: float
    high: float
    record: str = ""


@dataclass(frozen=True)
class Worst:
    """What is lost at worst, `days` after it is carried out at the latest; `words` go on after the amount."""

    amount: float
    words: str
    days: int = 0


@dataclass(frozen=True)
class BreakEven:
    """From when on it pays, in a few words, and a sentence about it."""

    at: str
    words: str


@dataclass(frozen=True)
class Evidence:
    """A chart of `series` (label, whole number) with a line in it, or a table of `rows` under `columns`."""

    title: str
    words: str
    heading: str = ""
    unit: str = ""
    series: tuple[tuple[str, int], ...] = ()
    line: tuple[int, str] | None = None
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Step:
    """A text to carry it out with: a command, or Terraform."""

    name: str
    text: str


@dataclass(frozen=True)
class Alternative:
    """What was looked at and not taken, with its numbers."""

    name: str
    saving: Saving
    worst: float
    why: str


@dataclass(frozen=True)
class Case:
    """A suggestion's case. With `against`, the reason in a sentence, it says what not to do.

    `what` and `why` are a sentence each. `checks` are (term, value). `data` is what its kind needs to
    measure it later.
    """

    title: str
    what: str
    why: str
    saving: Saving
    worst: Worst
    break_even: BreakEven
    evidence: Evidence
    known_from: str
    steps: tuple[Step, ...] = ()
    undo: str = ""
    alternatives: tuple[Alternative, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    against: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What a kind says of one subject: a case from what is known `until`; without one it is not worth it."""

    subject: str
    case: Case | None
    until: datetime


@dataclass(frozen=True)
class Asked:
    """What a kind is asked with: the odds for each month of a year that the platform still runs, and the
    cash in hand in units of the currency (None: nobody counted it)."""

    currency: str
    survival: Sequence[float]
    now: datetime
    cash: float | None = None


def write(case: Case) -> dict[str, Any]:
    """A case as JSON."""
    return asdict(case)


def read(told: Mapping[str, Any]) -> Case:
    """A case as it was written."""
    evidence = told["evidence"]
    rows = {name: tuple(tuple(one) for one in evidence[name]) for name in ("series", "rows")}
    line = tuple(evidence["line"]) if evidence["line"] else None
    alternatives = (one | {"saving": Saving(**one["saving"])} for one in told["alternatives"])
    parts = {
        "saving": Saving(**told["saving"]),
        "worst": Worst(**told["worst"]),
        "break_even": BreakEven(**told["break_even"]),
        "evidence": Evidence(**evidence | rows | {"line": line, "columns": tuple(evidence["columns"])}),
        "steps": tuple(Step(**one) for one in told["steps"]),
        "alternatives": tuple(Alternative(**one) for one in alternatives),
        "checks": tuple(tuple(one) for one in told["checks"]),
    }
    return Case(**{**told, **parts})
