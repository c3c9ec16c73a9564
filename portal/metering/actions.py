"""Metering, as changed: usage that was measured elsewhere comes into the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import plans
from portal.accounts import Account
from portal.kit.errors import Invalid
from portal.kit.outbox import tell
from portal.metering import ledger, rules
from portal.metering.book import LINE
from portal.metering.events import UsageTold
from portal.metering.models import UsageEvent
from portal.metering.rules import Event
from portal.metering.windows import open_windows


@dataclass(frozen=True)
class Taken:
    """How many events were new, and how many had been told before."""

    inserted: int
    duplicates: int


def take_events(session: Session, events: Sequence[Event], *, now: datetime) -> Taken:
    """Write events into the ledger, each (source, id) once for ever; all of them or none.

    They count in the live window that is open now. An event's identity and its line are written in one
    transaction, so an event that was refused or lost can be told again. Invalid for an account or a
    meter that does not exist.
    """
    _check(session, events)
    unique = {(event.source, event.id): event for event in events}
    rows = [
        {"source": event.source, "event_id": event.id, "account_id": event.subject, "taken_at": now}
        for _, event in sorted(unique.items())  # one order of locks for everyone
    ]
    if not rows:
        return Taken(0, 0)
    claim = insert(UsageEvent).values(rows).on_conflict_do_nothing()
    new = session.execute(claim.returning(UsageEvent.source, UsageEvent.event_id)).all()
    fresh = [unique[source, event_id] for source, event_id in new]
    ledger.book_lines(session, _lines(session, fresh, now))
    for account_id in sorted({event.subject for event in fresh}):
        tell(session, UsageTold(account_id))
    return Taken(len(fresh), len(events) - len(fresh))


def _check(session: Session, events: Sequence[Event]) -> None:
    wanted = {event.subject for event in events}
    known = set(session.scalars(select(Account.id).where(Account.id.in_(wanted))))
    if strangers := sorted(wanted - known):
        raise Invalid(f"There is no account {strangers[0]}.", field="subject")
    meters = {meter.slug for meter in plans.catalogue(session).meters}
    if undeclared := sorted({event.meter for event in events} - meters):
        raise Invalid(f"There is no meter called {undeclared[0]}.", field="type")


def _lines(session: Session, events: Sequence[Event], now: datetime) -> list[ledger.Line]:
    windows = {
        account_id: open_windows(
            session, plans.current(session, account_id, line=LINE, now=now), now=now
        ).live
        for account_id in sorted({event.subject for event in events})
    }
    sums: dict[tuple[str, str, str, int], list[int]] = {}
    for event in events:
        window = windows[event.subject]
        hour = rules.hour_of(event.at, (window.starts_at, window.ends_at), now)
        line = sums.setdefault((event.subject, event.meter, event.endpoint, hour), [0, 0])
        line[0] += event.units
        line[1] += 1
    return [
        ledger.Line(None, account_id, windows[account_id].id, "", meter, endpoint, hour, units, calls)
        for (account_id, meter, endpoint, hour), (units, calls) in sums.items()
    ]
