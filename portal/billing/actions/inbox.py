"""The inbox: webhooks stored as they came, thought about later, and swept for."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from portal.billing import rules
from portal.billing.actions import mirroring
from portal.billing.events import StripeEventStored
from portal.billing.gateway import BadWebhook, Incoming, Stripe, StripeAway, read_event, read_webhook
from portal.billing.models import BillingCustomer, Drift, WebhookEvent
from portal.kit.db import unit
from portal.kit.errors import Missing, Refusal
from portal.kit.outbox import tell
from portal.kit.settings import Payments

log = structlog.get_logger(__name__)

SWEPT = timedelta(days=3)
LOST = timedelta(minutes=2)  # an event that nobody thought about by then was lost on the way
AT_ONCE = 200
KEPT, DRIFT_KEPT = timedelta(days=90), timedelta(days=365)


def store_event(
    session: Session, payments: Payments, raw: bytes, signature: str | None, *, now: datetime
) -> bool:
    """Store a webhook whose signature holds; whether it is new. BadWebhook (answer 400) when it is none.

    In the caller's unit; speaks to nobody. Answer 200 whether new or not.
    """
    incoming = read_webhook(payments, raw, signature, now=now)
    return _store(session, payments, incoming, raw, now=now)


def think(sessions: sessionmaker[Session], stripe: Stripe, event_id: str, *, now: datetime) -> str | None:
    """Bring the mirror of the customer that an event is about up to date; the account to push, if any.

    What fails is noted at the event and tried again by `retry_events`; nothing is raised.
    """
    return _try(sessions, stripe, event_id, now=now)[0]


def retry_events(sessions: sessionmaker[Session], stripe: Stripe, *, now: datetime) -> list[str]:
    """Think again about events whose time has come, until Stripe is away; the accounts to push."""
    with sessions() as session, unit(session):
        due = session.scalars(
            select(WebhookEvent.id)
            .where(
                WebhookEvent.mode == stripe.payments.mode,  # those of another would stand in the way
                WebhookEvent.processed_at.is_(None),
                WebhookEvent.due_at <= now,
            )
            .order_by(WebhookEvent.due_at)
            .limit(AT_ONCE)
        ).all()
    return _try_all(sessions, stripe, due, now=now)


def sweep_events(sessions: sessionmaker[Session], stripe: Stripe, *, now: datetime) -> list[str]:
    """Fetch the events that Stripe could not deliver, and think about them; the accounts to push."""
    try:
        found = stripe.undelivered(now - SWEPT)
    except StripeAway as away:
        log.warning("the sweep found nobody", detail=away.detail)
        return []
    fresh = []
    with sessions() as session, unit(session):
        for event in found:
            if (event_id := _take(session, stripe.payments, event, now=now)) is not None:
                fresh.append(event_id)
    return _try_all(sessions, stripe, fresh, now=now)


def forget_old(session: Session, *, now: datetime) -> None:
    """Delete webhooks that were done with 90 days ago and drift that was healed a year ago, in this unit."""
    session.execute(delete(WebhookEvent).where(WebhookEvent.processed_at < now - KEPT))
    session.execute(delete(Drift).where(Drift.healed_at < now - DRIFT_KEPT))


def _try_all(
    sessions: sessionmaker[Session], stripe: Stripe, event_ids: Iterable[str], *, now: datetime
) -> list[str]:
    """Think about events one by one; the accounts to push.

    Once Stripe is away the rest is left for the next time: each question would be waited for in vain.
    """
    pushed: set[str] = set()
    for event_id in event_ids:
        account_id, is_away = _try(sessions, stripe, event_id, now=now)
        if account_id is not None:
            pushed.add(account_id)
        if is_away:
            break
    return sorted(pushed)


def _try(
    sessions: sessionmaker[Session], stripe: Stripe, event_id: str, *, now: datetime
) -> tuple[str | None, bool]:
    """Think about an event; the account to push, if any, and whether Stripe is away."""
    with sessions() as session:
        try:
            return _think(session, stripe, event_id, now=now), False
        except Exception as problem:
            said: str = getattr(problem, "detail", None) or f"{type(problem).__name__}: {problem}"
            if not isinstance(problem, Refusal):
                log.exception("an event could not be thought about", stripe_event=event_id)
            _note_failure(session, event_id, " ".join(said.split())[:500], now=now)
            return None, isinstance(problem, StripeAway)


def _take(session: Session, payments: Payments, event: dict[str, Any], *, now: datetime) -> str | None:
    """Store an event that was never delivered; its id when it is new."""
    try:
        incoming = read_event(event)
    except BadWebhook:
        return None
    raw = json.dumps(event).encode()
    if not _store(session, payments, incoming, raw, now=now, swept_at=now):
        return None
    what = f"event {incoming.id} ({incoming.type}) was never delivered"
    session.add(Drift(mode=payments.mode, what=what, found_at=now, healed_at=now))
    return incoming.id


def _store(
    session: Session,
    payments: Payments,
    incoming: Incoming,
    raw: bytes,
    *,
    now: datetime,
    swept_at: datetime | None = None,
) -> bool:
    ignored = _ignored(session, payments, incoming)
    kind, subject = incoming.subject or ("", "")
    stored = session.scalar(
        insert(WebhookEvent)
        .values(
            id=incoming.id,
            mode=payments.mode,
            stripe_account=incoming.account,
            type=incoming.type,
            customer=subject if kind == "customer" else None,
            api_version=incoming.api_version,
            raw=raw,
            swept_at=swept_at,
            created_at=incoming.created_at,
            received_at=now,
            due_at=None if ignored else now + LOST,
            attempts=0,
            processed_at=now if ignored else None,
            ignored=ignored,
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(WebhookEvent.id)
    )
    if stored is not None and ignored is None:
        tell(session, StripeEventStored(incoming.id))
    return stored is not None


def _ignored(session: Session, payments: Payments, incoming: Incoming) -> str | None:
    """Why nothing is to be made of an event: it is of the other mode, of another account, or of nobody."""
    if incoming.livemode != (payments.mode == "live"):
        return "it is of the other mode"
    if incoming.account is not None and not _is_ours(session, payments, incoming.account):
        return "it is of another Stripe account"
    return "it is about no customer" if incoming.subject is None else None


def _is_ours(session: Session, payments: Payments, stripe_account: str) -> bool:
    ours = select(BillingCustomer.id).where(
        BillingCustomer.mode == payments.mode, BillingCustomer.stripe_account == stripe_account
    )
    return session.scalar(ours.limit(1)) is not None


def _think(session: Session, stripe: Stripe, event_id: str, *, now: datetime) -> str | None:
    with unit(session):
        row = session.get(WebhookEvent, event_id, populate_existing=True)
        if row is None or row.processed_at is not None or row.mode != stripe.payments.mode:
            return None
        subject = ("customer", row.customer) if row.customer else rules.subject(json.loads(row.raw))
        attempts = row.attempts
    customer = stripe.customer_of(*subject) if subject else None
    if customer is None:
        _ignore(session, event_id, "it is about no customer", now=now)
        return None
    with unit(session):  # from now on it is covered by whoever syncs this customer
        session.get_one(WebhookEvent, event_id, populate_existing=True).customer = customer
    try:
        return mirroring.sync(session, stripe, customer, now=now, for_event=event_id).account_id
    except Missing:
        # The webhook may have been quicker than our own note of the customer that it is about.
        if attempts + 1 < rules.STRANGER_ATTEMPTS:
            raise
        _ignore(session, event_id, "it is about a customer of somebody else", now=now)
        return None


def _ignore(session: Session, event_id: str, why: str, *, now: datetime) -> None:
    with unit(session):
        row = session.get_one(WebhookEvent, event_id, populate_existing=True)
        row.processed_at, row.ignored, row.failure, row.due_at = now, why, None, None


def _note_failure(session: Session, event_id: str, failure: str, *, now: datetime) -> None:
    with unit(session):
        row = session.get(WebhookEvent, event_id, populate_existing=True, with_for_update=True)
        if row is not None and row.processed_at is None:
            row.attempts += 1
            row.failure, row.due_at = failure, now + rules.retry_after(row.attempts)
