"""Metering, as changed: usage that was measured elsewhere comes into the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import accounts, keys, plans
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

    They count in the window that is open now: the test window for an event of a test key, else the live
    one. An event's identity and its line are written in one transaction, so an event that was refused
    or lost can be told again. Invalid for an account, a meter or a key of it that does not exist.
    """
    _check(session, events)
    tests = _test_keys(session, events)
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
    opened = {account_id: open_windows(session, held, now=now) for account_id, held in helds.items()}
    windows = {
        event: opened[event.subject].test if event.key_id in tests else opened[event.subject].live
        for event in fresh
    }
    ledger.book_lines(session, _lines(windows, now))
    for account_id, held in helds.items():
        tell(session, UsageTold(account_id))
        live = opened[account_id].live
        meters = {event.meter for event, window in windows.items() if window == live}
        _notice(session, held, live.id, meters, now)
    return Taken(len(fresh), len(events) - len(fresh))


def _check(session: Session, events: Sequence[Event]) -> None:
    wanted = {event.subject for event in events}
    known = set(session.scalars(select(Account.id).where(Account.id.in_(wanted))))
    if strangers := sorted(wanted - known):
        raise Invalid(f"There is no account {strangers[0]}.", field="subject")
    meters = {meter.slug for meter in plans.catalogue(session).meters}
    if undeclared := sorted({event.meter for event in events} - meters):
        raise Invalid(f"There is no meter called {undeclared[0]}.", field="type")


def _test_keys(session: Session, events: Sequence[Event]) -> set[str]:
    """Those keys of the events that are test keys; Invalid for one that is not its account's."""
    tests: set[str] = set()
    for account_id in sorted({event.subject for event in events if event.key_id}):
        told = sorted({event.key_id for event in events if event.subject == account_id and event.key_id})
        known = keys.names(session, account_id, told)
        if unknown := [key_id for key_id in told if key_id not in known]:
            raise Invalid(f"The account has no key {unknown[0]}.", field="data.key_id")
        tests |= {key_id for key_id, key in known.items() if key.environment == "test"}
    return tests


def _lines(windows: Mapping[Event, Span], now: datetime) -> list[ledger.Line]:
    """The lines that events add up to, each event with the window in which it counts."""
    sums: dict[tuple[str, int, str, str, str, int], list[int]] = {}
    for event, window in windows.items():
        hour = rules.hour_of(event.at, (window.starts_at, window.ends_at), now)
        name = event.subject, window.id, event.key_id, event.meter, event.endpoint, hour
        line = sums.setdefault(name, [0, 0])
        line[0] += event.units
        line[1] += event.calls
    return [ledger.Line(None, *name, units, calls) for name, (units, calls) in sums.items()]


def _notice(session: Session, held: Held, window_id: int, meters: Iterable[str], now: datetime) -> None:
    """Tell of a quota that events alone have filled: nobody may ever call and be counted."""
    tag = accounts.tag(session, held.account_id)
    totals = ledger.settled(session, tag, [window_id]).totals
    levels = [
        Level("live", window_id, meter, held.ceilings(meter)[0], totals.get((window_id, meter), 0))
        for meter in sorted(meters)
    ]
    settling.notice(session, {tag: levels}, now=now)
