"""Tickets, answered: by the customer, by staff, and by staff among themselves."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from portal import accounts
from portal.kit.outbox import tell
from portal.support import rules
from portal.support.actions import clocks, ending, holding, saying
from portal.support.events import CustomerAnswered, TicketAnswered
from portal.support.models import TicketMessage
from portal.support.values import File


def answer(
    session: Session,
    account_id: str,
    number: int,
    body: str,
    *,
    files: Sequence[File] = (),
    nonce: str,
    actor: accounts.Actor,
    via: str = "web",
    now: datetime,
) -> TicketMessage:
    """Say something as a customer, once for each nonce; a closed ticket is opened again by it.

    Missing for a ticket that the account does not have; Conflict when it was closed too long ago;
    Forbidden for who may not ask for help here; Invalid for a body or a file that will not do.
    """
    holding.check_member(session, account_id, actor)
    ticket = holding.hold_number(session, account_id, number)
    if (before := saying.said_here(session, ticket, nonce, body, files, actor)) is not None:
        return before
    reopens = ticket.closed_at is not None
    message = saying.say(session, ticket, body, files, nonce, actor, side="customer", via=via, now=now)
    ticket.spoken_at = now
    if reopens:
        ending.open_again(session, ticket, side="customer", now=now)
    else:
        clocks.go_on(session, ticket, clocks.CUSTOMER, now=now)
        ending.owe_answer(session, ticket, now=now)
    clocks.settle(session, ticket)
    tell(session, CustomerAnswered(account_id, ticket.id, message.id, reopens))
    return message


def reply(
    session: Session,
    ticket_id: str,
    body: str,
    *,
    files: Sequence[File] = (),
    nonce: str,
    actor: accounts.Actor,
    close: bool = False,
    via: str = "web",
    now: datetime,
) -> TicketMessage:
    """Answer as staff, in public and once for each nonce; with `close` the ticket is closed by it.

    Missing for no ticket, Forbidden for who is not staff, Invalid for a body or a file that will not do.
    """
    holding.check_staff(session, actor)
    ticket = holding.hold(session, ticket_id)
    if (before := saying.said_here(session, ticket, nonce, body, files, actor)) is not None:
        rules.check_again(not close or ticket.closed_at is not None)
        return before
    message = saying.say(session, ticket, body, files, nonce, actor, side="staff", via=via, now=now)
    ticket.spoken_at = now
    ticket.first_answered_at = ticket.first_answered_at or now
    ticket.unanswered_since = None
    clocks.meet(session, ticket, clocks.FIRST, clocks.NEXT, now=now)
    closes = close and ticket.closed_at is None
    clocks.pause(session, ticket, clocks.CUSTOMER, now=now)
    if closes:
        ending.shut(session, ticket, actor.of_person, now=now)
    clocks.settle(session, ticket)
    holding.note(session, ticket, "answered", actor, now, **({"closed": True} if closes else {}))
    tell(session, TicketAnswered(ticket.account_id, ticket.id, message.id, closes))
    return message


def note(
    session: Session,
    ticket_id: str,
    body: str,
    *,
    files: Sequence[File] = (),
    nonce: str,
    actor: accounts.Actor,
    via: str = "web",
    now: datetime,
) -> TicketMessage:
    """Say something to other staff alone, once for each nonce; it changes nothing that is owed."""
    holding.check_staff(session, actor)
    ticket = holding.hold(session, ticket_id)
    if (before := saying.said_here(session, ticket, nonce, body, files, actor, kind="note")) is not None:
        return before
    return saying.say(session, ticket, body, files, nonce, actor, side="staff", kind="note", via=via, now=now)
