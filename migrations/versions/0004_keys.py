"""The tables of keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "key",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("account_id", sa.Text(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, unique=True),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("pepper_id", sa.Text()),
        sa.Column("start", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("allowed_cidrs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("rate", sa.BigInteger()),
        sa.Column("burst", sa.BigInteger()),
        sa.Column("external_id", sa.Text()),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("minted_at", MOMENT, nullable=False),
        sa.Column("minted_by", sa.Text(), nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.Column("revoked_by", sa.Text()),
        sa.Column("retires_at", MOMENT),
        sa.Column("successor_id", sa.Text()),
        sa.Column("last_used_at", MOMENT),
        sa.CheckConstraint("environment IN ('live', 'test')", name="environment"),
    )
    op.create_index("ix_key_account_id", "key", ["account_id", "minted_at"])
    op.create_index("ix_key_lineage", "key", ["lineage"])
    op.create_table(
        "service_key",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, unique=True),
        sa.Column("pepper_id", sa.Text(), nullable=False),
        sa.Column("minted_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
    )


def downgrade() -> None:
    for table in ("service_key", "key"):
        op.drop_table(table)
