"""Buying: the first purchase of a plan, through Stripe's checkout."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal import accounts
from portal.billing.gateway import Stripe
from portal.billing.models import Purchase


def checkout(
    session: Session,
    stripe: Stripe,
    account_id: str,
    plan: str,
    interval: str,
    *,
    public_url: str,
    actor: accounts.Actor,
    now: datetime,
) -> Purchase:
    """Begin to buy a plan: `url` of the purchase is the checkout page to send the customer to.

    A second click, in this tab or another, gets the same purchase and the same page. Afterwards the
    customer is led to `/billing/return?purchase=<id>`, or to `/plans` when they give up.
    Conflict when the account pays for a plan of this line already (change it instead) or holds one by
    contract; Invalid when the plan is not for sale; StripeAway when Stripe does not answer.
    """
    raise NotImplementedError


def portal_link(session: Session, stripe: Stripe, account_id: str, *, return_url: str, now: datetime) -> str:
    """A fresh link to Stripe's portal: invoices, cards, cancelling. Conflict when nothing was ever paid."""
    raise NotImplementedError
