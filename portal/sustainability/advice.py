"""Advice about capacity, with the odds that the platform lives to use it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts, scaling
from portal.kit import ids
from portal.kit.money import MINOR_DIGITS, Money
from portal.kit.settings import Payments
from portal.sustainability import rules
from portal.sustainability.models import Hazard
from portal.sustainability.queries import standing
from portal.sustainability.rules import Runway

USUAL_PERCENT = 2


@dataclass(frozen=True)
class Odds:
    """How likely the platform still runs: typed chance of closing, cash, and the mean over a year.

    `typed_at` is None while nobody typed a chance and the usual one is taken.
    """

    percent: int
    typed_at: datetime | None
    runway: Runway | None
    cash: Money | None
    months: tuple[float, ...]

    @property
    def mean_percent(self) -> int:
        """The mean of the twelve months, in percent."""
        return round(100 * sum(self.months) / len(self.months))


def odds(session: Session, payments: Payments | None, currency: str, *, now: datetime) -> Odds:
    """The odds as they are known now."""
    newest = session.scalar(select(Hazard).order_by(Hazard.typed_at.desc(), Hazard.id.desc()).limit(1))
    percent, stands = (
        newest.percent if newest else USUAL_PERCENT,
        standing(session, payments, currency, now=now),
    )
    cash = Money(stands.cash.amount, currency) if stands.cash else None
    months = rules.odds(percent, stands.runway)
    return Odds(percent, newest.typed_at if newest else None, stands.runway, cash, months)


def type_hazard(session: Session, percent: int, *, actor: accounts.Actor, now: datetime) -> None:
    """Note how likely it is, in percent a month, that the platform closes. Earlier rows stay."""
    rules.check_hazard(percent)
    session.add(Hazard(id=ids.new("haz"), percent=percent, typed_at=now, typed_by=actor.label))
    session.flush()
    accounts.record(session, actor, "hazard.typed", now=now, data={"percent": percent})


def suggest(session: Session, payments: Payments | None, currency: str, *, now: datetime) -> list[str]:
    """Work out what to suggest, with these odds and this cash; the ids of what is new."""
    known = odds(session, payments, currency, now=now)
    cash = known.cash.amount / 10 ** MINOR_DIGITS[currency] if known.cash else None
    return scaling.suggest(session, currency, known.months, now=now, cash=cash)
