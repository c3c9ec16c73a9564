"""Billing, as stored: what was asked for, Stripe's mirror, and the inbox of its webhooks.

Every mirrored row belongs to a `BillingCustomer`, and with it to one mode and one Stripe account; it
is ignored under another.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.kit.db import Base


class BillingCustomer(Base):
    """An account as a customer in one mode of one Stripe account. Its row is the lock of its mirror."""

    __tablename__ = "billing_customer"
    __table_args__ = (
        UniqueConstraint("account_id", "mode", "stripe_account"),
        UniqueConstraint("stripe_id", "mode", "stripe_account"),
        CheckConstraint("mode IN ('sandbox', 'test', 'live')", name="mode"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    mode: Mapped[str]
    stripe_account: Mapped[str]
    stripe_id: Mapped[str | None]
    currency: Mapped[str | None]
    grace_days: Mapped[int | None]
    card_id: Mapped[str | None]
    card_brand: Mapped[str | None]
    card_last4: Mapped[str | None]
    card_exp_month: Mapped[int | None]
    card_exp_year: Mapped[int | None]
    card_told: Mapped[str | None]
    created_at: Mapped[datetime]
    synced_at: Mapped[datetime | None]


class Purchase(Base):
    """What somebody asked for, once: its id is the idempotency key of what is then asked of Stripe.

    Of one kind that is still open there is at most one per account and line.
    """

    __tablename__ = "purchase"
    __table_args__ = (
        CheckConstraint("kind IN ('checkout', 'change', 'cancel', 'resume', 'request')", name="kind"),
        CheckConstraint("interval IN ('month', 'year')", name="interval"),
        Index(
            "uq_purchase_open",
            "account_id",
            "line",
            "kind",
            unique=True,
            postgresql_where="finished_at IS NULL AND failed_at IS NULL",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    customer_id: Mapped[str | None] = mapped_column(ForeignKey("billing_customer.id"))
    line: Mapped[str]
    plan: Mapped[str]
    version: Mapped[int]
    interval: Mapped[str]
    kind: Mapped[str]
    asked_by: Mapped[str | None]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    stripe_session_id: Mapped[str | None] = mapped_column(index=True)
    url: Mapped[str | None]
    ready_at: Mapped[datetime | None]
    ready_by: Mapped[str | None]
    finished_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None]


class MirroredSubscription(Base):
    """A subscription as Stripe last said it is.

    `second_at` is when it was found to be one too many in its line, beside `second_to`; `refunded_at`
    when that was put right.
    """

    __tablename__ = "mirrored_subscription"
    __table_args__ = (Index("ix_mirrored_subscription_customer_id_line", "customer_id", "line"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("billing_customer.id"))
    line: Mapped[str | None]
    plan: Mapped[str | None]
    version: Mapped[int | None]
    interval: Mapped[str | None]
    status: Mapped[str]
    item_id: Mapped[str]
    price_id: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    created_at: Mapped[datetime]
    anchor_at: Mapped[datetime]
    period_starts_at: Mapped[datetime]
    period_ends_at: Mapped[datetime]
    trial_ends_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    schedule_id: Mapped[str | None]
    next_plan: Mapped[str | None]
    next_version: Mapped[int | None]
    next_interval: Mapped[str | None]
    next_at: Mapped[datetime | None]
    latest_invoice_id: Mapped[str | None]
    past_due_at: Mapped[datetime | None]
    access_ends_at: Mapped[datetime | None]
    access_ended_at: Mapped[datetime | None]
    second_at: Mapped[datetime | None]
    second_to: Mapped[str | None]
    refunded_at: Mapped[datetime | None]
    synced_at: Mapped[datetime]


class MirroredInvoice(Base):
    """An invoice as Stripe last said it is.

    `reminded_day` is the last day of dunning that was told, `tried_card` the last card that failed or
    that we asked for ourselves.
    """

    __tablename__ = "mirrored_invoice"
    __table_args__ = (
        Index("ix_mirrored_invoice_customer_id_created_at", "customer_id", "created_at"),
        Index("ix_mirrored_invoice_open", "subscription_id", postgresql_where="status = 'open'"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("billing_customer.id"))
    subscription_id: Mapped[str | None]
    number: Mapped[str | None]
    status: Mapped[str]
    reason: Mapped[str]
    currency: Mapped[str]
    total: Mapped[int]
    paid: Mapped[int]
    due: Mapped[int]
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    finalized_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None] = mapped_column(index=True)
    next_attempt_at: Mapped[datetime | None]
    hosted_url: Mapped[str | None]
    pdf_url: Mapped[str | None]
    lines: Mapped[dict[str, Any]]
    reminded_day: Mapped[int | None]
    tried_card: Mapped[str | None]
    synced_at: Mapped[datetime]


class MirroredTrouble(Base):
    """A refund or a dispute as Stripe last said it is."""

    __tablename__ = "mirrored_trouble"
    __table_args__ = (CheckConstraint("kind IN ('refund', 'dispute')", name="kind"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("billing_customer.id"), index=True)
    kind: Mapped[str]
    status: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    reason: Mapped[str | None]
    charge_id: Mapped[str | None]
    created_at: Mapped[datetime]
    synced_at: Mapped[datetime]


class OneOff(Base):
    """Work that is sold once and invoiced once. Its id is that of what was agreed, a quote's for instance.

    How its invoice stands is in the mirror, under `invoice_id`.
    """

    __tablename__ = "one_off"
    __table_args__ = (CheckConstraint("amount > 0", name="amount"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    text: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    due_days: Mapped[int]
    asked_at: Mapped[datetime]
    invoice_id: Mapped[str | None] = mapped_column(unique=True)
    invoiced_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None]


class WebhookEvent(Base):
    """A webhook under Stripe's own id, stored before anything is made of it.

    `ignored` says why nothing will be made of it, `swept_at` when a sweep found that it was never
    delivered. What failed is tried again at `due_at`.
    """

    __tablename__ = "webhook_event"
    __table_args__ = (
        Index("ix_webhook_event_due", "due_at", postgresql_where="processed_at IS NULL"),
        Index("ix_webhook_event_received_at", "received_at"),
        Index("ix_webhook_event_customer", "customer", postgresql_where="processed_at IS NULL"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    mode: Mapped[str]
    stripe_account: Mapped[str | None]
    type: Mapped[str]
    customer: Mapped[str | None]
    api_version: Mapped[str | None]
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    swept_at: Mapped[datetime | None]
    created_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    processed_at: Mapped[datetime | None]
    ignored: Mapped[str | None]
    failure: Mapped[str | None]


class Drift(Base):
    """Where our books and Stripe's differed when a sweep compared them, and when that was healed."""

    __tablename__ = "drift"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    mode: Mapped[str]
    account_id: Mapped[str | None]
    what: Mapped[str]
    found_at: Mapped[datetime] = mapped_column(index=True)
    healed_at: Mapped[datetime | None]
