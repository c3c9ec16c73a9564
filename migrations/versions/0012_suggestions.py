"""Suggestions about capacity, with what became of each, and the odds that the platform closes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"

MOMENT = sa.DateTime(timezone=True)
DEEDS = ("accepted", "applied", "reverted", "dismissed")
ENDED = "realised_at IS NULL AND reverted_at IS NULL AND dismissed_at IS NULL AND expired_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "suggestion",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("advice", JSONB(), nullable=False),
        sa.Column("billed_until", MOMENT, nullable=False),
        sa.Column("suggested_at", MOMENT, nullable=False),
        sa.Column("refreshed_at", MOMENT, nullable=False),
        *(
            sa.Column(f"{deed}_{part}", MOMENT if part == "at" else sa.Text())
            for deed in DEEDS
            for part in ("at", "by")
        ),
        sa.Column("reason", sa.Text()),
        sa.Column("snoozed_until", MOMENT),
        sa.Column("snoozed_by", sa.Text()),
        sa.Column("measured_days", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("saved", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("realised_at", MOMENT),
        sa.Column("expired_at", MOMENT),
    )
    op.create_index(
        "uq_suggestion_standing",
        "suggestion",
        ["pool", "currency"],
        unique=True,
        postgresql_where=sa.text(ENDED),
    )
    op.create_table(
        "hazard",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("percent", sa.BigInteger(), nullable=False),
        sa.Column("typed_at", MOMENT, nullable=False),
        sa.Column("typed_by", sa.Text(), nullable=False),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
    )
    op.create_index("ix_hazard_typed_at", "hazard", ["typed_at"])


def downgrade() -> None:
    op.drop_table("hazard")
    op.drop_table("suggestion")
