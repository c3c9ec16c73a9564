"""Support, as values: what comes in, and what is shown."""

from dataclasses import dataclass, field
from datetime import datetime

from portal import accounts
from portal.support.models import Attachment, Ticket, TicketMessage


@dataclass(frozen=True)
class File:
    """A file as somebody sends it: what it is called there, and what is in it."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Clock:
    """A clock as it is shown. `stands_still` says why, `customer` or `closed`; None while it does not."""

    id: str
    kind: str
    started_at: datetime
    minutes: int
    due_at: datetime | None
    met_at: datetime | None
    warned_at: datetime | None
    breached_at: datetime | None
    dropped_at: datetime | None
    stands_still: str | None
    zone: str

    @property
    def runs(self) -> bool:
        """Whether it is neither met nor dropped."""
        return self.met_at is None and self.dropped_at is None


@dataclass(frozen=True)
class Said:
    """A message with who said it and what came with it."""

    message: TicketMessage
    author: accounts.Person
    files: tuple[Attachment, ...]


@dataclass(frozen=True)
class Filters:
    """Which tickets staff want to see. `state` is open, closed or all; `waiting` us or customer.

    `assigned_to` is a person's id, or "nobody". `words` is a part of a subject or of an account's
    name, a ticket's id, or its number.
    """

    state: str = "open"
    assigned_to: str | None = None
    tier: str | None = None
    priority: str | None = None
    kind: str | None = None
    tag: str | None = None
    waiting: str | None = None
    account_id: str | None = None
    words: str = ""


@dataclass(frozen=True)
class Queued:
    """A ticket as a row of the queue."""

    ticket: Ticket
    account: str
    assignee: str | None
    is_breached: bool


@dataclass(frozen=True)
class Counts:
    """How many open tickets there are, and of those: breached, unassigned, waiting for us, by assignee."""

    open: int
    breached: int
    unassigned: int
    unanswered: int
    by_assignee: dict[str, int] = field(default_factory=dict)
