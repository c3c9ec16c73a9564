"""Tickets, moved upwards: what is open when its account moves to a better plan is owed by that plan."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import plans
from portal.support import queries, rules
from portal.support.actions import clocks
from portal.support.models import Ticket


def rebase(session: Session, account_id: str, *, now: datetime) -> int:
    """Move an account's open tickets to the plan that it holds now, if that is a better one; how many.

    After a move downwards what was promised still holds.
    """
    where = Ticket.account_id == account_id, Ticket.closed_at.is_(None)
    statement = select(Ticket).where(*where).order_by(Ticket.id).with_for_update()
    moved = 0
    for ticket in session.scalars(statement.execution_options(populate_existing=True)):
        if rebase_ticket(session, ticket, now=now):
            clocks.settle(session, ticket)
            moved += 1
    return moved


def rebase_ticket(session: Session, ticket: Ticket, *, now: datetime) -> bool:
    """Move a ticket that is held and open to what its account holds now, if that is better; whether it was.

    What would be overdue at once begins at `now` instead: nobody can have kept a promise that was not made.
    """
    held = plans.current(session, ticket.account_id, line="support", now=now)
    if rules.TIERS.index(held.tier) <= rules.TIERS.index(ticket.tier):
        return False
    ticket.tier, ticket.plan = held.tier, held.name
    ticket.policy = queries.promised(session, held) or ticket.policy
    if (policy := clocks.policy_of(ticket)) is None:
        return True
    spans = [(one.began_at, one.ended_at) for one in clocks.pauses(session, ticket)]
    owed = {clocks.RESOLUTION: ticket.opened_at}
    if ticket.unanswered_since is not None:
        kind = clocks.FIRST if ticket.first_answered_at is None else clocks.NEXT
        owed[kind] = ticket.unanswered_since
    for kind, since in owed.items():
        clocks.begin(session, ticket, kind, now=since)
    for clock in clocks.running(session, ticket):
        minutes = policy.minutes(clock.kind)
        is_overdue = clock.due_at is not None and clock.due_at <= now
        if minutes is None or clock.breached_at is not None or is_overdue:
            continue  # what was promised before and not kept stays so
        clock.minutes = min(minutes, clock.minutes)
        still = spans if clock.kind == clocks.RESOLUTION else []
        if rules.worked(clock.started_at, now, policy.calendar, still) >= clock.minutes * rules.MINUTE:
            clock.started_at = now
    return True
