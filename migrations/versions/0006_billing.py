"""What was asked for, the mirror of Stripe, the inbox of its webhooks, and drift."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

OPEN_PURCHASE = "finished_at IS NULL AND failed_at IS NULL"


def _text(name: str, *more, null: bool = False, **options) -> sa.Column:
    return sa.Column(name, sa.Text(), *more, nullable=null, **options)


def _number(name: str, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _moment(name: str, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _customer() -> sa.Column:
    return _text("customer_id", sa.ForeignKey("billing_customer.id"))


def _nulls(make, *names: str) -> list[sa.Column]:
    return [make(name, null=True) for name in names]


def upgrade() -> None:
    op.create_table(
        "billing_customer",
        _text("id", primary_key=True),
        _text("account_id", sa.ForeignKey("account.id"), index=True),
        _text("mode"),
        _text("stripe_account"),
        *_nulls(_text, "stripe_id", "currency"),
        _number("grace_days", null=True),
        *_nulls(_text, "card_id", "card_brand", "card_last4"),
        *_nulls(_number, "card_exp_month", "card_exp_year"),
        _text("card_told", null=True),
        _moment("created_at"),
        _moment("synced_at", null=True),
        sa.UniqueConstraint("account_id", "mode", "stripe_account"),
        sa.UniqueConstraint("stripe_id", "mode", "stripe_account"),
        sa.CheckConstraint("mode IN ('sandbox', 'test', 'live')", name="mode"),
    )
    op.create_table(
        "purchase",
        _text("id", primary_key=True),
        _text("account_id", sa.ForeignKey("account.id"), index=True),
        _text("customer_id", sa.ForeignKey("billing_customer.id"), null=True),
        _text("line"),
        _text("plan"),
        _number("version"),
        _text("interval"),
        _text("kind"),
        _text("asked_by", null=True),
        _moment("asked_at"),
        _moment("expires_at", null=True),
        _text("stripe_session_id", null=True, index=True),
        _text("url", null=True),
        _moment("ready_at", null=True),
        _text("ready_by", null=True),
        *_nulls(_moment, "finished_at", "failed_at"),
        _text("failure", null=True),
        sa.CheckConstraint("kind IN ('checkout', 'change', 'cancel', 'resume', 'request')", name="kind"),
        sa.CheckConstraint("interval IN ('month', 'year')", name="interval"),
    )
    op.create_index(
        "uq_purchase_open",
        "purchase",
        ["account_id", "line", "kind"],
        unique=True,
        postgresql_where=sa.text(OPEN_PURCHASE),
    )
    op.create_table(
        "mirrored_subscription",
        _text("id", primary_key=True),
        _customer(),
        *_nulls(_text, "line", "plan"),
        _number("version", null=True),
        _text("interval", null=True),
        _text("status"),
        _text("item_id"),
        _text("price_id"),
        _number("amount"),
        _text("currency"),
        *(_moment(name) for name in ("created_at", "anchor_at", "period_starts_at", "period_ends_at")),
        *_nulls(_moment, "trial_ends_at", "ends_at", "ended_at"),
        *_nulls(_text, "schedule_id", "next_plan"),
        _number("next_version", null=True),
        _text("next_interval", null=True),
        _moment("next_at", null=True),
        _text("latest_invoice_id", null=True),
        *_nulls(_moment, "past_due_at", "access_ends_at", "access_ended_at", "second_at"),
        _text("second_to", null=True),
        _moment("refunded_at", null=True),
        _moment("synced_at"),
    )
    op.create_index(
        "ix_mirrored_subscription_customer_id_line", "mirrored_subscription", ["customer_id", "line"]
    )
    op.create_table(
        "mirrored_invoice",
        _text("id", primary_key=True),
        _customer(),
        *_nulls(_text, "subscription_id", "number"),
        *(_text(name) for name in ("status", "reason", "currency")),
        *(_number(name) for name in ("total", "paid", "due", "attempts")),
        _moment("created_at"),
        *_nulls(_moment, "finalized_at"),
        sa.Column("paid_at", sa.DateTime(timezone=True), index=True),
        _moment("next_attempt_at", null=True),
        *_nulls(_text, "hosted_url", "pdf_url"),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        _number("reminded_day", null=True),
        _text("tried_card", null=True),
        _moment("synced_at"),
    )
    op.create_index(
        "ix_mirrored_invoice_customer_id_created_at", "mirrored_invoice", ["customer_id", "created_at"]
    )
    op.create_index(
        "ix_mirrored_invoice_open",
        "mirrored_invoice",
        ["subscription_id"],
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "mirrored_trouble",
        _text("id", primary_key=True),
        _text("customer_id", sa.ForeignKey("billing_customer.id"), index=True),
        _text("kind"),
        _text("status"),
        _number("amount"),
        _text("currency"),
        *_nulls(_text, "reason", "charge_id"),
        _moment("created_at"),
        _moment("synced_at"),
        sa.CheckConstraint("kind IN ('refund', 'dispute')", name="kind"),
    )
    op.create_table(
        "webhook_event",
        _text("id", primary_key=True),
        _text("mode"),
        _text("stripe_account", null=True),
        _text("type"),
        *_nulls(_text, "customer", "api_version"),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        *_nulls(_moment, "swept_at", "created_at"),
        _moment("received_at"),
        _moment("due_at", null=True),
        _number("attempts"),
        _moment("processed_at", null=True),
        *_nulls(_text, "ignored", "failure"),
    )
    op.create_index("ix_webhook_event_received_at", "webhook_event", ["received_at"])
    for name, column in (("due", "due_at"), ("customer", "customer")):
        op.create_index(
            f"ix_webhook_event_{name}",
            "webhook_event",
            [column],
            postgresql_where=sa.text("processed_at IS NULL"),
        )
    op.create_table(
        "drift",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        _text("mode"),
        _text("account_id", null=True),
        _text("what"),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False, index=True),
        _moment("healed_at", null=True),
    )


TABLES = ["drift", "webhook_event", "mirrored_trouble", "mirrored_invoice", "mirrored_subscription"]
TABLES += ["purchase", "billing_customer"]


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
