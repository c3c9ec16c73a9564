"""Sustainability, as asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import billing, costs
from portal.kit.money import Money
from portal.kit.period import add_months, calendar_month
from portal.kit.settings import Payments
from portal.sustainability import rules
from portal.sustainability.models import Cash
from portal.sustainability.rules import Month, Runway

MONTHS = 12


@dataclass(frozen=True)
class Standing:
    """How the platform stands, in one currency. What is in another is named in `apart`, and not counted.

    `cost` is what the running month is expected to come to, `so_far` what of it is known already.
    `runway` is None until both cash and a cost of this month are known.
    """

    cost: Money
    so_far: Money
    earned: Money
    recurring: Money
    cash: Cash | None
    runway: Runway | None
    apart: tuple[Money, ...]

    @property
    def net(self) -> Money:
        """What each month leaves as things stand: what recurs less what this month costs."""
        return rules.minus(self.recurring, self.cost)

    @property
    def short(self) -> Money:
        """What each month takes from the cash as things stand; below zero when it adds to it."""
        return rules.minus(self.cost, self.recurring)


def standing(session: Session, payments: Payments | None, currency: str, *, now: datetime) -> Standing:
    """Cost and revenue of this calendar month, what recurs, and how long the cash lasts."""
    month, expected = costs.month(session, now), costs.outlook(session, currency, now=now)
    cost, in_hand = expected.likely, cash(session, currency)
    recurs = (one.monthly for one in billing.recurring(session, payments)) if payments else ()
    recurring = _sum(recurs, currency)
    lasts = None
    if in_hand is not None and cost.amount:
        lasts = rules.runway(Money(in_hand.amount, currency), cost, recurring)
    return Standing(
        cost=cost,
        so_far=expected.so_far,
        earned=months(session, payments, currency, now=now, count=1)[0].revenue,
        recurring=recurring,
        cash=in_hand,
        runway=lasts,
        apart=tuple(one for one in month.totals if one.currency != currency),
    )


def months(
    session: Session, payments: Payments | None, currency: str, *, now: datetime, count: int = MONTHS
) -> list[Month]:
    """Cost, revenue and net of so many calendar months up to the running one, the earliest first."""
    first = add_months(calendar_month(now)[0], 1 - count)
    earned = billing.earned(session, payments, since=first) if payments else []
    return [
        Month(
            month.at,
            month.total(currency),
            _sum((one.amount for one in earned if one.month == month.at), currency),
        )
        for month in costs.months(session, first, count)
    ]


def cash(session: Session, currency: str) -> Cash | None:
    """What was in hand when it was last counted in this currency."""
    newest_first = select(Cash).where(Cash.currency == currency).order_by(Cash.counted_at.desc())
    return session.scalar(newest_first.limit(1))


def counted(session: Session, *, size: int = 24) -> Sequence[Cash]:
    """What was counted, the newest first."""
    return session.scalars(select(Cash).order_by(Cash.counted_at.desc(), Cash.id.desc()).limit(size)).all()


def _sum(amounts: Iterable[Money], currency: str) -> Money:
    return Money(sum(one.amount for one in amounts if one.currency == currency), currency)
