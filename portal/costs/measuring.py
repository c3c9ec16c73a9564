"""A month's cost, as measured: of the newest span that is known well, what it truly costs a month."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.costs import queries
from portal.costs.models import Bill, DailyCharge
from portal.costs.rules import TYPED
from portal.kit.money import MINOR_DIGITS
from portal.kit.period import add_months, calendar_month

ENOUGH = timedelta(days=1)


@dataclass(frozen=True)
class Measured:
    """What a month costs at the pace of `[starts_at, until)`, in units of its currency, exactly.

    What is paid ahead counts in the hours that it covers, not in the month of its payment. `credits` is what
    credits took off it: without them it would cost so much more.
    """

    starts_at: datetime
    until: datetime
    currency: str
    monthly: Decimal
    credits: Decimal = Decimal()


def measured(session: Session, currency: str, *, now: datetime) -> Measured:
    """The newest billed month as far as it is billed; without bills this month, or the last at its start."""
    starts_at, ends_at = calendar_month(now)
    until = now.replace(minute=0, second=0, microsecond=0)
    if (billed := _newest(session, currency)) is not None:
        starts_at, ends_at = calendar_month(billed)
        until = min(billed + timedelta(days=1), ends_at)
    elif until - starts_at < ENOUGH:
        starts_at, ends_at, until = add_months(starts_at, -1), starts_at, starts_at
    share = Decimal((until - starts_at).total_seconds()) / Decimal((ends_at - starts_at).total_seconds())
    digits = MINOR_DIGITS.get(currency, 2)
    typed = sum(
        charge.amount.amount
        for one in queries.month(session, starts_at).services
        for charge in one.charges
        if charge.source == TYPED and charge.amount.currency == currency
    )
    effective, credited = _effective(session, currency, starts_at)
    monthly = Decimal(typed).scaleb(-digits) + effective / share
    return Measured(starts_at, until, currency, monthly, credited / share)


def _newest(session: Session, currency: str) -> datetime | None:
    """The newest day of usage that a standing bill tells of, within the month that it bills."""
    return session.scalar(
        select(func.max(DailyCharge.day))
        .join(Bill, Bill.id == DailyCharge.bill_id)
        .where(Bill.replaced_at.is_(None), DailyCharge.currency == currency)
        .where(DailyCharge.category == "Usage", DailyCharge.day >= Bill.month)
        .where(func.date_trunc("month", DailyCharge.day, "UTC") == Bill.month)
    )


def _effective(session: Session, currency: str, month: datetime) -> tuple[Decimal, Decimal]:
    """What a month costs, and what credits took off it."""
    given = func.sum(-DailyCharge.effective).filter(DailyCharge.category == "Credit")
    effective, credited = session.execute(
        select(func.sum(DailyCharge.effective), given)
        .join(Bill, Bill.id == DailyCharge.bill_id)
        .where(Bill.replaced_at.is_(None), Bill.month == month, DailyCharge.currency == currency)
    ).one()
    return effective or Decimal(), credited or Decimal()
