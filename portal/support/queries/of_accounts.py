"""Tickets, as an account sees its own."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from portal import accounts
from portal.kit import paging
from portal.kit.errors import Missing
from portal.support import rules
from portal.support.models import Attachment, Ticket, TicketClock, TicketMessage, TicketPause
from portal.support.queries.due import clock_of
from portal.support.values import Clock, Said

STATES = ("open", "closed", "all")


def ticket(session: Session, account_id: str, number: int) -> Ticket:
    """An account's ticket by its number; Missing when it has none such."""
    where = Ticket.account_id == account_id, Ticket.number == number
    if (found := session.scalars(select(Ticket).where(*where)).one_or_none()) is None:
        raise Missing("There is no such ticket.")
    return found


def tickets(
    session: Session, account_id: str, *, state: str = "open", page: int = 1, size: int = 25
) -> accounts.Page[Ticket]:
    """One page of an account's tickets, those that were spoken in last first; `state` open, closed or all."""
    where = [Ticket.account_id == account_id]
    if state in ("open", "closed"):
        where.append(Ticket.closed_at.is_(None) if state == "open" else Ticket.closed_at.is_not(None))
    total = session.scalar(select(func.count()).select_from(Ticket).where(*where)) or 0
    page, pages = paging.numbers(page, size, total)
    statement = (
        select(Ticket)
        .where(*where)
        .order_by(Ticket.spoken_at.desc(), Ticket.number.desc())
        .limit(size)
        .offset((page - 1) * size)
    )
    return accounts.Page(list(session.scalars(statement)), page, pages, total)


def open_of(session: Session, account_id: str) -> int:
    """How many tickets of an account are open."""
    where = Ticket.account_id == account_id, Ticket.closed_at.is_(None)
    return session.scalar(select(func.count()).select_from(Ticket).where(*where)) or 0


def conversation(session: Session, ticket_id: str, *, notes: bool) -> list[Said]:
    """What was said in a ticket, in order, with files by name; staff among themselves only with `notes`."""
    statement = select(TicketMessage).where(TicketMessage.ticket_id == ticket_id)
    if not notes:
        statement = statement.where(TicketMessage.kind == "message")
    messages = session.scalars(statement.order_by(TicketMessage.said_at, TicketMessage.id)).all()
    files: defaultdict[str, list[Attachment]] = defaultdict(list)
    came = select(Attachment).where(Attachment.ticket_id == ticket_id).order_by(Attachment.name)
    for one in session.scalars(came):
        files[one.message_id].append(one)
    return [
        Said(message, accounts.person(session, message.author), tuple(files[message.id]))
        for message in messages
    ]


def attachment(session: Session, attachment_id: str, account_id: str | None = None) -> Attachment:
    """A file with its content: for staff, or for an account, which sees what came with a note of nobody's.

    Missing when there is none, it is another account's, or it came with a note and an account asks.
    """
    statement = (
        select(Attachment)
        .join(TicketMessage, TicketMessage.id == Attachment.message_id)
        .where(Attachment.id == attachment_id)
        .options(undefer(Attachment.content))
    )
    if account_id is not None:
        statement = statement.where(Attachment.account_id == account_id, TicketMessage.kind == "message")
    if (found := session.scalars(statement).one_or_none()) is None:
        raise Missing("There is no such file.")
    return found


def clocks(session: Session, ticket_id: str) -> list[Clock]:
    """What is and was owed in a ticket: running clocks first, then the newest; none without a promise."""
    policy = session.scalar(select(Ticket.policy).where(Ticket.id == ticket_id))
    if policy is None:
        return []
    zone = rules.policy_from_json(policy).calendar.zone
    open_pauses = select(TicketPause.why).where(
        TicketPause.ticket_id == ticket_id, TicketPause.ended_at.is_(None)
    )
    whys: Sequence[str] = session.scalars(open_pauses).all()
    still = "closed" if "closed" in whys else "customer" if whys else None
    rows = session.scalars(
        select(TicketClock)
        .where(TicketClock.ticket_id == ticket_id)
        .order_by(TicketClock.started_at.desc(), TicketClock.id.desc())
    ).all()
    found = [
        clock_of(row, zone=zone, still=still if row.kind == "resolution" and row.due_at is None else None)
        for row in rows
    ]
    return sorted(found, key=lambda clock: (not clock.runs, rules.KINDS.index(clock.kind) * clock.runs))
