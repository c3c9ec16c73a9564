"""Units given to an account for one billing month."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "credit",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("account_id", sa.Text(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("window_id", sa.BigInteger(), sa.ForeignKey("usage_window.id"), nullable=False, index=True),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.CheckConstraint("units > 0", name="units"),
        sa.UniqueConstraint("account_id", "nonce"),
    )


def downgrade() -> None:
    op.drop_table("credit")
