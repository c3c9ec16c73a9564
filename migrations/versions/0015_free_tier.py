"""What AWS gives for nothing: the credits that are left, and how much of its free tier is used."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "free_tier",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", JSONB(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("free_tier")
