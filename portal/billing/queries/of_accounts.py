"""Billing, as asked by accounts: what they pay for, their invoices, and what they asked for."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from portal import plans
from portal.billing import rules
from portal.billing.models import (
    BillingCustomer,
    MirroredInvoice,
    MirroredSubscription,
    MirroredTrouble,
    OneOff,
    Purchase,
)
from portal.billing.values import Card, InvoiceLine, Offer
from portal.kit.errors import Missing
from portal.kit.money import Money
from portal.kit.settings import Payments


@dataclass(frozen=True)
class Bill:
    """What an account pays for in one line, as the mirror has it. `price` is for each `interval`.

    `ends_at`: it is cancelled for then. `next_plan` and `next_interval` take over at `next_at`. While
    an invoice is unpaid, `past_due_at` says since when, `access_ends_at` until when the plan holds all
    the same, and `pay_url` is where to pay it.
    """

    subscription_id: str
    line: str
    plan: str
    version: int
    name: str
    interval: str
    price: Money
    status: str
    began_at: datetime
    renews_at: datetime
    ends_at: datetime | None
    next_plan: str | None
    next_name: str | None
    next_interval: str | None
    next_at: datetime | None
    past_due_at: datetime | None
    access_ends_at: datetime | None
    access_ended_at: datetime | None
    pay_url: str | None


@dataclass(frozen=True)
class Shown:
    """An invoice as a page shows it. `status` is open, paid, uncollectible or void."""

    id: str
    number: str | None
    status: str
    text: str
    total: Money
    paid: Money
    due: Money
    created_at: datetime
    paid_at: datetime | None
    next_attempt_at: datetime | None
    subscription_id: str | None
    hosted_url: str | None
    pdf_url: str | None
    lines: tuple[InvoiceLine, ...]


@dataclass(frozen=True)
class LineShown:
    """One line of plans as an account sees it: what it holds, what it pays, what it asked staff for."""

    line: plans.Line
    held: plans.Held
    bill: Bill | None
    request: Purchase | None


@dataclass(frozen=True)
class Overview:
    """The billing page. `monthly` is what all lines cost a month; yearly prices count for a twelfth.

    `grace_days` are the account's own, None when it has those of its plans.
    """

    lines: tuple[LineShown, ...]
    card: Card | None
    invoices: tuple[Shown, ...]
    monthly: Money
    has_customer: bool
    synced_at: datetime | None
    grace_days: int | None = None


@dataclass(frozen=True)
class TroubleShown:
    """A refund or dispute, with the account that it belongs to."""

    id: str
    account_id: str
    kind: str
    status: str
    amount: Money
    reason: str | None
    created_at: datetime


@dataclass(frozen=True)
class OneOffShown:
    """Work sold once, and how its invoice stands.

    `state` is "waiting" (the invoice is being written), "open", "paid", "void", "uncollectible", or
    "failed": Stripe refused to write it, and `failure` says why, for staff. `url` is where it is paid.
    """

    id: str
    account_id: str
    state: str
    text: str
    amount: Money
    asked_at: datetime
    due_at: datetime | None = None
    url: str | None = None
    paid_at: datetime | None = None
    number: str | None = None
    invoice_id: str | None = None
    failure: str | None = None


def customer(session: Session, account_id: str, payments: Payments) -> BillingCustomer | None:
    """The account's customer in the present mode, if it ever wanted to pay.

    Of several Stripe accounts used in one mode, one after another, the one looked at last is meant.
    """
    return session.scalar(
        select(BillingCustomer)
        .where(BillingCustomer.account_id == account_id, BillingCustomer.mode == payments.mode)
        .order_by(BillingCustomer.synced_at.desc().nulls_last(), BillingCustomer.created_at.desc())
        .limit(1)
    )


def bills(session: Session, account_id: str, payments: Payments | None) -> dict[str, Bill]:
    """What the account pays for, by line; nothing when payments are off."""
    if payments is None or (ours := customer(session, account_id, payments)) is None:
        return {}
    rows = session.scalars(
        select(MirroredSubscription)
        .where(
            MirroredSubscription.customer_id == ours.id,
            MirroredSubscription.line.is_not(None),
            MirroredSubscription.status.in_(rules.OPEN),
            MirroredSubscription.second_at.is_(None),
        )
        .order_by(MirroredSubscription.created_at.desc())
    )
    return {row.line or "": _bill(session, row) for row in rows}


def overview(session: Session, account_id: str, payments: Payments | None, *, now: datetime) -> Overview:
    """All that the billing page shows of an account; Missing when it does not exist."""
    offered = plans.catalogue(session)
    held = plans.held_lines(session, account_id, now=now)
    paid = bills(session, account_id, payments)
    asked = requests_of(session, account_id)
    ours = customer(session, account_id, payments) if payments else None
    lines = tuple(
        LineShown(line, held[line.slug], paid.get(line.slug), asked.get(line.slug)) for line in offered.lines
    )
    amount = sum(rules.monthly(bill.price.amount, bill.interval) for bill in paid.values())
    return Overview(
        lines=lines,
        card=_card(ours) if ours else None,
        invoices=invoices(session, account_id, payments),
        monthly=Money(amount, offered.currency),
        has_customer=ours is not None and ours.stripe_id is not None,
        synced_at=ours.synced_at if ours else None,
        grace_days=ours.grace_days if ours else None,
    )


def invoices(
    session: Session, account_id: str, payments: Payments | None, *, limit: int = 100
) -> tuple[Shown, ...]:
    """The account's invoices, newest first; drafts are not shown."""
    if payments is None or (ours := customer(session, account_id, payments)) is None:
        return ()
    rows = session.scalars(
        select(MirroredInvoice)
        .where(MirroredInvoice.customer_id == ours.id, MirroredInvoice.status != "draft")
        .order_by(MirroredInvoice.created_at.desc(), MirroredInvoice.id.desc())
        .limit(limit)
    )
    return tuple(_shown(row) for row in rows)


