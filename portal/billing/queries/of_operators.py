"""Billing, as asked by operators: revenue, the inbox, drift, troubles and requests."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, column, distinct, func, or_, select, text, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from portal.billing import rules
from portal.billing.models import (
    BillingCustomer,
    Drift,
    MirroredInvoice,
    MirroredSubscription,
    MirroredTrouble,
    Purchase,
    WebhookEvent,
)
from portal.billing.queries.of_accounts import open_requests, trouble_shown
from portal.billing.values import MONTH, Earned
from portal.kit import paging
from portal.kit.errors import Missing
from portal.kit.money import Money
from portal.kit.settings import Payments


@dataclass(frozen=True)
class Recurring:
    """What one plan brings a month as things stand; yearly prices count for a twelfth."""

    line: str
    plan: str
    interval: str
    subscriptions: int
    monthly: Money


@dataclass(frozen=True)
class Told:
    """One page of webhook events, drift or troubles, counted from 1."""

    rows: Sequence[Any]
    page: int
    pages: int
    total: int


EVENT_STATES: dict[str, ColumnElement[bool]] = {
    "waiting": and_(WebhookEvent.processed_at.is_(None), WebhookEvent.failure.is_(None)),
    "failing": and_(WebhookEvent.processed_at.is_(None), WebhookEvent.failure.is_not(None)),
    "done": and_(WebhookEvent.processed_at.is_not(None), WebhookEvent.ignored.is_(None)),
    "ignored": WebhookEvent.ignored.is_not(None),
    "swept": WebhookEvent.swept_at.is_not(None),
}


def requests(session: Session) -> Sequence[Purchase]:
    """What accounts asked staff for and is still open, oldest first."""
    return session.scalars(open_requests().order_by(Purchase.asked_at)).all()


def earned(session: Session, payments: Payments, *, since: datetime) -> list[Earned]:
    """What came in since a moment, by calendar month of payment, line and plan."""
    lines = func.jsonb_array_elements(MirroredInvoice.lines["lines"]).table_valued(
        column("value", JSONB), name="line"
    )
    offer, currency = lines.c.value["offer"], MirroredInvoice.currency
    sold = [func.coalesce(offer[part].astext, "").collate("C") for part in ("line", "plan")]
    kind = func.date_trunc("month", MirroredInvoice.paid_at, "UTC"), *sold, currency
    amount = func.sum(lines.c.value["amount"].astext.cast(BigInteger))
    rows = session.execute(  # a year of invoices is more than a page can load
        _mine(select(*kind, amount, func.count(distinct(MirroredInvoice.id))), MirroredInvoice, payments)
        .join(lines, true())
        .where(MirroredInvoice.status == "paid", MirroredInvoice.paid_at >= since)
        .group_by(*(text(str(at)) for at in (1, 2, 3, 4)))
        .order_by(*(text(str(at)) for at in (1, 2, 3, 4)))
    )
    return [
        Earned(month, line or None, plan or None, Money(int(total), money), invoices)
        for month, line, plan, money, total, invoices in rows
    ]


def recurring(session: Session, payments: Payments) -> list[Recurring]:
    """What the open subscriptions bring a month, by plan and interval."""
    rows = session.execute(
        _mine(
            select(
                MirroredSubscription.line,
                MirroredSubscription.plan,
                MirroredSubscription.interval,
                MirroredSubscription.currency,
                func.count(),
                func.sum(MirroredSubscription.amount),
            ),
            MirroredSubscription,
            payments,
        )
        .where(
            MirroredSubscription.status.in_(("active", "past_due")),
            MirroredSubscription.line.is_not(None),
            MirroredSubscription.second_at.is_(None),
        )
        .group_by(
            MirroredSubscription.line,
            MirroredSubscription.plan,
            MirroredSubscription.interval,
            MirroredSubscription.currency,
        )
        .order_by(MirroredSubscription.line, MirroredSubscription.plan, MirroredSubscription.interval)
    )
    return [
        Recurring(
            line or "",
            plan or "",
            interval or MONTH,
            count,
            Money(rules.monthly(int(amount), interval or MONTH), currency),
        )
        for line, plan, interval, currency, count, amount in rows
    ]


def recurring_by_account(session: Session, payments: Payments) -> dict[str, list[Money]]:
    """What each account's open subscriptions bring a month, in each currency."""
    rows = session.execute(
        _mine(
            select(
                BillingCustomer.account_id,
                MirroredSubscription.interval,
                MirroredSubscription.currency,
                MirroredSubscription.amount,
            ),
            MirroredSubscription,
            payments,
        ).where(
            MirroredSubscription.status.in_(("active", "past_due")),
            MirroredSubscription.line.is_not(None),
            MirroredSubscription.second_at.is_(None),
        )
    )
    found: dict[str, list[Money]] = defaultdict(list)
    for account_id, interval, currency, amount in rows:
        found[account_id].append(Money(rules.monthly(int(amount), interval or MONTH), currency))
    return found


