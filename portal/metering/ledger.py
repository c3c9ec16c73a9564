"""The ledger: what is settled, read in one snapshot, and how lines come into it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Date, cast, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.gate import Settled
from portal.kit.db import Base, among
from portal.metering.models import UsageDay, UsageHour, UsageRow, UsageTotal

_SETTLED = text("""
    WITH RECURSIVE fence AS (  -- one step of the index for each generation, however many minutes it has
        (SELECT gen, minute FROM usage_batch WHERE tag = :tag ORDER BY gen DESC, minute DESC LIMIT 1)
        UNION ALL
        SELECT before.gen, before.minute FROM fence CROSS JOIN LATERAL (
            SELECT gen, minute FROM usage_batch WHERE tag = :tag AND gen < fence.gen
            ORDER BY gen DESC, minute DESC LIMIT 1) AS before
    )
    SELECT gen AS name, NULL AS window_id, minute AS number FROM fence
    UNION ALL
    SELECT meter, window_id, units FROM usage_total WHERE window_id = ANY(CAST(:windows AS bigint[]))
""")

_SETTLED_OF_MANY = text("""
    SELECT wanted.tag, wanted.gen AS name, NULL AS window_id, newest.minute AS number
    FROM unnest(CAST(:tags AS text[]), CAST(:gens AS text[])) AS wanted(tag, gen)
    CROSS JOIN LATERAL (SELECT minute FROM usage_batch
        WHERE usage_batch.tag = wanted.tag AND usage_batch.gen = wanted.gen
        ORDER BY minute DESC LIMIT 1) AS newest
    UNION ALL
    SELECT NULL, meter, window_id, units FROM usage_total WHERE window_id = ANY(CAST(:windows AS bigint[]))
""")

_BOOK_BATCHES = text("""
    INSERT INTO usage_batch (tag, gen, minute, account_id, settled_at)
    SELECT tag, gen, minute, account_id, :now
    FROM unnest(CAST(:tags AS text[]), CAST(:gens AS text[]), CAST(:minutes AS bigint[]),
                CAST(:accounts AS text[])) AS batch(tag, gen, minute, account_id)
    ORDER BY tag, gen, minute
    ON CONFLICT (tag, gen, minute) DO NOTHING
    RETURNING id, tag, gen, minute
""")

_BOOK_ROWS = text("""
    INSERT INTO usage_row (batch_id, account_id, window_id, key_id, meter, endpoint, hour, units, calls)
    SELECT batch_id, account_id, window_id, key_id, meter, endpoint, to_timestamp(hour * 3600), units, calls
    FROM unnest(CAST(:batch_id AS bigint[]), CAST(:account_id AS text[]), CAST(:window_id AS bigint[]),
                CAST(:key_id AS text[]), CAST(:meter AS text[]), CAST(:endpoint AS text[]),
                CAST(:hour AS bigint[]), CAST(:units AS bigint[]), CAST(:calls AS bigint[]))
         AS line(batch_id, account_id, window_id, key_id, meter, endpoint, hour, units, calls)
    RETURNING id
""")

_UTC_DAY = cast(func.timezone(literal_column("'UTC'"), UsageRow.hour), Date)
_DETAIL = {"key_id": UsageRow.key_id, "endpoint": UsageRow.endpoint}
_WINDOW = {"window_id": UsageRow.window_id, "meter": UsageRow.meter}
_ROLL_UPS: tuple[tuple[type[Base], dict[str, Any]], ...] = (
    (UsageHour, {**_WINDOW, "hour": UsageRow.hour, **_DETAIL}),
    (UsageDay, {**_WINDOW, "day": _UTC_DAY, **_DETAIL}),
    (UsageTotal, _WINDOW),
)


@dataclass(frozen=True)
class Line:
    """A line for the ledger; `hour` counts hours since 1970."""

    batch_id: int | None
    account_id: str
    window_id: int
    key_id: str
    meter: str
    endpoint: str
    hour: int
    units: int
    calls: int


def settled(session: Session, tag: str, windows: Iterable[int]) -> Settled:
    """What the ledger holds of these windows, and the fences of all generations of a tag: one snapshot."""
    rows = session.execute(_SETTLED, {"tag": tag, "windows": list(windows)})
    totals: dict[tuple[int, str], int] = {}
    fences: dict[str, int] = {}
    for name, window_id, number in rows:
        if window_id is None:
            fences[name] = number
        else:
            totals[window_id, name] = number
    return Settled(totals, fences)


def settled_of_many(
    session: Session, wanted: Mapping[str, tuple[Sequence[str], Sequence[int]]]
) -> dict[str, Settled]:
    """The same for many tags, each with the generations and windows in question."""
    pairs = [(tag, gen) for tag, (gens, _) in wanted.items() for gen in gens]
    windows = sorted({window for _, windows in wanted.values() for window in windows})
    fences: dict[str, dict[str, int]] = {tag: {} for tag in wanted}
    totals: dict[int, dict[str, int]] = {window: {} for window in windows}
    values = {"tags": [tag for tag, _ in pairs], "gens": [gen for _, gen in pairs], "windows": windows}
    for tag, name, window_id, number in session.execute(_SETTLED_OF_MANY, values):
        if tag is not None:
            fences[tag][name] = number
        else:
            totals[window_id][name] = number
    return {
        tag: Settled(
            {(window, meter): units for window in windows for meter, units in totals[window].items()},
            fences[tag],
        )
        for tag, (_, windows) in wanted.items()
    }


def book_batches(
    session: Session, batches: Sequence[tuple[str, str, int, str]], *, now: datetime
) -> dict[tuple[str, str, int], int]:
    """Claim batches (tag, gen, minute, account): the ids of those that nobody had claimed before."""
    tags, gens, minutes, accounts = ([batch[at] for batch in batches] for at in range(4))
    values = {"tags": tags, "gens": gens, "minutes": minutes, "accounts": accounts, "now": now}
    return {(tag, gen, minute): number for number, tag, gen, minute in session.execute(_BOOK_BATCHES, values)}


def book_lines(session: Session, lines: Sequence[Line]) -> None:
    """Write lines into the ledger and add them to every roll-up of it."""
    if not lines:
        return
    columns = {name: [getattr(line, name) for line in lines] for name in Line.__dataclass_fields__}
    added = session.scalars(_BOOK_ROWS, columns).all()
    for table, names in _ROLL_UPS:
        _roll_up(session, table, names, added)


def _roll_up(session: Session, table: type[Base], names: dict[str, Any], ids: Sequence[int]) -> None:
    kept: Any = table.__table__
    # Rows are locked in the order of their keys, the same for everyone: two settlers never embrace.
    lines = (
        select(*names.values(), UsageRow.account_id, func.sum(UsageRow.units), func.sum(UsageRow.calls))
        .where(among(UsageRow.id, ids))
        .group_by(*names.values(), UsageRow.account_id)
        .order_by(*names.values())
    )
    added = insert(table).from_select([*names, "account_id", "units", "calls"], lines)
    more = {name: kept.c[name] + added.excluded[name] for name in ("units", "calls")}
    session.execute(added.on_conflict_do_update(index_elements=[*names], set_=more))