def invoice(session: Session, account_id: str, invoice_id: str) -> Shown:
    """One invoice of an account; Missing when it is none of its."""
    row = session.scalar(
        select(MirroredInvoice)
        .join(BillingCustomer, BillingCustomer.id == MirroredInvoice.customer_id)
        .where(MirroredInvoice.id == invoice_id, BillingCustomer.account_id == account_id)
    )
    if row is None:
        raise Missing("There is no such invoice.")
    return _shown(row)


def bill(session: Session, account_id: str, subscription_id: str) -> Bill | None:
    """What an account pays or paid for by one subscription, ended or not; None when it is none of its."""
    row = session.scalar(
        select(MirroredSubscription)
        .join(BillingCustomer, BillingCustomer.id == MirroredSubscription.customer_id)
        .where(MirroredSubscription.id == subscription_id, BillingCustomer.account_id == account_id)
    )
    return _bill(session, row) if row is not None and row.line and row.plan else None


def trouble(session: Session, account_id: str, trouble_id: str) -> TroubleShown:
    """A refund or dispute of an account; Missing when it is none of its."""
    row = session.scalar(
        select(MirroredTrouble)
        .join(BillingCustomer, BillingCustomer.id == MirroredTrouble.customer_id)
        .where(MirroredTrouble.id == trouble_id, BillingCustomer.account_id == account_id)
    )
    if row is None:
        raise Missing("There is no such refund or dispute.")
    return trouble_shown(row, account_id)


def one_off(session: Session, one_off_id: str) -> OneOffShown | None:
    """How the invoice of what was agreed under this id stands; None when none was ever asked for."""
    row = session.get(OneOff, one_off_id)
    return _one_off(session, row) if row is not None else None


def one_off_of_invoice(session: Session, account_id: str, invoice_id: str) -> OneOffShown | None:
    """What an account's invoice is for, when that is work sold once; None when it is anything else."""
    row = session.scalar(
        select(OneOff).where(OneOff.account_id == account_id, OneOff.invoice_id == invoice_id)
    )
    return _one_off(session, row) if row is not None else None


def purchase(session: Session, account_id: str, purchase_id: str) -> Purchase:
    """What an account asked for once; Missing when it never did."""
    row = session.get(Purchase, purchase_id)
    if row is None or row.account_id != account_id:
        raise Missing("There is no such purchase.")
    return row


