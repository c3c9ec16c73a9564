"""Metering, as changed: usage that was measured elsewhere comes into the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import accounts, plans
from portal.accounts import Account
from portal.gate import Level
from portal.kit.errors import Invalid
from portal.kit.outbox import tell
from portal.metering import ledger, rules, settling
from portal.metering.book import LINE
from portal.metering.events import UsageTold
from portal.metering.models import UsageEvent
from portal.metering.rules import Event
from portal.metering.windows import Span, open_windows
from portal.plans import Held


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
    helds = {
        account_id: plans.current(session, account_id, line=LINE, now=now)
        for account_id in sorted({event.subject for event in fresh})
    }
    windows = {account_id: open_windows(session, held, now=now).live for account_id, held in helds.items()}
    ledger.book_lines(session, _lines(fresh, windows, now))
    for account_id, held in helds.items():
        tell(session, UsageTold(account_id))
        meters = {event.meter for event in fresh if event.subject == account_id}
        _notice(session, held, windows[account_id].id, meters, now)
    return Taken(len(fresh), len(events) - len(fresh))


def _check(session: Session, events: Sequence[Event]) -> None:
    wanted = {event.subject for event in events}
    known = set(session.scalars(select(Account.id).where(Account.id.in_(wanted))))
    if strangers := sorted(wanted - known):
        raise Invalid(f"There is no account {strangers[0]}.", field="subject")
    meters = {meter.slug for meter in plans.catalogue(session).meters}
    if undeclared := sorted({event.meter for event in events} - meters):
        raise Invalid(f"There is no meter called {undeclared[0]}.", field="type")


def _lines(events: Sequence[Event], windows: Mapping[str, Span], now: datetime) -> list[ledger.Line]:
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


def _notice(session: Session, held: Held, window_id: int, meters: Iterable[str], now: datetime) -> None:
    """Tell of a quota that events alone have filled: nobody may ever call and be counted."""
    tag = accounts.tag(session, held.account_id)
    totals = ledger.settled(session, tag, [window_id]).totals
    levels = [
        Level("live", window_id, meter, held.ceilings(meter)[0], totals.get((window_id, meter), 0))
        for meter in sorted(meters)
    ]
    settling.notice(session, {tag: levels}, now=now)
