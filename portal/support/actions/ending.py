"""Tickets, closed and opened again."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts
from portal.kit.errors import Conflict
from portal.kit.outbox import tell
from portal.support import rules
from portal.support.actions import clocks, holding, rebasing
from portal.support.events import TicketClosed, TicketReopened
from portal.support.models import Ticket


def close(session: Session, ticket_id: str, *, actor: accounts.Actor, side: str, now: datetime) -> Ticket:
    """Close a ticket as a `side`, customer or staff. Conflict when it is closed.

    The resolution is met by it; an answer that is still owed is owed no more.
    """
    ticket = _held(session, ticket_id, actor, side)
    rules.check_open(ticket.closed_at)
    shut(session, ticket, actor.of_person, now=now)
    clocks.settle(session, ticket)
    if side == "staff":
        holding.note(session, ticket, "closed", actor, now)
    tell(session, TicketClosed(ticket.account_id, ticket.id, side, actor.of_person))
    return ticket


def reopen(session: Session, ticket_id: str, *, actor: accounts.Actor, side: str, now: datetime) -> Ticket:
    """Open a closed ticket again as a `side`, customer or staff; the time closed is credited.

    Conflict when it is open, or was closed more than 30 days ago and a customer asks.
    """
    ticket = _held(session, ticket_id, actor, side)
    if ticket.closed_at is None:
        raise Conflict("This ticket is open.")
    open_again(session, ticket, side=side, now=now)
    clocks.settle(session, ticket)
    if side == "staff":
        holding.note(session, ticket, "reopened", actor, now)
    tell(session, TicketReopened(ticket.account_id, ticket.id, side, actor.of_person))
    return ticket


def close_all(session: Session, account_id: str, *, by: str, now: datetime) -> int:
    """Close every open ticket of an account that has left; how many. Nobody is written to."""
    where = Ticket.account_id == account_id, Ticket.closed_at.is_(None)
    statement = select(Ticket).where(*where).order_by(Ticket.id).with_for_update()
    tickets = session.scalars(statement.execution_options(populate_existing=True)).all()
    for ticket in tickets:
        shut(session, ticket, by, now=now)
        clocks.settle(session, ticket)
    return len(tickets)


def shut(session: Session, ticket: Ticket, by: str, *, now: datetime) -> None:
    """Close a ticket that is held."""
    ticket.closed_at, ticket.closed_by = now, by
    clocks.drop(session, ticket, clocks.FIRST, clocks.NEXT, now=now)
    clocks.meet(session, ticket, clocks.RESOLUTION, now=now)
    clocks.pause(session, ticket, clocks.CLOSED, now=now)


def open_again(session: Session, ticket: Ticket, *, side: str, now: datetime) -> None:
    """Open a ticket that is held. A customer who does so waits for an answer, also without words."""
    if side == "customer":
        rules.check_reopened(ticket.closed_at, now)
        clocks.go_on(session, ticket, clocks.CUSTOMER, now=now)
    ticket.closed_at = ticket.closed_by = None
    clocks.go_on(session, ticket, clocks.CLOSED, now=now)
    clocks.unmeet(session, ticket)
    if side == "customer" or ticket.unanswered_since is not None:
        owe_answer(session, ticket, now=now)
    rebasing.rebase_ticket(session, ticket, now=now)


def owe_answer(session: Session, ticket: Ticket, *, now: datetime) -> None:
    """The customer waits: for the first answer, or for the next one."""
    ticket.unanswered_since = ticket.unanswered_since or now
    owed = clocks.FIRST if ticket.first_answered_at is None else clocks.NEXT
    clocks.begin(session, ticket, owed, now=now)


def _held(session: Session, ticket_id: str, actor: accounts.Actor, side: str) -> Ticket:
    ticket = holding.hold(session, ticket_id)
    if side == "staff":
        holding.check_staff(session, actor)
    else:
        holding.check_member(session, ticket.account_id, actor)
    return ticket
