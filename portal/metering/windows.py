"""Windows: which month a call counts in, and the rows that stand for them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from portal.kit.period import Period
from portal.metering import rules
from portal.metering.models import UsageFinal, UsageTotal, Window, WindowClose
from portal.metering.rules import Kind
from portal.plans import Held


@dataclass(frozen=True)
class Span:
    """A window's row as a value."""

    id: int
    kind: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Open:
    """The windows that an account counts in: the present one and the next, of live and of test keys."""

    live: Span
    live_next: Span
    test: Span
    test_next: Span


def open_windows(session: Session, held: Held, *, now: datetime) -> Open:
    """The windows of an account that holds this plan at `now`; those that were never needed are opened.

    Free and test windows are calendar months, and there is one of each: coming back to the free plan
    within a month finds the window that was left. Paid windows count from the plan's anchor, whatever
    paid plan it is.
    """
    anchor = held.anchor_at if held.paid else None
    kind: Kind = "paid" if anchor is not None else "free"
    live, live_next = rules.periods(anchor, now)
    test, test_next = rules.periods(None, now)
    wanted: list[tuple[Kind, Period]] = [(kind, live), (kind, live_next), ("test", test), ("test", test_next)]
    found = _find(session, held.account_id, wanted)
    missing = [(kind, period) for kind, period in wanted if (kind, period[0]) not in found]
    if missing:
        rows = [
            {
                "account_id": held.account_id,
                "kind": kind,
                "starts_at": period[0],
                "ends_at": period[1],
                "opened_at": now,
            }
            for kind, period in missing
        ]
        # Whoever opens the same window at once is waited for here, and found below.
        session.execute(upsert(Window).values(rows).on_conflict_do_nothing())
        found = _find(session, held.account_id, wanted)
    return Open(*(found[kind, period[0]] for kind, period in wanted))


def close_windows(session: Session, *, now: datetime) -> int:
    """Store the final counters of the windows that ended an hour ago; how many were closed."""
    ended = (
        select(Window.id)
        .where(Window.ends_at <= now - rules.LATE)
        .where(~select(WindowClose.window_id).where(WindowClose.window_id == Window.id).exists())
        .order_by(Window.id)
    )
    closed = (
        upsert(WindowClose)
        .from_select(["window_id", "closed_at"], ended.add_columns(literal(now)))
        .on_conflict_do_nothing()
        .returning(WindowClose.window_id)
        .cte("closed")
    )
    totals = select(
        UsageTotal.window_id, UsageTotal.meter, UsageTotal.account_id, UsageTotal.units, UsageTotal.calls
    ).join(closed, closed.c.window_id == UsageTotal.window_id)
    final = (
        insert(UsageFinal)
        .from_select(["window_id", "meter", "account_id", "units", "calls"], totals)
        .cte("final")
    )
    # One statement: the ids of a month's end are more than a query may name.
    return session.scalars(select(func.count()).select_from(closed).add_cte(final)).one()


def accounts_counting(session: Session, *, now: datetime) -> list[str]:
    """The accounts that have a window open at `now`."""
    open_now = (Window.starts_at <= now, Window.ends_at > now)
    statement = select(Window.account_id).where(*open_now).distinct().order_by(Window.account_id)
    return list(session.scalars(statement))


def _find(
    session: Session, account_id: str, wanted: list[tuple[Kind, Period]]
) -> dict[tuple[str, datetime], Span]:
    rows = session.scalars(
        select(Window).where(
            Window.account_id == account_id,
            tuple_(Window.kind, Window.starts_at).in_([(kind, period[0]) for kind, period in wanted]),
        )
    )
    return {(row.kind, row.starts_at): _span(row) for row in rows}


def _span(row: Window) -> Span:
    return Span(row.id, row.kind, row.starts_at, row.ends_at)
