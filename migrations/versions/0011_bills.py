"""Imported bills line by line, and the alerts that they raise."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0011"
down_revision = "0010"

MOMENT = sa.DateTime(timezone=True)
TEXTS = (
    "category", "service_category", "description", "sub_account_id", "region", "resource_id", "sku_id",
    "pricing_category", "pricing_unit", "consumed_unit", "commitment_id", "commitment_type",
    "commitment_status",
)  # fmt: skip
DAILY, TAGGED = ("service", "currency", "category"), ("currency", "name", "value")
NUMBERS = ("list_cost", "contracted_cost", "pricing_quantity", "consumed_quantity")


def upgrade() -> None:
    op.add_column("typed_cost", sa.Column("billed_by", sa.Text()))
    op.create_table(
        "bill_import",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("names", ARRAY(sa.Text()), nullable=False),
        sa.Column("digests", ARRAY(sa.Text()), nullable=False),
        sa.Column("lines_read", sa.BigInteger(), nullable=False),
        sa.Column("lines_kept", sa.BigInteger(), nullable=False),
        sa.Column("lines_aside", sa.BigInteger(), nullable=False),
        sa.Column("imported_at", MOMENT, nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
    )
    op.create_table(
        "bill",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("import_id", sa.Text(), sa.ForeignKey("bill_import.id"), nullable=False, index=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("billing_account_id", sa.Text(), nullable=False),
        sa.Column("month", MOMENT, nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("replaced_at", MOMENT),
        sa.Column("replaced_by", sa.Text(), sa.ForeignKey("bill_import.id")),
    )
    op.create_index("ix_bill_month", "bill", ["month"])
    op.create_index(
        "uq_bill_standing",
        "bill",
        ["provider", "billing_account_id", "month"],
        unique=True,
        postgresql_where=sa.text("replaced_at IS NULL"),
    )
    op.create_table(
        "charge_row",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("bill_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("begins_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT),
        sa.Column("billed_cost", sa.Numeric(), nullable=False),
        sa.Column("effective_cost", sa.Numeric(), nullable=False),
        sa.Column("tags", JSONB(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in TEXTS),
        *(sa.Column(name, sa.Numeric()) for name in NUMBERS),
    )
    op.create_index("ix_charge_row_bill_id", "charge_row", ["bill_id", "begins_at"])
    for table, keys in (("daily_charge", ("day", *DAILY)), ("tag_charge", TAGGED)):
        op.create_table(
            table,
            sa.Column("bill_id", sa.Text(), primary_key=True),
            *(sa.Column(key, MOMENT if key == "day" else sa.Text(), primary_key=True) for key in keys),
            sa.Column("billed", sa.Numeric(), nullable=False),
            sa.Column("effective", sa.Numeric(), nullable=False),
        )
    op.create_table(
        "line_aside",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("import_id", sa.Text(), sa.ForeignKey("bill_import.id"), nullable=False, index=True),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_table(
        "cost_alert",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("dropped_at", MOMENT),
        sa.Column("dropped_by", sa.Text()),
        sa.CheckConstraint("amount > 0", name="amount"),
    )
    op.create_index(
        "uq_cost_alert_set",
        "cost_alert",
        ["amount", "currency"],
        unique=True,
        postgresql_where=sa.text("dropped_at IS NULL"),
    )
    op.create_table(
        "alert_raised",
        sa.Column("month", MOMENT, primary_key=True),
        sa.Column("currency", sa.Text(), primary_key=True),
        sa.Column("amount", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.CheckConstraint("kind IN ('actual', 'forecast')", name="kind"),
    )


def downgrade() -> None:
    for table in (
        "alert_raised", "cost_alert", "line_aside", "tag_charge", "daily_charge", "charge_row", "bill",
        "bill_import",
    ):  # fmt: skip
        op.drop_table(table)
    op.drop_column("typed_cost", "billed_by")
