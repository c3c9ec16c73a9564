"""Tickets, sorted by staff: who has them, how urgent they are, what they are about."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from portal import accounts
from portal.kit.errors import Conflict, Invalid
from portal.kit.outbox import tell
from portal.support import rules
from portal.support.actions import holding
from portal.support.events import TicketAssigned
from portal.support.models import Ticket


def take(session: Session, ticket_id: str, *, actor: accounts.Actor, now: datetime) -> Ticket:
    """Take a ticket that nobody has; Conflict, with the name of who was first, when somebody does."""
    holding.check_staff(session, actor)
    ticket = holding.hold(session, ticket_id)
    if ticket.assigned_to == actor.of_person:
        return ticket
    if ticket.assigned_to is not None:
        raise Conflict(_taken(session, ticket, now))
    ticket.assigned_to, ticket.assigned_at = actor.of_person, now
    holding.note(session, ticket, "taken", actor, now, shown=False)
    return ticket


def assign(
    session: Session,
    ticket_id: str,
    person_id: str,
    *,
    expected: str | None,
    actor: accounts.Actor,
    now: datetime,
) -> Ticket:
    """Give a ticket to somebody of the staff. `expected` is who had it when that was decided, or None.

    Conflict when somebody else has it by now; Invalid for who is not staff.
    """
    ticket = _expected(session, ticket_id, expected, actor, now)
    person = accounts.person(session, person_id)
    if person.staff_role is None or person.closed_at is not None:
        raise Invalid("Choose somebody of the staff.", field="person_id")
    if ticket.assigned_to == person_id:
        return ticket
    ticket.assigned_to, ticket.assigned_at = person_id, now
    holding.note(session, ticket, "assigned", actor, now, shown=False, to=person.email)
    if person_id != actor.of_person:
        tell(session, TicketAssigned(ticket.account_id, ticket.id, person_id, actor.of_person))
    return ticket


def release(
    session: Session, ticket_id: str, *, expected: str | None, actor: accounts.Actor, now: datetime
) -> Ticket:
    """Let nobody have a ticket that `expected` has; Conflict when somebody else has it by now."""
    ticket = _expected(session, ticket_id, expected, actor, now)
    if ticket.assigned_to is not None:
        ticket.assigned_to = ticket.assigned_at = None
        holding.note(session, ticket, "released", actor, now, shown=False)
    return ticket


def prioritise(
    session: Session, ticket_id: str, priority: str, *, actor: accounts.Actor, now: datetime
) -> Ticket:
    """Say how urgent a ticket is; Invalid for a word that is no priority."""
    holding.check_staff(session, actor)
    rules.check_priority(priority)
    ticket = holding.hold(session, ticket_id)
    if ticket.priority != priority:
        before, ticket.priority = ticket.priority, priority
        holding.note(session, ticket, "prioritised", actor, now, shown=False, before=before, after=priority)
    return ticket


def tag(
    session: Session, ticket_id: str, tags: Sequence[str], *, actor: accounts.Actor, now: datetime
) -> Ticket:
    """Say what a ticket is about: these tags and no others."""
    holding.check_staff(session, actor)
    cleaned = rules.clean_tags(tags)
    ticket = holding.hold(session, ticket_id)
    if ticket.tags != cleaned:
        ticket.tags = cleaned
        holding.note(session, ticket, "tagged", actor, now, shown=False, tags=", ".join(cleaned))
    return ticket


def _expected(
    session: Session, ticket_id: str, expected: str | None, actor: accounts.Actor, now: datetime
) -> Ticket:
    holding.check_staff(session, actor)
    ticket = holding.hold(session, ticket_id)
    if ticket.assigned_to != expected:
        raise Conflict(_taken(session, ticket, now))
    return ticket


def _taken(session: Session, ticket: Ticket, now: datetime) -> str:
    if ticket.assigned_to is None or ticket.assigned_at is None:
        return "Nobody has this ticket any more."
    return rules.taken(accounts.person(session, ticket.assigned_to).name, ticket.assigned_at, now)
