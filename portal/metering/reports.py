"""Usage, as its customer reads it: whole months, down to the call that was counted a second ago.

What Redis counted and the ledger does not hold yet is added. Redis is asked first and the ledger
after it, in one statement that reads the fences too: a batch that was settled in between is then in
the ledger and left out of what Redis said, so that no call is missing and none counts twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import accounts, plans
from portal.gate import Count, Gate, Peek, Unavailable
from portal.metering import giving, rules
from portal.metering.models import Window
from portal.metering.windows import Span

LINE = "api"
LEAST_ELAPSED = timedelta(hours=6)  # a forecast from less is a guess

_FENCES = """
    SELECT '' AS part, gen AS name, NULL::text AS meter, NULL::text AS key_id, NULL::text AS endpoint,
           max(minute) AS calls, 0::bigint AS units
    FROM usage_batch WHERE tag = :tag AND gen = ANY(CAST(:gens AS text[])) GROUP BY gen
"""

_REPORT = text(
    _FENCES  # noqa: S608 - two constants, nobody's words
    + """
    UNION ALL
    SELECT CASE grouping(day, key_id, endpoint) WHEN 3 THEN 'day' WHEN 5 THEN 'key' ELSE 'endpoint' END,
           coalesce(CAST(day AS text), key_id, endpoint), NULL, NULL, NULL,
           CAST(sum(calls) AS bigint), CAST(sum(units) AS bigint)
    FROM usage_day WHERE window_id = :window AND account_id = :account AND meter = :meter
    GROUP BY GROUPING SETS ((day), (key_id), (endpoint))
"""
)

_LINES = text(
    _FENCES  # noqa: S608 - two constants, nobody's words
    + """
    UNION ALL
    SELECT 'day', CAST(day AS text), meter, key_id, endpoint, calls, units
    FROM usage_day
    WHERE window_id = :window AND account_id = :account AND meter NOT LIKE 'observed:%'
    ORDER BY part, name, meter, key_id, endpoint
"""
)

_TOTALS = text(
    _FENCES  # noqa: S608 - two constants, nobody's words
    + """
    UNION ALL
    SELECT 'total', CAST(window_id AS text), meter, NULL, NULL, calls, units
    FROM usage_total WHERE window_id = ANY(CAST(:windows AS bigint[])) AND account_id = :account
"""
)


@dataclass
class Tally:
    """How many calls there were, and how many units they took."""

    calls: int = 0
    units: int = 0

    def add(self, calls: int, units: int) -> None:
        """Count some more."""
        self.calls += calls
        self.units += units


@dataclass(frozen=True)
class Forecast:
    """Where a month ends at its present pace: its units, and when its limit is reached, if it is."""

    units: int
    runs_out_at: datetime | None


@dataclass(frozen=True)
class Report:
    """One month on one meter. Days are all of them up to now; keys and endpoints the largest first.

    `limit` is what the plan includes and what was given beside it (`credited`), in the present month
    alone. `held` units are kept for calls that still run. `partial` when the gate could not be asked,
    and the last minutes are missing.
    """

    month: Span
    meter: str
    limit: int | None
    credited: int
    total: Tally
    held: int
    days: dict[date, Tally]
    keys: dict[str, Tally]
    endpoints: dict[str, Tally]
    forecast: Forecast | None
    partial: bool

    @property
    def used(self) -> int:
        """What counts against the limit: units, and what is held."""
        return self.total.units + self.held


@dataclass(frozen=True)
class Line:
    """A day's use of one endpoint with one key, on one meter."""

    day: date
    meter: str
    key_id: str
    endpoint: str
    calls: int
    units: int


@dataclass(frozen=True)
class Balance:
    """How far one meter's units of the present month are used, with live or with test keys."""

    environment: str
    meter: str
    name: str
    unit: str
    used: int
    limit: int
    month: Span
    forecast: Forecast | None

    @property
    def resets_at(self) -> datetime:
        """When it begins anew."""
        return self.month.ends_at


