"""The outbox, what was heard of it, and letters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "fact",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("request_id", sa.Text()),
        sa.Column("told_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("handed_at", MOMENT),
        sa.Column("hands", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("done_at", MOMENT),
    )
    op.create_index("ix_fact_undone", "fact", ["id"], postgresql_where=sa.text("done_at IS NULL"))
    op.create_table(
        "heard",
        sa.Column("fact_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("reaction", sa.Text(), primary_key=True),
        sa.Column("heard_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("refusal", sa.Text()),
    )
    op.create_table(
        "letter",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("business_id", sa.Text(), nullable=False, unique=True),
        sa.Column("account_id", sa.Text()),
        sa.Column("person_id", sa.Text()),
        sa.Column("to_address", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text()),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("html", sa.Text()),
        sa.Column("unsubscribe_url", sa.Text()),
        sa.Column("secret_until", MOMENT),
        sa.Column("request_id", sa.Text()),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at", MOMENT),
        sa.Column("sent_at", MOMENT),
        sa.Column("doubted_at", MOMENT),
        sa.Column("failed_at", MOMENT),
        sa.Column("failure", sa.Text()),
        sa.Column("kept_at", MOMENT),
    )
    op.create_index(
        "ix_letter_due",
        "letter",
        ["due_at"],
        postgresql_where=sa.text(
            "claimed_at IS NULL AND sent_at IS NULL AND failed_at IS NULL AND kept_at IS NULL"
        ),
    )
    op.create_index("ix_letter_written_at", "letter", ["written_at"])


def downgrade() -> None:
    for table in ("letter", "heard", "fact"):
        op.drop_table(table)