def troubles(session: Session, payments: Payments, *, page: int = 1, size: int = 50) -> Told:
    """Refunds and disputes, newest first, as `TroubleShown`."""
    found = _mine(select(MirroredTrouble, BillingCustomer.account_id), MirroredTrouble, payments)
    told = _page(session, found.order_by(MirroredTrouble.created_at.desc()), page, size)
    rows = [trouble_shown(row, account_id) for row, account_id in told.rows]
    return Told(rows, told.page, told.pages, told.total)


def disputes_waiting(session: Session, payments: Payments) -> int:
    """How many disputes the bank wants an answer to."""
    waiting = _mine(select(func.count()).select_from(MirroredTrouble), MirroredTrouble, payments)
    return session.scalar(waiting.where(MirroredTrouble.status.in_(rules.WANTS_ANSWER))) or 0


def events(
    session: Session, *, state: str | None = None, words: str = "", page: int = 1, size: int = 50
) -> Told:
    """The inbox of webhooks, newest first: `WebhookEvent` rows in a state of `EVENT_STATES` (None: any)."""
    found = select(WebhookEvent).order_by(WebhookEvent.received_at.desc(), WebhookEvent.id.desc())
    if state:
        found = found.where(EVENT_STATES[state])
    if words:
        found = found.where(
            or_(
                *(column.icontains(words, autoescape=True) for column in (WebhookEvent.id, WebhookEvent.type))
            )
        )
    told = _page(session, found, page, size)
    return Told([row for (row,) in told.rows], told.page, told.pages, told.total)


def event(session: Session, event_id: str) -> WebhookEvent:
    """One webhook of the inbox; Missing when it never came."""
    if (row := session.get(WebhookEvent, event_id)) is None:
        raise Missing("There is no such event.")
    return row


def events_failing(session: Session) -> int:
    """How many webhooks failed and wait to be tried again."""
    return session.scalar(select(func.count()).select_from(WebhookEvent).where(EVENT_STATES["failing"])) or 0


def drifts(session: Session, *, page: int = 1, size: int = 50) -> Told:
    """Where a sweep found our books to differ from Stripe's, newest first: `Drift` rows."""
    told = _page(session, select(Drift).order_by(Drift.found_at.desc(), Drift.id.desc()), page, size)
    return Told([row for (row,) in told.rows], told.page, told.pages, told.total)


def drifts_open(session: Session) -> int:
    """How many differences from Stripe are not healed yet."""
    return session.scalar(select(func.count()).select_from(Drift).where(Drift.healed_at.is_(None))) or 0


def _mine(statement: Any, table: Any, payments: Payments) -> Any:
    """Only what belongs to the present mode."""
    return statement.join(BillingCustomer, BillingCustomer.id == table.customer_id).where(
        BillingCustomer.mode == payments.mode
    )


def _page(session: Session, statement: Any, page: int, size: int) -> Told:
    total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    page, pages = paging.numbers(page, size, total)
    rows = session.execute(statement.limit(size).offset((page - 1) * size)).all()
    return Told(rows, page, pages, total)
