"""Dunning: reminders of unpaid invoices, the end of grace, and cards that end."""

from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from portal.billing import rules
from portal.billing.actions import access
from portal.billing.events import CardExpiring
from portal.billing.models import BillingCustomer, MirroredSubscription
from portal.kit.outbox import tell
from portal.kit.period import calendar_month
from portal.kit.settings import Payments


def remind(session: Session, payments: Payments, *, now: datetime) -> int:
    """Tell of unpaid invoices on day 0, 3, 5 and 7, of grace that is over, and of cards that end soon.

    In the caller's unit; how many were told of. Nothing is told twice. Whoever is being synced at
    this moment is left for the next time.
    """
    told = 0
    late = _of_mode(payments).where(MirroredSubscription.past_due_at.is_not(None))
    for customer, row in session.execute(late).all():
        told += access.remind(session, customer, row, now=now)
        if row.access_ends_at is not None and row.access_ends_at <= now:
            told += access.end(session, customer, row, now=now)
    card = (BillingCustomer.card_brand, " ", BillingCustomer.card_last4)
    ends_now_or_next = [
        and_(
            BillingCustomer.card_exp_year == month.year,
            BillingCustomer.card_exp_month == month.month,
            BillingCustomer.card_told.is_distinct_from(func.concat(*card, f" {month:%Y-%m}")),
        )
        for month in calendar_month(now)
    ]
    paying = _of_mode(payments).where(or_(*ends_now_or_next))  # the rule decides; nobody else is locked
    for customer, _ in session.execute(paying).all():
        told += _warn(session, customer, now=now)
    return told


def _warn(session: Session, customer: BillingCustomer, *, now: datetime) -> bool:
    brand, last4 = customer.card_brand, customer.card_last4
    month, year = customer.card_exp_month, customer.card_exp_year
    if not (brand and last4 and month and year) or not rules.card_ends_soon(month, year, now=now):
        return False
    card = f"{brand} {last4} {year}-{month:02}"
    if customer.card_told == card:
        return False
    customer.card_told = card
    tell(session, CardExpiring(customer.account_id, brand, last4, month, year))
    return True


def _of_mode(payments: Payments):  # type: ignore[no-untyped-def]
    """Customers of the present mode with each subscription that is still charged for, locked."""
    return (
        select(BillingCustomer, MirroredSubscription)
        .join(MirroredSubscription, MirroredSubscription.customer_id == BillingCustomer.id)
        .where(
            BillingCustomer.mode == payments.mode,
            MirroredSubscription.status.in_(rules.OPEN),
            MirroredSubscription.second_at.is_(None),
        )
        .order_by(BillingCustomer.id, MirroredSubscription.id)
        .with_for_update(of=BillingCustomer, skip_locked=True)
        .execution_options(populate_existing=True)
    )
