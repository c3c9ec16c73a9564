"""Clocks, as changed: begun, met, dropped, and standing still while it is not our turn.

Whoever calls these holds the ticket. `settle` comes last: it writes what is due when.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.kit import ids
from portal.kit.outbox import tell
from portal.support import rules
from portal.support.events import TicketBreached
from portal.support.models import Ticket, TicketClock, TicketPause

CUSTOMER, CLOSED = "customer", "closed"
FIRST, NEXT, RESOLUTION = rules.KINDS


def begin(session: Session, ticket: Ticket, kind: str, *, now: datetime) -> None:
    """Start a clock, if its kind was promised and none runs."""
    policy = policy_of(ticket)
    minutes = policy.minutes(kind) if policy is not None else None
    if minutes is not None and all(clock.kind != kind for clock in running(session, ticket)):
        session.add(
            TicketClock(
                id=ids.new("clk"),
                ticket_id=ticket.id,
                account_id=ticket.account_id,
                kind=kind,
                started_at=now,
                minutes=minutes,
            )
        )
        session.flush()


def meet(session: Session, ticket: Ticket, *kinds: str, now: datetime) -> None:
    """What was owed is given. What comes too late is a breach, also when nobody noticed it meanwhile."""
    for clock in running(session, ticket):
        if clock.kind in kinds:
            clock.met_at = now
            if clock.due_at is not None and clock.due_at < now:
                clock.breached_at = clock.breached_at or clock.due_at


def drop(session: Session, ticket: Ticket, *kinds: str, now: datetime) -> None:
    """Nobody waits for it any more."""
    for clock in running(session, ticket):
        if clock.kind in kinds:
            clock.dropped_at = now


def unmeet(session: Session, ticket: Ticket) -> None:
    """A resolution that did not hold is owed again."""
    statement = (
        select(TicketClock)
        .where(
            TicketClock.ticket_id == ticket.id,
            TicketClock.kind == RESOLUTION,
            TicketClock.met_at.is_not(None),
        )
        .with_for_update()
    )
    for clock in session.scalars(statement):
        clock.met_at = None
    session.flush()


def pause(session: Session, ticket: Ticket, why: str, *, now: datetime) -> None:
    """From now on the resolution stands still. What was overdue before stays a breach, and is told."""
    for clock in running(session, ticket):
        overdue = clock.kind == RESOLUTION and clock.due_at is not None and clock.due_at <= now
        if overdue and clock.breached_at is None:
            clock.breached_at = clock.due_at
            tell(session, TicketBreached(ticket.account_id, ticket.id, clock.id))
    if all(one.why != why or one.ended_at is not None for one in pauses(session, ticket)):
        session.add(
            TicketPause(
                id=ids.new("pse"), ticket_id=ticket.id, account_id=ticket.account_id, why=why, began_at=now
            )
        )
        session.flush()


def go_on(session: Session, ticket: Ticket, *whys: str, now: datetime) -> None:
    """End the pauses of these kinds."""
    for one in pauses(session, ticket):
        if one.why in whys and one.ended_at is None:
            one.ended_at = now
    session.flush()


def settle(session: Session, ticket: Ticket) -> None:
    """Write when each running clock is due, and when the first of them is."""
    session.flush()
    clocks = running(session, ticket)
    if (policy := policy_of(ticket)) is not None:
        spans = [(one.began_at, one.ended_at) for one in pauses(session, ticket)]
        for clock in clocks:
            still = spans if clock.kind == RESOLUTION else []
            clock.due_at = rules.due_at(clock.started_at, clock.minutes, policy.calendar, still)
            clock.warn_at = rules.warn_at(clock.started_at, clock.minutes, policy.calendar, still)
    ticket.next_due_at = min((clock.due_at for clock in clocks if clock.due_at), default=None)
    session.flush()


def running(session: Session, ticket: Ticket) -> Sequence[TicketClock]:
    """The clocks that are neither met nor dropped, locked: the watch may be looking at them."""
    statement = (
        select(TicketClock)
        .where(
            TicketClock.ticket_id == ticket.id, TicketClock.met_at.is_(None), TicketClock.dropped_at.is_(None)
        )
        .order_by(TicketClock.id)
        .with_for_update()
    )
    return session.scalars(statement).all()


def pauses(session: Session, ticket: Ticket) -> Sequence[TicketPause]:
    """Every pause of the ticket."""
    return session.scalars(select(TicketPause).where(TicketPause.ticket_id == ticket.id)).all()


def policy_of(ticket: Ticket) -> rules.Policy | None:
    """What was promised in this ticket; None on a plan that promises nothing."""
    return rules.policy_from_json(ticket.policy) if ticket.policy is not None else None
