"""Sweeping: every customer compared with Stripe, and what differed noted and healed."""

from datetime import datetime

import structlog
from sqlalchemy import or_, select, true
from sqlalchemy.orm import Session, sessionmaker

from portal import plans
from portal.billing import rules
from portal.billing.actions import mirroring
from portal.billing.gateway import Stripe, StripeAway
from portal.billing.models import BillingCustomer, Drift, MirroredSubscription, WebhookEvent
from portal.kit.db import unit

log = structlog.get_logger(__name__)


def sweep_all(
    sessions: sessionmaker[Session],
    stripe: Stripe,
    *,
    now: datetime,
    before: datetime | None = None,
    limit: int | None = None,
) -> list[str]:
    """Sync every customer, note drift, and take back access that no payment stands for; whom to push.

    With `before`, only customers last synced before that, and at most `limit` of those of whom sense can
    be made: the longest ago first.
    """
    try:
        stripe_account = stripe.account
    except StripeAway as away:
        log.warning("the sweep found nobody", detail=away.detail)
        return []
    pushed: set[str] = set()
    with sessions() as session:
        with unit(session):
            customers = session.execute(
                select(BillingCustomer.account_id, BillingCustomer.stripe_id)
                .where(
                    BillingCustomer.mode == stripe.payments.mode,
                    BillingCustomer.stripe_account == stripe_account,
                    BillingCustomer.stripe_id.is_not(None),
                )
                .where(
                    true()
                    if before is None
                    else or_(BillingCustomer.synced_at.is_(None), BillingCustomer.synced_at < before)
                )
                .order_by(BillingCustomer.synced_at.asc().nulls_first(), BillingCustomer.id)
            ).all()
        looked_at = 0
        for account_id, stripe_id in customers:
            try:
                if _sweep(session, stripe, account_id, stripe_id or "", now=now):
                    pushed.add(account_id)
            except StripeAway as away:
                log.warning("the sweep was left", account=account_id, detail=away.detail)
                break
            except Exception:  # one of whom no sense can be made must not stand in the way of all others
                log.exception("a customer could not be swept", account=account_id)
                continue
            looked_at += 1
            if looked_at == limit:
                break
        pushed |= _take_back(session, stripe, stripe_account, now=now)
    return sorted(pushed)


def _sweep(session: Session, stripe: Stripe, account_id: str, stripe_id: str, *, now: datetime) -> bool:
    """Sync one customer; whether anything differed. What an event still waits to tell is no drift."""
    with unit(session):
        expected = session.scalar(
            select(WebhookEvent.id)
            .where(WebhookEvent.customer == stripe_id, WebhookEvent.processed_at.is_(None))
            .limit(1)
        )
    changes = mirroring.sync(session, stripe, stripe_id, now=now).changes
    if expected is None and changes:
        with unit(session):
            for what in changes:
                session.add(
                    Drift(
                        mode=stripe.payments.mode,
                        account_id=account_id,
                        what=what,
                        found_at=now,
                        healed_at=now,
                    )
                )
    return bool(changes)


def _take_back(session: Session, stripe: Stripe, stripe_account: str, *, now: datetime) -> set[str]:
    """Plans that are held by a payment which is none of this mode and account: of a sandbox, say."""
    taken = set()
    with unit(session):
        held = set(plans.held_by_payment(session))
        paid = session.execute(
            select(BillingCustomer.account_id, MirroredSubscription.line)
            .join(MirroredSubscription, MirroredSubscription.customer_id == BillingCustomer.id)
            .where(
                BillingCustomer.mode == stripe.payments.mode,
                BillingCustomer.stripe_account == stripe_account,
                MirroredSubscription.status.in_(rules.HOLDING),
            )
        )
        for account_id, line in sorted(held - {(account_id, line) for account_id, line in paid}):
            if plans.release(session, account_id, line, now):
                what = f"the plan of {line} was held without a payment"
                session.add(
                    Drift(
                        mode=stripe.payments.mode,
                        account_id=account_id,
                        what=what,
                        found_at=now,
                        healed_at=now,
                    )
                )
                taken.add(account_id)
    return taken