def requests_of(session: Session, account_id: str) -> dict[str, Purchase]:
    """What the account asked staff for and is still open, by line."""
    rows = session.scalars(open_requests().where(Purchase.account_id == account_id))
    return {row.line: row for row in rows}


def open_requests() -> Select[Purchase]:
    return select(Purchase).where(
        Purchase.kind == "request", Purchase.finished_at.is_(None), Purchase.failed_at.is_(None)
    )


def _bill(session: Session, row: MirroredSubscription) -> Bill:
    assert row.line and row.plan and row.version is not None and row.interval
    unpaid = session.scalar(
        select(MirroredInvoice)
        .where(MirroredInvoice.subscription_id == row.id, MirroredInvoice.status == "open")
        .order_by(MirroredInvoice.created_at)
        .limit(1)
    )
    next_name = (
        plans.version(session, row.next_plan, row.next_version).name
        if row.next_plan and row.next_version is not None
        else None
    )
    return Bill(
        subscription_id=row.id,
        line=row.line,
        plan=row.plan,
        version=row.version,
        name=plans.version(session, row.plan, row.version).name,
        interval=row.interval,
        price=Money(row.amount, row.currency),
        status=row.status,
        began_at=row.created_at,
        renews_at=row.period_ends_at,
        ends_at=row.ends_at,
        next_plan=row.next_plan,
        next_name=next_name,
        next_interval=row.next_interval,
        next_at=row.next_at,
        past_due_at=row.past_due_at,
        access_ends_at=row.access_ends_at,
        access_ended_at=row.access_ended_at,
        pay_url=unpaid.hosted_url if unpaid else None,
    )


def trouble_shown(row: MirroredTrouble, account_id: str) -> TroubleShown:
    money = Money(row.amount, row.currency)
    return TroubleShown(row.id, account_id, row.kind, row.status, money, row.reason, row.created_at)


def _one_off(session: Session, row: OneOff) -> OneOffShown:
    invoice = session.get(MirroredInvoice, row.invoice_id) if row.invoice_id else None
    shown = OneOffShown(
        row.id, row.account_id, "waiting", row.text, Money(row.amount, row.currency), row.asked_at
    )
    if invoice is not None and invoice.status != "draft":
        opened_at = invoice.finalized_at or invoice.created_at
        return replace(
            shown,
            state=invoice.status,
            due_at=opened_at + timedelta(days=row.due_days),
            url=invoice.hosted_url,
            paid_at=invoice.paid_at,
            number=invoice.number,
            invoice_id=invoice.id,
        )
    if row.withdrawn_at is not None:
        return replace(shown, state="void")
    return replace(shown, state="failed", failure=row.failure) if row.failed_at is not None else shown


def _card(row: BillingCustomer) -> Card | None:
    if not row.card_brand or not row.card_last4 or not row.card_exp_month or not row.card_exp_year:
        return None
    return Card(row.card_brand, row.card_last4, row.card_exp_month, row.card_exp_year)


def _shown(row: MirroredInvoice) -> Shown:
    lines = lines_of(row)
    return Shown(
        id=row.id,
        number=row.number,
        status=row.status,
        text=lines[-1].text if lines else "",
        total=Money(row.total, row.currency),
        paid=Money(row.paid, row.currency),
        due=Money(row.due, row.currency),
        created_at=row.created_at,
        paid_at=row.paid_at,
        next_attempt_at=row.next_attempt_at,
        subscription_id=row.subscription_id,
        hosted_url=row.hosted_url,
        pdf_url=row.pdf_url,
        lines=lines,
    )


def lines_of(row: MirroredInvoice) -> tuple[InvoiceLine, ...]:
    return tuple(
        InvoiceLine(
            text=line["text"],
            amount=Money(line["amount"], row.currency),
            offer=Offer(**line["offer"]) if line["offer"] else None,
            starts_at=_moment(line["starts_at"]),
            ends_at=_moment(line["ends_at"]),
            proration=line["proration"],
        )
        for line in row.lines["lines"]
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
