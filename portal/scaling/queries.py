"""Suggestions, as asked: each with its case in money, its dates, and the words to carry it out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.kit.errors import Missing
from portal.kit.money import MINOR_DIGITS, Money
from portal.scaling import cases, living
from portal.scaling.cases import QUEUED_AT, Alternative, Case, Saving
from portal.scaling.kinds import KINDS, Kind
from portal.scaling.models import ENDED, Suggestion

COOLING = timedelta(days=2)
PROMISE = "commitment"


@dataclass(frozen=True)
class Range:
    """A saving a month, as money."""

    low: Money
    likely: Money
    high: Money

    @property
    def words(self) -> str:
        """Both ends, or one amount when they are the same."""
        return self.low.exact if self.low == self.high else f"{self.low.exact} to {self.high.exact}"


@dataclass(frozen=True)
class NotTaken:
    """An alternative, with its numbers as money."""

    told: Alternative
    saving: Range
    worst: Money


@dataclass(frozen=True)
class Shown:
    """A suggestion as people read it. With `case.against` it says what not to do.

    `ends_at` is when the worst case would be over, were it carried out now; None when nothing is owed.
    """

    row: Suggestion
    kind: Kind
    state: str
    case: Case
    saving: Range
    worst: Money
    ends_at: datetime | None
    steps: tuple[tuple[str, str], ...]
    alternatives: tuple[NotTaken, ...]

    @property
    def saved(self) -> Money:
        """What it really saved in the days that were measured."""
        return Money(self.row.saved, self.row.currency)

    def may(self, deed: str) -> bool:
        """Whether `accept`, `snooze`, `dismiss`, `apply` or `revert` can be done."""
        return living.may(deed, self.state)


def suggestions(session: Session, currency: str, *, now: datetime, size: int = 200) -> list[Shown]:
    """What stands and then what was decided, in this currency; of each the newest first."""
    newest = text(f"({ENDED}) DESC"), Suggestion.suggested_at.desc(), Suggestion.id.desc()
    rows = session.scalars(
        select(Suggestion)
        .where(Suggestion.currency == currency, Suggestion.kind.in_(KINDS))
        .order_by(*newest)
        .limit(size)
    )
    return [shown(row, now) for row in rows]


def suggestion(session: Session, suggestion_id: str, *, now: datetime) -> Shown:
    """One of them; Missing when there is none."""
    row = session.get(Suggestion, suggestion_id)
    if row is None or row.kind not in KINDS:
        raise Missing("There is no such suggestion.")
    return shown(row, now)


def standing(session: Session, kind: str, currency: str) -> Sequence[Suggestion]:
    """Those of a kind that stand, locked for a change."""
    return session.scalars(
        select(Suggestion)
        .where(Suggestion.kind == kind, Suggestion.currency == currency)
        .where(Suggestion.realised_at.is_(None), Suggestion.reverted_at.is_(None))
        .where(Suggestion.dismissed_at.is_(None), Suggestion.expired_at.is_(None))
        .order_by(Suggestion.id)
        .with_for_update()
    ).all()


def open_count(found: Sequence[Shown]) -> int:
    """How many wait for a decision."""
    return sum(one.state == "open" for one in found)


def to_decide_first(session: Session, one: Shown, *, now: datetime) -> list[Shown]:
    """Open suggestions that change what a promise was worked out from: the same services, another shape."""
    if one.kind.slug != PROMISE or one.case.against:
        return []
    services = set(one.case.data["services"])
    return [
        other
        for other in suggestions(session, one.row.currency, now=now)
        if other.state == "open"
        and other.kind.slug != PROMISE
        and services & set(other.case.data.get("services", ()))
    ]


def shown(row: Suggestion, now: datetime) -> Shown:
    """A row with everything that is said of it."""
    case, queued_at = cases.read(row.case), (row.accepted_at or now) + COOLING
    worst = case.worst
    return Shown(
        row=row,
        kind=KINDS[row.kind],
        state=living.state(_Life(row, bool(case.against)), now),
        case=case,
        saving=_range(case.saving, row.currency),
        worst=_money(worst.amount, row.currency),
        ends_at=(row.applied_at or now) + timedelta(days=worst.days) if worst.days else None,
        steps=tuple(
            (step.name, step.text.replace(QUEUED_AT, f"{queued_at:%Y-%m-%dT%H:%M:%SZ}"))
            for step in case.steps
        ),
        alternatives=tuple(
            NotTaken(one, _range(one.saving, row.currency), _money(one.worst, row.currency))
            for one in case.alternatives
        ),
    )


class _Life:
    """A row with whether it says what not to do."""

    def __init__(self, row: Suggestion, is_rejected: bool) -> None:
        self.is_rejected = is_rejected
        self.accepted_at, self.applied_at, self.reverted_at = row.accepted_at, row.applied_at, row.reverted_at
        self.dismissed_at, self.snoozed_until = row.dismissed_at, row.snoozed_until
        self.realised_at, self.expired_at = row.realised_at, row.expired_at
        self.measured_days = row.measured_days or 0


def _range(saving: Saving, currency: str) -> Range:
    low, likely, high = (_money(amount, currency) for amount in (saving.low, saving.likely, saving.high))
    return Range(low, likely, high)


def _money(amount: float, currency: str) -> Money:
    return Money(round(amount * 10 ** MINOR_DIGITS.get(currency, 2)), currency)
