"""Reconciling: the proof that the gate's counters are what the ledger and the buckets say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import accounts
from portal.gate import Gate, Peek, Unavailable
from portal.kit.db import unit
from portal.metering import rules
from portal.metering.windows import accounts_counting

TRIES: Final = 20
ROLL_UPS: Final = ("line", "total", "day", "hour")

# Lines, roll-ups and fences in one statement, so in one snapshot.
_BOOKS = text("""
    SELECT 'line' AS kind, meter AS name, window_id, CAST(sum(units) AS bigint) AS number
    FROM usage_row WHERE window_id = ANY(CAST(:windows AS bigint[])) GROUP BY window_id, meter
    UNION ALL
    SELECT 'total', meter, window_id, units
    FROM usage_total WHERE window_id = ANY(CAST(:windows AS bigint[]))
    UNION ALL
    SELECT 'day', meter, window_id, CAST(sum(units) AS bigint)
    FROM usage_day WHERE window_id = ANY(CAST(:windows AS bigint[])) GROUP BY window_id, meter
    UNION ALL
    SELECT 'hour', meter, window_id, CAST(sum(units) AS bigint)
    FROM usage_hour WHERE window_id = ANY(CAST(:windows AS bigint[])) GROUP BY window_id, meter
    UNION ALL
    SELECT 'credit', meter, window_id, CAST(sum(units) AS bigint)
    FROM credit WHERE window_id = ANY(CAST(:windows AS bigint[])) GROUP BY window_id, meter
    UNION ALL
    SELECT 'fence', gen, NULL, newest.minute FROM unnest(CAST(:gens AS text[])) AS wanted(gen)
    CROSS JOIN LATERAL (SELECT minute FROM usage_batch
        WHERE usage_batch.tag = :tag AND usage_batch.gen = wanted.gen
        ORDER BY minute DESC LIMIT 1) AS newest
""")


@dataclass(frozen=True)
class Balance:
    """One counter of the gate, and what it should be, in units: ledger + unsettled + held + stranded.

    `stranded` are shares of leases that nobody reported, in the ledger or on the way there; those that
    are still out are among what is `held`.

    The ledger is `included` + `credited` + `beyond`: what was taken of the plan, then of what was given
    beside it, and what only passed because nothing is refused to who is observed, or because the plan
    allowed more then. `difference` is the counter less that sum. `torn` names the roll-ups of the ledger
    that do not add up to its lines; there should be none. `state` is how the account was found: warm, or
    cold, and then the book was asked before anything was compared.
    """

    account: str
    window: int
    environment: str
    meter: str
    counter: int
    ledger: int
    included: int
    credited: int
    beyond: int
    unsettled: int
    held: int
    stranded: int
    difference: int
    torn: tuple[str, ...]
    state: Literal["warm", "cold"]

    @property
    def balanced(self) -> bool:
        """Whether the books agree."""
        return self.difference == 0 and not self.torn


@dataclass(frozen=True)
class _Books:
    sums: dict[tuple[str, int, str], int]
    fences: dict[str, int]


def reconcile(
    sessions: Callable[[], Session], gate: Gate, *, account_id: str | None = None, now: datetime
) -> list[Balance]:
    """Compare, for one account or for all that have a window open, counter and ledger.

    Redis is read at one moment, between two equal readings of the ledger; else it is tried again.
    Raises Unavailable when Redis does not answer, or the books are written to all the time.
    """
    with sessions() as session, unit(session):
        wanted = accounts_counting(session, now=now) if account_id is None else [account_id]
        tags = {one: accounts.tag(session, one) for one in wanted}
    return [balance for one, tag in tags.items() for balance in _of_account(sessions, gate, one, tag)]


def _of_account(sessions: Callable[[], Session], gate: Gate, account_id: str, tag: str) -> list[Balance]:
    state: Literal["warm", "cold"] = "warm"
    for _ in range(TRIES):
        first = gate.peek(tag)
        if not first.warm:
            state = "cold"
            gate.warm(tag)
            continue
        windows = sorted({window for window, _ in first.counters} | {s.id for s in first.spans.values()})
        gens = sorted({count.batch.gen for count in first.counts} | {first.gen})
        before = _read(sessions, tag, windows, gens)
        seen = gate.peek(tag)
        after = _read(sessions, tag, windows, gens)
        known = {count.batch.gen for count in seen.counts} | {seen.gen}
        if seen.warm and before == after and known <= set(gens):
            return _compare(account_id, seen, after, state)
    raise Unavailable("The ledger was written to at every try.")


def _compare(account_id: str, seen: Peek, books: _Books, state: Literal["warm", "cold"]) -> list[Balance]:
    unsettled: dict[tuple[int, str], int] = {}
    for count in seen.counts:
        if count.batch.minute > books.fences.get(count.batch.gen, -1):
            at = count.window_id, count.meter
            unsettled[at] = unsettled.get(at, 0) + count.units
    balances = []
    for environment, span in seen.spans.items():
        meters = {meter for env, meter in seen.allowances if env == environment}
        meters |= {meter for window, meter in {*seen.counters, *unsettled} if window == span.id}
        for meter in sorted(filter(rules.is_counted, meters)):
            at, lost = (span.id, meter), (span.id, rules.stranded(meter))
            sums = {kind: books.sums.get((kind, *at), 0) for kind in ROLL_UPS}
            torn = {kind for kind in ROLL_UPS if sums[kind] != sums["line"]}
            torn |= {
                kind for kind in ROLL_UPS if books.sums.get((kind, *lost)) != books.sums.get(("line", *lost))
            }
            stranded = books.sums.get(("line", *lost), 0) + unsettled.get(lost, 0)
            allowed = seen.allowances.get((environment, meter))
            parts = rules.split(
                sums["line"], allowed.included if allowed else 0, books.sums.get(("credit", *at), 0)
            )
            counter, open_units, held = seen.counters.get(at, 0), unsettled.get(at, 0), seen.held.get(at, 0)
            balances.append(
                Balance(
                    account=account_id,
                    window=span.id,
                    environment=environment,
                    meter=meter,
                    counter=counter,
                    ledger=sums["line"],
                    included=parts[0],
                    credited=parts[1],
                    beyond=parts[2],
                    unsettled=open_units,
                    held=held,
                    stranded=stranded,
                    difference=counter - sums["line"] - open_units - held - stranded,
                    torn=tuple(kind for kind in ROLL_UPS if kind in torn),
                    state=state,
                )
            )
    return balances


def _read(sessions: Callable[[], Session], tag: str, windows: Sequence[int], gens: Sequence[str]) -> _Books:
    books = _Books({}, {})
    with sessions() as session, unit(session):
        values = {"tag": tag, "windows": windows, "gens": gens}
        for kind, name, window_id, number in session.execute(_BOOKS, values):
            if kind == "fence":
                books.fences[name] = number
            else:
                books.sums[kind, window_id, name] = number
    return books