def months(
    session: Session, account_id: str, environment: str = "live", *, now: datetime, limit: int = 13
) -> list[Span]:
    """The billing months of an account: the present one first, then earlier ones, newest first.

    A present month in which nothing was asked yet has no row, and the id 0.
    """
    held = plans.current(session, account_id, line=LINE, now=now)
    kind = "test" if environment == "test" else ("paid" if held.paid else "free")
    present, _ = rules.periods(held.anchor_at if kind == "paid" else None, now)
    kinds = ("test",) if kind == "test" else ("free", "paid")
    rows = session.scalars(
        select(Window)
        .where(Window.account_id == account_id, Window.kind.in_(kinds), Window.starts_at <= now)
        .order_by(Window.starts_at.desc(), Window.id.desc())
        .limit(limit)
    )
    spans = [Span(row.id, row.kind, row.starts_at, row.ends_at) for row in rows]
    this = next((span for span in spans if (span.kind, span.starts_at) == (kind, present[0])), None)
    return [this or Span(0, kind, *present), *(span for span in spans if span is not this)]


def report(
    session: Session, account_id: str, month: Span, meter: str, *, gate: Gate | None = None, now: datetime
) -> Report:
    """What was used in a month on a meter, by day, by key and by endpoint."""
    peek, partial = _peek(session, account_id, gate)
    known = _known_of(session, account_id, peek)
    values = {"window": month.id, "account": account_id, "meter": meter, **known}
    parts: dict[str, dict[str, Tally]] = {part: defaultdict(Tally) for part in ("day", "key", "endpoint")}
    fences: dict[str, int] = {}
    for part, name, _, _, _, calls, units in session.execute(_REPORT, values):
        if part:
            parts[part][name].add(calls, units)
        else:
            fences[name] = calls
    for count in _unsettled(peek, fences):
        if (count.window_id, count.meter) == (month.id, meter):
            for part, name in (
                ("day", _day(count).isoformat()),
                ("key", count.key_id),
                ("endpoint", count.endpoint),
            ):
                parts[part][name].add(count.calls, count.units)
    total = Tally(*(sum(getattr(one, what) for one in parts["day"].values()) for what in ("calls", "units")))
    held = peek.held.get((month.id, meter), 0) if peek else 0
    credited = giving.given(session, [month.id]).get((month.id, meter), 0)
    limit = _limit(session, account_id, month, meter, now)
    limit = None if limit is None else limit + credited
    first = min((date.fromisoformat(name) for name in parts["day"]), default=None)
    return Report(
        month=month,
        meter=meter,
        limit=limit,
        credited=credited,
        total=total,
        held=held,
        days={day: parts["day"].get(day.isoformat(), Tally()) for day in _days(month, now)},
        keys=_largest_first(parts["key"]),
        endpoints=_largest_first(parts["endpoint"]),
        forecast=forecast(total.units + held, limit, month, first, now),
        partial=partial,
    )


def lines(session: Session, account_id: str, month: Span, *, gate: Gate | None = None) -> Iterator[Line]:
    """All that was used in a month, line by line in the order of days; read as it is asked for."""
    peek, _ = _peek(session, account_id, gate)
    values = {"window": month.id, "account": account_id, **_known_of(session, account_id, peek)}
    rows = session.execute(_LINES, values, execution_options={"yield_per": 1000})
    fences: dict[str, int] = {}
    fresh: dict[tuple[str, str, str, str], Tally] | None = None
    for part, name, meter, key_id, endpoint, calls, units in rows:
        if not part:
            fences[name] = calls
            continue
        fresh = _fresh(peek, fences, month) if fresh is None else fresh
        more = fresh.pop((name, meter, key_id, endpoint), Tally())
        day = date.fromisoformat(name)
        yield Line(day, meter, key_id, endpoint, calls + more.calls, units + more.units)
    fresh = _fresh(peek, fences, month) if fresh is None else fresh
    for (name, meter, key_id, endpoint), tally in sorted(fresh.items()):
        yield Line(date.fromisoformat(name), meter, key_id, endpoint, tally.calls, tally.units)


