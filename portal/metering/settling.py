"""Settling: counts leave the gate's buckets and enter the ledger, each exactly once.

The steps are seal, book, read, clear. Whoever dies between any two of them leaves nothing that the
next settler does not put right, and two settlers at once do no harm.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import keys
from portal.accounts import Account
from portal.gate import Gate, Level, Sealed, Settled
from portal.kit.db import unit
from portal.kit.outbox import tell
from portal.metering import giving, ledger, rules
from portal.metering.events import QuotaReached
from portal.metering.models import QuotaNotice

TAGS_AT_ONCE = 200
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Settlements:
    """What one settling came to: tags looked at, batches and lines newly in the ledger, notices told."""

    tags: int = 0
    batches: int = 0
    lines: int = 0
    notices: int = 0

    def __add__(self, other: "Settlements") -> "Settlements":
        return Settlements(
            self.tags + other.tags,
            self.batches + other.batches,
            self.lines + other.lines,
            self.notices + other.notices,
        )


def settle(sessions: Callable[[], Session], gate: Gate, *, now: datetime) -> Settlements:
    """Bring all past minutes into the ledger, and tell of the quotas that were reached.

    Raises Unavailable when Redis does not answer; what was booked by then is booked.
    """
    done = Settlements()
    found = gate.tags()
    while tags := list(islice(found, TAGS_AT_ONCE)):
        done += _settle_some(sessions, gate, tags, now)
    return done


def _settle_some(
    sessions: Callable[[], Session], gate: Gate, tags: Sequence[str], now: datetime
) -> Settlements:
    sealed = gate.seal(tags)
    levels = {one.tag: one.levels for one in sealed}
    batches = lines = notices = 0
    if full := [one for one in sealed if one.counts]:
        with sessions() as session, unit(session):
            batches, lines = book(session, full, now=now)
        with sessions() as session, unit(session):
            settled = read(session, full)
        levels |= clear(gate, settled)
    if any(reached(of_tag) for of_tag in levels.values()):
        with sessions() as session, unit(session):
            notices = notice(session, levels, now=now)
    return Settlements(len(tags), batches, lines, notices)


def book(session: Session, sealed: Sequence[Sealed], *, now: datetime) -> tuple[int, int]:
    """Write into the ledger what no batch in it holds yet: batches, lines, roll-ups, keys' last use.

    Returns how many batches and lines were new.
    """
    accounts = _accounts(session, [one.tag for one in sealed])
    if strangers := [one.tag for one in sealed if one.tag not in accounts]:
        log.warning("counts of no account are left where they are", tags=strangers[:10], total=len(strangers))
    counts = [count for one in sealed if one.tag in accounts for count in one.counts]
    batches = sorted({count.batch for count in counts})
    claimed = ledger.book_batches(
        session, [(one.tag, one.gen, one.minute, accounts[one.tag]) for one in batches], now=now
    )
    lines: list[ledger.Line] = []
    used: dict[str, int] = {}
    for count in counts:
        batch = count.batch
        if (batch_id := claimed.get((batch.tag, batch.gen, batch.minute))) is not None:
            at = (count.window_id, count.key_id, count.meter, count.endpoint)
            hour = batch.minute // 60
            lines.append(ledger.Line(batch_id, accounts[batch.tag], *at, hour, count.units, count.calls))
            used[count.key_id] = max(used.get(count.key_id, 0), batch.minute)
    ledger.book_lines(session, lines)
    keys.touch_used(
        session, {key_id: min(now, rules.minute_start(minute)) for key_id, minute in used.items()}
    )
    return len(claimed), len(lines)


def read(session: Session, sealed: Sequence[Sealed]) -> dict[str, Settled]:
    """What the ledger holds of the tags now, in one snapshot."""
    wanted = {}
    for one in sealed:
        windows = {count.window_id for count in one.counts} | {level.window_id for level in one.levels}
        wanted[one.tag] = sorted({count.batch.gen for count in one.counts}), sorted(windows)
    return ledger.settled_of_many(session, wanted)


def clear(gate: Gate, settled: Mapping[str, Settled]) -> dict[str, tuple[Level, ...]]:
    """Delete from Redis what the ledger holds, and learn how far each meter is used, by tag."""
    levels = gate.clear(settled)
    # Redis was restarted and nobody called since: the quota may have been reached all the same.
    for tag in [tag for tag, level in levels.items() if level is None]:
        if gate.warm(tag):
            levels |= gate.clear({tag: settled[tag]})
    return {tag: level or () for tag, level in levels.items()}


def reached(levels: Iterable[Level]) -> list[tuple[Level, int]]:
    """The percentages of included units that are reached, of those that are told."""
    return [(level, percent) for level in levels for percent in rules.reached(level.used, level.included)]


def notice(session: Session, levels: Mapping[str, Sequence[Level]], *, now: datetime) -> int:
    """Tell of each quota that has reached 80 or 100 percent, once per window; how many were new.

    What was given beside the plan counts into the quota: while some of it is left nothing is refused.
    """
    windows = {level.window_id for of_tag in levels.values() for level, _ in reached(of_tag)}
    given = giving.given(session, windows)
    found = [
        (tag, level, percent)
        for tag in sorted(levels)
        for level, percent in reached(_with_credits(level, given) for level in levels[tag])
    ]
    marks = select(QuotaNotice.window_id, QuotaNotice.meter, QuotaNotice.percent)
    known = {tuple(row) for row in session.execute(marks.where(QuotaNotice.window_id.in_(windows)))}
    new = [one for one in found if (one[1].window_id, one[1].meter, one[2]) not in known]
    accounts = _accounts(session, [tag for tag, _, _ in new])
    told = 0
    for tag, level, percent in new:
        if (account_id := accounts.get(tag)) is None:
            continue
        mark = insert(QuotaNotice).values(
            window_id=level.window_id, meter=level.meter, percent=percent, account_id=account_id, told_at=now
        )
        if session.scalar(mark.on_conflict_do_nothing().returning(QuotaNotice.percent)) is not None:
            fact = (level.window_id, level.meter, percent, level.environment, level.used, level.included)
            tell(session, QuotaReached(account_id, *fact))
            told += 1
    return told


def _with_credits(level: Level, given: Mapping[tuple[int, str], int]) -> Level:
    return replace(level, included=level.included + given.get((level.window_id, level.meter), 0))


def _accounts(session: Session, tags: Sequence[str]) -> dict[str, str]:
    if not tags:
        return {}
    rows = session.execute(select(Account.tag, Account.id).where(Account.tag.in_(tags)))
    return {row.tag: row.id for row in rows}
