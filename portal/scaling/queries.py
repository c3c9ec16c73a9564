"""Suggestions, as asked: each with its numbers as money, its dates, and the words to carry it out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.kit.errors import Missing
from portal.kit.money import MINOR_DIGITS, Money
from portal.scaling import living
from portal.scaling.models import Suggestion
from portal.scaling.pools import BY_SLUG, POOLS, Pool

YEAR, COOLING = timedelta(days=365), timedelta(days=2)
GONE = ("realised", "reverted", "dismissed", "expired")


@dataclass(frozen=True)
class Promise:
    """A commitment with its numbers as money; `hourly` in units of the currency. Savings are a month's."""

    hourly: float
    low: Money
    likely: Money
    high: Money
    worst: Money
    saved: int
    tried: int


@dataclass(frozen=True)
class Shown:
    """A suggestion as people read it. Without `promise` it says what not to do, which is `usual`.

    `needed` is the share of hours, in percent, from which a promise pays; `above` the share in which its
    level was needed, by days looked back. `ends_at` is when it would be over, were it bought now.
    """

    row: Suggestion
    pool: Pool
    state: str
    promise: Promise | None
    usual: Promise | None
    days: int
    needed: int
    above: dict[int, int]
    break_even_months: float
    ends_at: datetime
    look: str
    buy: str
    terraform: str
    undo: str

    @property
    def saved(self) -> Money:
        """What it really saved in the days that were measured."""
        return Money(self.row.saved, self.row.currency)

    def may(self, deed: str) -> bool:
        """Whether `accept`, `snooze`, `dismiss`, `apply` or `revert` can be done."""
        return living.may(deed, self.state)


def suggestions(session: Session, currency: str, *, now: datetime, size: int = 50) -> list[Shown]:
    """What stands and what was decided, in this currency; the newest first."""
    newest = Suggestion.suggested_at.desc(), Suggestion.id.desc()
    rows = session.scalars(
        select(Suggestion)
        .where(Suggestion.currency == currency, Suggestion.pool.in_([pool.slug for pool in POOLS]))
        .order_by(*newest)
        .limit(size)
    )
    return [shown(row, now) for row in rows]


def suggestion(session: Session, suggestion_id: str, *, now: datetime) -> Shown:
    """One of them; Missing when there is none."""
    row = session.get(Suggestion, suggestion_id)
    if row is None or row.pool not in BY_SLUG:
        raise Missing("There is no such suggestion.")
    return shown(row, now)


def standing(session: Session, pool: str, currency: str) -> Suggestion | None:
    """The one that stands for a pool, locked for a change."""
    return session.scalar(
        select(Suggestion)
        .where(Suggestion.pool == pool, Suggestion.currency == currency)
        .where(Suggestion.realised_at.is_(None), Suggestion.reverted_at.is_(None))
        .where(Suggestion.dismissed_at.is_(None), Suggestion.expired_at.is_(None))
        .with_for_update()
    )


def open_count(found: Sequence[Shown]) -> int:
    """How many wait for a decision."""
    return sum(one.state == "open" for one in found)


def shown(row: Suggestion, now: datetime) -> Shown:
    """A row with everything that is said of it."""
    advice, pool = row.advice, BY_SLUG[row.pool]
    promise, usual = (_promise(advice[name], row.currency) for name in ("suggested", "usual"))
    words = {
        "commitment": (promise or usual or _nothing(row.currency)).hourly,
        "queued_at": (row.accepted_at or now) + COOLING,
    }
    return Shown(
        row=row,
        pool=pool,
        state=living.state(_Life(row, promise is None), now),
        promise=promise,
        usual=usual,
        days=advice["days"],
        needed=round(100 * min(1, advice["needed"])),
        above={int(days): round(100 * share) for days, share in advice["above"].items()},
        break_even_months=advice["break_even_months"],
        ends_at=(row.applied_at or now) + YEAR,
        look=pool.look,
        buy=pool.buy.format(**words),
        terraform=pool.terraform.format(**words),
        undo=pool.undo.format(**words),
    )


class _Life:
    """A row with whether it says what not to do."""

    def __init__(self, row: Suggestion, is_rejected: bool) -> None:
        self.is_rejected = is_rejected
        self.accepted_at, self.applied_at, self.reverted_at = row.accepted_at, row.applied_at, row.reverted_at
        self.dismissed_at, self.snoozed_until = row.dismissed_at, row.snoozed_until
        self.realised_at, self.expired_at = row.realised_at, row.expired_at
        self.measured_days = row.measured_days or 0


def _promise(told: dict[str, Any] | None, currency: str) -> Promise | None:
    if told is None:
        return None
    low, likely, high, worst = (_money(told[name], currency) for name in ("low", "likely", "high", "worst"))
    return Promise(told["hourly"], low, likely, high, worst, told["saved"], told["tried"])


def _nothing(currency: str) -> Promise:
    none = Money(0, currency)
    return Promise(0.0, none, none, none, none, 0, 0)


def _money(amount: float, currency: str) -> Money:
    return Money(round(amount * 10 ** MINOR_DIGITS.get(currency, 2)), currency)