def balances(session: Session, account_id: str, *, gate: Gate | None = None, now: datetime) -> list[Balance]:
    """What the plan includes and how far it is used, in the present month; live keys first.

    Meters that the plan does not include and nobody used are left out, and so are test keys until one
    was used.
    """
    held = plans.current(session, account_id, line=LINE, now=now)
    present = {env: months(session, account_id, env, now=now, limit=1)[0] for env in ("live", "test")}
    peek, _ = _peek(session, account_id, gate)
    windows = [month.id for month in present.values()]
    values = {"windows": windows, "account": account_id, **_known_of(session, account_id, peek)}
    fences: dict[str, int] = {}
    used: dict[tuple[int, str], int] = defaultdict(int)
    for part, name, meter, _, _, calls, units in session.execute(_TOTALS, values):
        if part:
            used[int(name), meter] += units
        else:
            fences[name] = calls
    for count in _unsettled(peek, fences):
        used[count.window_id, count.meter] += count.units
    for at, units in (peek.held if peek else {}).items():
        used[at] += units
    given = giving.given(session, windows)
    found = []
    for env, month in present.items():
        for meter in plans.catalogue(session).meters:
            limit = held.ceilings(meter.slug)[env == "test"] + given.get((month.id, meter.slug), 0)
            units = used.get((month.id, meter.slug), 0)
            if units or (limit and env == "live"):
                ahead = forecast(units, limit, month, None, now)
                found.append(Balance(env, meter.slug, meter.name, meter.unit, units, limit, month, ahead))
    return found


def meters(session: Session, account_id: str, month: Span) -> set[str]:
    """The meters on which the ledger holds anything of a month; what was merely observed is none."""
    rows = session.scalars(
        text("SELECT meter FROM usage_total WHERE window_id = :window AND account_id = :account"),
        {"window": month.id, "account": account_id},
    )
    return {meter for meter in rows if rules.is_counted(meter)}


def forecast(used: int, limit: int | None, month: Span, first: date | None, now: datetime) -> Forecast | None:
    """Where the month ends if use goes on as since its first day of use; None while it is too early."""
    began_at = month.starts_at
    if first is not None:
        began_at = max(began_at, datetime.combine(first, time(), UTC))
    elapsed = now - began_at
    if not used or elapsed < LEAST_ELAPSED or now >= month.ends_at:
        return None
    units = used + round(used * ((month.ends_at - now) / elapsed))
    if limit is None or used >= limit or units <= limit:
        return Forecast(units, None)
    return Forecast(units, now + elapsed * ((limit - used) / used))


def _peek(session: Session, account_id: str, gate: Gate | None) -> tuple[Peek | None, bool]:
    """What Redis holds of an account, and whether it should have been asked and could not be."""
    if gate is None:
        return None, False
    try:
        return gate.peek(accounts.tag(session, account_id)), False
    except Unavailable:
        return None, True


def _known_of(session: Session, account_id: str, peek: Peek | None) -> dict[str, object]:
    gens = sorted({count.batch.gen for count in peek.counts}) if peek else []
    return {"tag": accounts.tag(session, account_id), "gens": gens}


def _unsettled(peek: Peek | None, fences: dict[str, int]) -> Iterable[Count]:
    counts = peek.counts if peek else ()
    return (count for count in counts if count.batch.minute > fences.get(count.batch.gen, -1))


def _fresh(peek: Peek | None, fences: dict[str, int], month: Span) -> dict[tuple[str, str, str, str], Tally]:
    found: dict[tuple[str, str, str, str], Tally] = defaultdict(Tally)
    for count in _unsettled(peek, fences):
        if count.window_id == month.id and rules.is_counted(count.meter):
            at = (_day(count).isoformat(), count.meter, count.key_id, count.endpoint)
            found[at].add(count.calls, count.units)
    return found


def _day(count: Count) -> date:
    return rules.minute_start(count.batch.minute).date()


def _days(month: Span, now: datetime) -> list[date]:
    first, last = month.starts_at.date(), min(now, month.ends_at - timedelta(microseconds=1)).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _largest_first(tallies: dict[str, Tally]) -> dict[str, Tally]:
    return dict(sorted(tallies.items(), key=lambda item: (-item[1].units, -item[1].calls, item[0])))


def _limit(session: Session, account_id: str, month: Span, meter: str, now: datetime) -> int | None:
    held = plans.current(session, account_id, line=LINE, now=now)
    kind = "test" if month.kind == "test" else ("paid" if held.paid else "free")
    if month.kind != kind or not month.starts_at <= now < month.ends_at:
        return None
    return held.ceilings(meter)[month.kind == "test"]
