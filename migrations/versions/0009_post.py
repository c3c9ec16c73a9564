"""Answers by mail, quotes, and work that is sold once."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

OPEN_QUOTE = "accepted_at IS NULL AND declined_at IS NULL AND withdrawn_at IS NULL AND expired_at IS NULL"


def _text(name: str, *more, null: bool = False, **options) -> sa.Column:
    return sa.Column(name, sa.Text(), *more, nullable=null, **options)


def _refers(name: str, table: str, null: bool = False, **options) -> sa.Column:
    return _text(name, sa.ForeignKey(f"{table}.id"), null=null, **options)


def _number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str, null: bool = False, **options) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null, **options)


def upgrade() -> None:
    op.add_column("letter", _text("thread", null=True))
    op.add_column("letter", _text("reply_token", null=True))
    op.create_table(
        "inbound_letter",
        _text("id", primary_key=True),
        _moment("received_at", index=True),
        _text("peer", null=True),
        _text("sender"),
        _text("recipient"),
        _number("size"),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        _moment("due_at"),
        _number("attempts"),
        *(_text(name, null=True) for name in ("author", "subject", "about", "account_id")),
        _moment("taken_at", null=True),
        _moment("left_at", null=True),
        _text("reason", null=True),
    )
    op.create_index(
        "ix_inbound_letter_due",
        "inbound_letter",
        ["due_at"],
        postgresql_where=sa.text("taken_at IS NULL AND left_at IS NULL"),
    )
    op.create_index(
        "ix_inbound_letter_about",
        "inbound_letter",
        ["about", "taken_at"],
        postgresql_where=sa.text("taken_at IS NOT NULL"),
    )
    op.create_table(
        "quote",
        _text("id", primary_key=True),
        _refers("ticket_id", "ticket", index=True),
        _refers("account_id", "account"),
        _refers("message_id", "ticket_message", unique=True),
        _number("amount"),
        _text("currency"),
        _text("text"),
        _text("reason", null=True),
        _moment("offered_at"),
        _refers("offered_by", "person"),
        _moment("expires_at"),
        _moment("accepted_at", null=True),
        _refers("accepted_by", "person", null=True),
        _moment("declined_at", null=True),
        _refers("declined_by", "person", null=True),
        _moment("withdrawn_at", null=True),
        _refers("withdrawn_by", "person", null=True),
        _moment("expired_at", null=True),
        sa.CheckConstraint("amount > 0", name="amount"),
    )
    op.create_index(
        "uq_quote_open", "quote", ["ticket_id"], unique=True, postgresql_where=sa.text(OPEN_QUOTE)
    )
    op.create_index("ix_quote_expires_at", "quote", ["expires_at"], postgresql_where=sa.text(OPEN_QUOTE))
    op.create_table(
        "one_off",
        _text("id", primary_key=True),
        _refers("account_id", "account", index=True),
        _text("text"),
        _number("amount"),
        _text("currency"),
        _number("due_days"),
        _moment("asked_at"),
        _text("invoice_id", null=True, unique=True),
        _moment("invoiced_at", null=True),
        _moment("withdrawn_at", null=True),
        _moment("failed_at", null=True),
        _text("failure", null=True),
        sa.CheckConstraint("amount > 0", name="amount"),
    )


def downgrade() -> None:
    for table in ("one_off", "quote", "inbound_letter"):
        op.drop_table(table)
    op.drop_column("letter", "reply_token")
    op.drop_column("letter", "thread")
