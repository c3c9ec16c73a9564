"""Customers: the row of an account in the present mode, which is also the lock of all that it buys."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import accounts
from portal.billing.gateway import Stripe
from portal.billing.models import BillingCustomer
from portal.kit import ids
from portal.kit.db import unit
from portal.kit.errors import Conflict


def locked(session: Session, stripe: Stripe, account_id: str, *, now: datetime) -> BillingCustomer:
    """The account's row, made if need be, and held until the unit ends. Call `stripe.account` before."""
    mine = {
        "account_id": account_id,
        "mode": stripe.payments.mode,
        "stripe_account": stripe.account,
    }
    session.execute(
        insert(BillingCustomer)
        .values(id=ids.new("bil"), created_at=now, **mine)
        .on_conflict_do_nothing(index_elements=list(mine))
    )
    return session.scalars(
        select(BillingCustomer).filter_by(**mine).with_for_update().execution_options(populate_existing=True)
    ).one()


def known(session: Session, stripe: Stripe, account_id: str, *, now: datetime) -> BillingCustomer:
    """The same, of an account that is a customer at Stripe already. Conflict when it is none."""
    row = locked(session, stripe, account_id, now=now)
    if row.stripe_id is None:
        raise Conflict("This account has not paid for anything yet.")
    return row


def ensure(session: Session, stripe: Stripe, account_id: str, *, now: datetime) -> str:
    """The id of the account's customer at Stripe, made there if need be. In units of its own.

    Two who ask at once ask Stripe under one key, and so get one customer.
    """
    _ = stripe.account
    with unit(session, account_id):
        row = locked(session, stripe, account_id, now=now)
        name = accounts.get(session, account_id).name
        owners = accounts.owners(session, account_id)
        row_id, before = row.id, row.stripe_id
        email = owners[0].email if owners else None
    if before is not None and stripe.has_customer(before):
        return before
    key = f"{row_id}-{before or 'first'}-{now:%Y%m%d%H}"  # what failed at Stripe fails for no longer
    made = stripe.open_customer(name, email, account_id, key=key)
    with unit(session, account_id):
        row = locked(session, stripe, account_id, now=now)
        if row.stripe_id == before:
            row.stripe_id = made
        return row.stripe_id or made
