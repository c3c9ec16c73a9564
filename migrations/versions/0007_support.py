"""Tickets, what was said in them, and what is owed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

RUNNING = "met_at IS NULL AND dropped_at IS NULL"


def _text(name: str, *more, null: bool = False, **options) -> sa.Column:
    return sa.Column(name, sa.Text(), *more, nullable=null, **options)


def _moment(name: str, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _refers(name: str, table: str, null: bool = False, **options) -> sa.Column:
    return _text(name, sa.ForeignKey(f"{table}.id"), null=null, **options)


def _one_of(name: str, *words: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{name} IN ({', '.join(repr(word) for word in words)})", name=name)


def upgrade() -> None:
    op.create_table(
        "ticket",
        _text("id", primary_key=True),
        _refers("account_id", "account"),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _text("kind"),
        _text("subject"),
        _refers("opened_by", "person"),
        _moment("opened_at"),
        _text("tier"),
        _text("plan"),
        sa.Column("policy", postgresql.JSONB()),
        _text("priority"),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        _refers("assigned_to", "person", null=True),
        _moment("assigned_at", null=True),
        _moment("spoken_at"),
        _moment("unanswered_since", null=True),
        _moment("first_answered_at", null=True),
        _moment("closed_at", null=True),
        _text("closed_by", null=True),
        _moment("next_due_at", null=True),
        sa.UniqueConstraint("account_id", "number"),
        _one_of("kind", "help", "deployment"),
        _one_of("tier", "free", "paid", "custom"),
        _one_of("priority", "low", "normal", "high", "urgent"),
    )
    op.create_index(
        "ix_ticket_queue", "ticket", ["next_due_at"], postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index("ix_ticket_closed_at", "ticket", ["closed_at"])
    op.create_table(
        "ticket_message",
        _text("id", primary_key=True),
        _refers("ticket_id", "ticket"),
        _refers("account_id", "account"),
        _refers("author", "person"),
        *(_text(name) for name in ("side", "kind", "body")),
        _moment("said_at"),
        _text("via"),
        _text("nonce"),
        sa.UniqueConstraint("account_id", "nonce"),
        _one_of("side", "customer", "staff"),
        _one_of("kind", "message", "note"),
        _one_of("via", "web", "mail"),
    )
    op.create_index("ix_ticket_message_ticket_id_said_at", "ticket_message", ["ticket_id", "said_at"])
    op.create_table(
        "attachment",
        _text("id", primary_key=True),
        _refers("message_id", "ticket_message", index=True),
        _refers("ticket_id", "ticket", index=True),
        _refers("account_id", "account"),
        _text("name"),
        _text("content_type"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        _text("digest"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "ticket_clock",
        _text("id", primary_key=True),
        _refers("ticket_id", "ticket", index=True),
        _refers("account_id", "account"),
        _text("kind"),
        _moment("started_at"),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        *(
            _moment(name, null=True)
            for name in ("due_at", "warn_at", "met_at", "warned_at", "breached_at", "dropped_at")
        ),
        _one_of("kind", "first_response", "next_response", "resolution"),
    )
    op.create_index(
        "uq_ticket_clock_running",
        "ticket_clock",
        ["ticket_id", "kind"],
        unique=True,
        postgresql_where=sa.text(RUNNING),
    )
    for column, done in (("warn_at", "warned_at"), ("due_at", "breached_at")):
        op.create_index(
            f"ix_ticket_clock_{column}",
            "ticket_clock",
            [column],
            postgresql_where=sa.text(f"{done} IS NULL AND {RUNNING}"),
        )
    op.create_table(
        "ticket_pause",
        _text("id", primary_key=True),
        _refers("ticket_id", "ticket", index=True),
        _refers("account_id", "account"),
        _text("why"),
        _moment("began_at"),
        _moment("ended_at", null=True),
        _one_of("why", "customer", "closed"),
    )
    op.create_index(
        "uq_ticket_pause_open",
        "ticket_pause",
        ["ticket_id", "why"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("ticket_pause", "ticket_clock", "attachment", "ticket_message", "ticket"):
        op.drop_table(table)
