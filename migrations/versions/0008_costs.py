"""Typed costs, and the cash that somebody counted."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "typed_cost",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("begins_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_by", sa.Text()),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("ends_at >= begins_at", name="span"),
    )
    op.create_index("ix_typed_cost_begins_at", "typed_cost", ["begins_at"])
    op.create_table(
        "cash",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("counted_at", MOMENT, nullable=False),
        sa.Column("counted_by", sa.Text(), nullable=False),
        sa.CheckConstraint("amount >= 0", name="amount"),
    )
    op.create_index("ix_cash_counted_at", "cash", ["currency", "counted_at"])


def downgrade() -> None:
    for table in ("cash", "typed_cost"):
        op.drop_table(table)
