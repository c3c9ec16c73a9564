"""Mirroring: what Stripe says of a customer is written down, and access follows from it.

The row of the customer is locked before Stripe is asked: two who ask one after the other write in that
order, so that an older answer never overwrites a newer one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.billing import queries, rules
from portal.billing.actions import access, recovering, seconds, writing
from portal.billing.gateway import Stripe
from portal.billing.models import BillingCustomer, MirroredSubscription, Purchase, WebhookEvent
from portal.billing.values import Picture
from portal.kit.db import unit
from portal.kit.errors import Missing


@dataclass(frozen=True)
class Synced:
    """What a sync did: for which account, and what changed, in words."""

    account_id: str
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Left:
    """What a look at a customer leaves to be done at Stripe: subscriptions and invoices, by id."""

    seconds: tuple[str, ...] = ()
    unpaid: tuple[str, ...] = ()
    card_id: str = ""


def refresh(session: Session, stripe: Stripe, account_id: str, *, now: datetime) -> Synced | None:
    """Bring an account's mirror and access up to date, as the page that customers return to does.

    None when the account was never a customer.
    """
    stripe_account = stripe.account
    with unit(session):
        row = queries.customer(session, account_id, stripe.payments)
        stripe_id = row.stripe_id if row is not None and row.stripe_account == stripe_account else None
    return sync(session, stripe, stripe_id, now=now) if stripe_id else None


def sync(
    session: Session, stripe: Stripe, stripe_id: str, *, now: datetime, for_event: str | None = None
) -> Synced:
    """Fetch all of one customer from Stripe under the lock of its row, and write it; what changed.

    In units of its own. Access is given and taken through `plans`; facts are told; a second
    subscription in one line is ended and refunded; a new card is asked for what an old one left open.
    Done `for_event`, it is not done again when somebody else has covered the event meanwhile. Missing
    when no account is this customer.
    """
    done, left = _write(session, stripe, stripe_id, now=now, for_event=for_event)
    for subscription_id in left.seconds:
        seconds.settle(session, stripe, subscription_id, now=now)
    for invoice_id in left.unpaid:
        recovering.recover(session, stripe, invoice_id, left.card_id, now=now)
    if left.seconds or left.unpaid:
        again, _ = _write(session, stripe, stripe_id, now=now, finally_=True)
        done = Synced(done.account_id, done.changes + again.changes)
    return done


def _write(
    session: Session,
    stripe: Stripe,
    stripe_id: str,
    *,
    now: datetime,
    for_event: str | None = None,
    finally_: bool = False,
) -> tuple[Synced, Left]:
    """Fetch and write, once; what is still to be asked of Stripe.

    While something is, the events are not done with: should it fail, they are thought about again.
    """
    stripe_account = stripe.account
    with unit(session):
        row = _lock(session, stripe, stripe_account, stripe_id)
        covered = _waiting(session, stripe_id)
        if for_event is not None and for_event not in covered:
            return Synced(row.account_id, ()), Left()
        picture = stripe.picture(stripe_id)
        before = _standing(session, row)
        changes = writing.write(session, row, picture, before, now=now)
        changes += access.follow(session, row, picture, now=now)
        _finish_purchases(session, row, picture, now=now)
        left = _left(session, row)
        if covered and (finally_ or left == Left()):
            session.execute(
                update(WebhookEvent)
                .where(WebhookEvent.id.in_(covered))
                .values(processed_at=now, failure=None, due_at=None)
            )
        row.synced_at = now
        return Synced(row.account_id, tuple(changes)), left


def _left(session: Session, row: BillingCustomer) -> Left:
    marked = tuple(one.id for one in seconds.waiting(session, row))
    if row.card_id is None or not (unpaid := tuple(recovering.waiting(session, row))):
        return Left(marked)
    return Left(marked, unpaid, row.card_id)


def _lock(session: Session, stripe: Stripe, stripe_account: str, stripe_id: str) -> BillingCustomer:
    row = session.scalar(
        select(BillingCustomer)
        .where(
            BillingCustomer.stripe_id == stripe_id,
            BillingCustomer.mode == stripe.payments.mode,
            BillingCustomer.stripe_account == stripe_account,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise Missing("No account is this customer.")
    return row


def _waiting(session: Session, stripe_id: str) -> Sequence[str]:
    """The events that what is fetched from now on covers: those that were stored before."""
    return session.scalars(
        select(WebhookEvent.id).where(WebhookEvent.customer == stripe_id, WebhookEvent.processed_at.is_(None))
    ).all()


def _standing(session: Session, row: BillingCustomer) -> Mapping[str, MirroredSubscription]:
    rows = session.scalars(
        select(MirroredSubscription)
        .where(MirroredSubscription.customer_id == row.id)
        .execution_options(populate_existing=True)
    )
    return {one.id: one for one in rows}


def _finish_purchases(session: Session, row: BillingCustomer, picture: Picture, *, now: datetime) -> None:
    """What was asked for at a checkout is there: the purchase is finished, and so is its request."""
    lines = {one.offer.line for one in picture.subscriptions if one.offer and one.status in rules.OPEN}
    session.execute(
        update(Purchase)
        .where(
            Purchase.account_id == row.account_id,
            Purchase.kind.in_(("checkout", "request")),
            Purchase.line.in_(lines),
            Purchase.finished_at.is_(None),
            Purchase.failed_at.is_(None),
        )
        .values(finished_at=now)
    )
