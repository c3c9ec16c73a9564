"""What is due, as asked: next in each of many tickets, and in one that would be opened now."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from portal import plans
from portal.support import rules
from portal.support.models import Ticket, TicketClock, TicketPause
from portal.support.values import Clock


def due(session: Session, ticket_ids: Sequence[str]) -> dict[str, Clock]:
    """The running clock of each ticket that is due first, by the ticket's id; a standing one comes last."""
    if not ticket_ids:
        return {}
    statement = (
        select(TicketClock, Ticket.policy)
        .join(Ticket, Ticket.id == TicketClock.ticket_id)
        .where(
            TicketClock.ticket_id.in_(ticket_ids),
            TicketClock.met_at.is_(None),
            TicketClock.dropped_at.is_(None),
        )
        .order_by(TicketClock.ticket_id, TicketClock.due_at.asc().nulls_last(), TicketClock.id)
        .ext(distinct_on(TicketClock.ticket_id))
    )
    pauses = select(TicketPause.ticket_id, TicketPause.why).where(
        TicketPause.ticket_id.in_(ticket_ids), TicketPause.ended_at.is_(None)
    )
    still: dict[str, str] = {}
    for ticket_id, why in session.execute(pauses):
        still[ticket_id] = "closed" if "closed" in (why, still.get(ticket_id)) else why
    return {
        row.ticket_id: clock_of(
            row,
            zone=rules.policy_from_json(policy).calendar.zone if policy else "UTC",
            still=still.get(row.ticket_id) if row.due_at is None else None,
        )
        for row, policy in session.execute(statement)
    }


def expected(session: Session, account_id: str, *, now: datetime) -> list[Clock]:
    """What would be due, and when, in a ticket that is opened now; nothing on a plan without promises."""
    held = plans.current(session, account_id, line="support", now=now)
    if (data := promised(session, held)) is None:
        return []
    policy = rules.policy_from_json(data)
    blank = Clock("", "", now, 0, None, None, None, None, None, None, policy.calendar.zone)
    return [
        replace(blank, kind=kind, minutes=minutes, due_at=rules.due_at(now, minutes, policy.calendar))
        for kind in ("first_response", "resolution")
        if (minutes := policy.minutes(kind)) is not None
    ]


def promised(session: Session, held: plans.Held) -> dict[str, Any] | None:
    """What a plan promises, with its calendar as it is today: so nothing moves in an open ticket."""
    if held.sla is None:
        return None
    return rules.Policy(
        plan=held.plan,
        version=held.version,
        calendar=plans.calendar(session, held.sla.calendar),
        first_response_minutes=held.sla.first_response_minutes,
        next_response_minutes=held.sla.next_response_minutes,
        resolution_minutes=held.sla.resolution_minutes,
    ).as_json()


def clock_of(row: TicketClock, *, zone: str, still: str | None) -> Clock:
    """A clock's row as it is shown."""
    return Clock(
        id=row.id,
        kind=row.kind,
        started_at=row.started_at,
        minutes=row.minutes,
        due_at=row.due_at,
        met_at=row.met_at,
        warned_at=row.warned_at,
        breached_at=row.breached_at,
        dropped_at=row.dropped_at,
        stands_still=still,
        zone=zone,
    )
