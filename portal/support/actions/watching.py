"""Clocks, watched: what is due soon and what is overdue is told, once of each."""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from portal.kit.outbox import tell
from portal.support.events import TicketBreached, TicketDueSoon
from portal.support.models import TicketClock

RUNS = and_(TicketClock.met_at.is_(None), TicketClock.dropped_at.is_(None))


def watch(session: Session, *, now: datetime, limit: int = 200) -> int:
    """Tell what is due soon or overdue and was not told of yet; how much. Call again until it is nothing.

    What nobody was warned of in time is told as overdue alone. What is being changed right now is
    looked at the next time.
    """
    overdue = and_(RUNS, TicketClock.breached_at.is_(None), TicketClock.due_at <= now)
    soon = and_(RUNS, TicketClock.warned_at.is_(None), TicketClock.warn_at <= now, TicketClock.due_at > now)
    warned_at = func.coalesce(TicketClock.warned_at, now)
    breached = {"breached_at": TicketClock.due_at, "warned_at": warned_at}
    found = _mark(session, overdue, TicketClock.due_at, breached, limit)
    for clock_id, ticket_id, account_id in found:
        tell(session, TicketBreached(account_id, ticket_id, clock_id))
    warned = _mark(session, soon, TicketClock.warn_at, {"warned_at": now}, limit)
    for clock_id, ticket_id, account_id in warned:
        tell(session, TicketDueSoon(account_id, ticket_id, clock_id))
    return len(found) + len(warned)


def _mark(
    session: Session, where: Any, first: Any, marks: dict[str, Any], limit: int
) -> list[tuple[str, str, str]]:
    """Mark clocks that nobody else is marking; their ids, with those of their tickets and accounts."""
    found = select(TicketClock.id).where(where).order_by(first).limit(limit)
    statement = (
        update(TicketClock)
        .where(TicketClock.id.in_(found.with_for_update(skip_locked=True)), where)
        .values(marks)
        .returning(TicketClock.id, TicketClock.ticket_id, TicketClock.account_id)
        .execution_options(synchronize_session=False)
    )
    return [(one.id, one.ticket_id, one.account_id) for one in session.execute(statement)]
