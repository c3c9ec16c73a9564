"""Support, as stored: tickets, what was said in them, and what is owed."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.kit.db import Base

RUNNING = "met_at IS NULL AND dropped_at IS NULL"
OPEN_QUOTE = "accepted_at IS NULL AND declined_at IS NULL AND withdrawn_at IS NULL AND expired_at IS NULL"


class Ticket(Base):
    """A question of a customer's. Its number counts within its account.

    `tier`, `plan` and `policy` are what the account held when it was opened, or a better one that it
    moved to since. `unanswered_since` is when the first customer spoke whom no staff has answered;
    `next_due_at` the soonest moment at which one of its running clocks is due.
    """

    __tablename__ = "ticket"
    __table_args__ = (
        UniqueConstraint("account_id", "number"),
        CheckConstraint("kind IN ('help', 'deployment')", name="kind"),
        CheckConstraint("tier IN ('free', 'paid', 'custom')", name="tier"),
        CheckConstraint("priority IN ('low', 'normal', 'high', 'urgent')", name="priority"),
        Index("ix_ticket_queue", "next_due_at", postgresql_where="closed_at IS NULL"),
        Index("ix_ticket_closed_at", "closed_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    number: Mapped[int]
    kind: Mapped[str]
    subject: Mapped[str]
    opened_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    opened_at: Mapped[datetime]
    tier: Mapped[str]
    plan: Mapped[str]
    policy: Mapped[dict[str, Any] | None]
    priority: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(default=list)
    assigned_to: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    assigned_at: Mapped[datetime | None]
    spoken_at: Mapped[datetime]
    unanswered_since: Mapped[datetime | None]
    first_answered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    next_due_at: Mapped[datetime | None]


class TicketMessage(Base):
    """Something that was said in a ticket, once: a nonce is not heard twice in an account.

    A note is for staff alone.
    """

    __tablename__ = "ticket_message"
    __table_args__ = (
        UniqueConstraint("account_id", "nonce"),
        CheckConstraint("side IN ('customer', 'staff')", name="side"),
        CheckConstraint("kind IN ('message', 'note')", name="kind"),
        CheckConstraint("via IN ('web', 'mail')", name="via"),
        Index("ix_ticket_message_ticket_id_said_at", "ticket_id", "said_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    author: Mapped[str] = mapped_column(ForeignKey("person.id"))
    side: Mapped[str]
    kind: Mapped[str]
    body: Mapped[str]
    said_at: Mapped[datetime]
    via: Mapped[str]
    nonce: Mapped[str]


class Attachment(Base):
    """A file that came with a message. Its content is read only when somebody downloads it."""

    __tablename__ = "attachment"

    id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("ticket_message.id"), index=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    digest: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class Quote(Base):
    """What work in a ticket would cost, offered once until `expires_at`; it ends in one of four ways.

    `reason` says why the amount is outside of what the catalogue names, and is for staff alone.
    `message_id` is the message that it was offered with.
    """

    __tablename__ = "quote"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("uq_quote_open", "ticket_id", unique=True, postgresql_where=OPEN_QUOTE),
        Index("ix_quote_ticket_id", "ticket_id"),
        Index("ix_quote_expires_at", "expires_at", postgresql_where=OPEN_QUOTE),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    message_id: Mapped[str] = mapped_column(ForeignKey("ticket_message.id"), unique=True)
    amount: Mapped[int]
    currency: Mapped[str]
    text: Mapped[str]
    reason: Mapped[str | None]
    offered_at: Mapped[datetime]
    offered_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    declined_at: Mapped[datetime | None]
    declined_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    expired_at: Mapped[datetime | None]

    def state(self, now: datetime) -> str:
        """offered, accepted, declined, withdrawn or expired."""
        if self.withdrawn_at:
            return "withdrawn"
        if self.accepted_at:
            return "accepted"
        if self.declined_at:
            return "declined"
        return "expired" if self.expired_at or self.expires_at <= now else "offered"


class TicketClock(Base):
    """What is owed in a ticket: `minutes` of working time since `started_at`.

    It is met, or dropped when nobody waits for it any more; until then it runs, and of each kind at
    most one does. `due_at` and `warn_at` are None while it stands still.
    """

    __tablename__ = "ticket_clock"
    __table_args__ = (
        CheckConstraint("kind IN ('first_response', 'next_response', 'resolution')", name="kind"),
        Index("uq_ticket_clock_running", "ticket_id", "kind", unique=True, postgresql_where=RUNNING),
        Index("ix_ticket_clock_warn_at", "warn_at", postgresql_where=f"warned_at IS NULL AND {RUNNING}"),
        Index("ix_ticket_clock_due_at", "due_at", postgresql_where=f"breached_at IS NULL AND {RUNNING}"),
        Index("ix_ticket_clock_ticket_id", "ticket_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[str]
    started_at: Mapped[datetime]
    minutes: Mapped[int]
    due_at: Mapped[datetime | None]
    warn_at: Mapped[datetime | None]
    met_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]


class TicketPause(Base):
    """A span in which the clock of the resolution stands still: the customer is awaited, or it is closed."""

    __tablename__ = "ticket_pause"
    __table_args__ = (
        CheckConstraint("why IN ('customer', 'closed')", name="why"),
        Index("uq_ticket_pause_open", "ticket_id", "why", unique=True, postgresql_where="ended_at IS NULL"),
        Index("ix_ticket_pause_ticket_id", "ticket_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    why: Mapped[str]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
