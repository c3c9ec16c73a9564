"""Settling: counts leave the gate's buckets and enter the ledger, each exactly once.

The steps are seal, book, read, clear. Whoever dies between any two of them leaves nothing that the
next settler does not put right, and two settlers at once do no harm.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
from portal.metering import ledger, rules
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


@dataclass(frozen=True)
class Booked:
    """What booking came to: the account of each tag, and how many batches and lines were new."""

    accounts: dict[str, str]
    batches: int
    lines: int


def settle(sessions: Callable[[], Session], gate: Gate, *, now: datetime) -> Settlements:
    """Bring all past minutes into the ledger, and tell of the quotas that were reached.

    Raises Unavailable when Redis does not answer; what was booked by then is booked.
    """
    done = Settlements()
    found = gate.tags()
    while tags := list(islice(found, TAGS_AT_ONCE)):
        sealed = gate.seal(tags)
        with sessions() as session, unit(session):
            booked = book(session, sealed, now=now)
        with sessions() as session, unit(session):
            settled = read(session, sealed)
        levels = clear(gate, [one for one in sealed if one.tag in booked.accounts], settled)
        with sessions() as session, unit(session):
            notices = notice(session, booked.accounts, levels, now=now)
        done += Settlements(len(tags), booked.batches, booked.lines, notices)
    return done


def book(session: Session, sealed: Sequence[Sealed], *, now: datetime) -> Booked:
    """Write into the ledger what no batch in it holds yet: batches, lines, roll-ups, keys' last use."""
    tags = [one.tag for one in sealed]
    accounts: dict[str, str] = {}
    for tag, account_id in session.execute(select(Account.tag, Account.id).where(Account.tag.in_(tags))):
        accounts[tag] = account_id
    if strangers := [tag for tag in tags if tag not in accounts]:
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
    return Booked(accounts, len(claimed), len(lines))


def read(session: Session, sealed: Sequence[Sealed]) -> dict[str, Settled]:
    """What the ledger holds of the tags now, in one snapshot."""
    wanted = {
        one.tag: (sorted({count.batch.gen for count in one.counts}), sorted(_windows(one))) for one in sealed
    }
    return ledger.settled_of_many(session, wanted)


def clear(gate: Gate, sealed: Sequence[Sealed], settled: dict[str, Settled]) -> dict[str, tuple[Level, ...]]:
    """Delete from Redis what the ledger holds, and learn how far each meter is used, by tag."""
    work = [(one.tag, sorted(_windows(one)), settled[one.tag]) for one in sealed]
    levels = dict(zip((tag for tag, _, _ in work), gate.clear(work), strict=True))
    # Redis was restarted and nobody called since: the quota may have been reached all the same.
    for cold in [one for one in work if levels[one[0]] is None]:
        if gate.warm(cold[0]):
            levels[cold[0]] = gate.clear([cold])[0]
    return {tag: level or () for tag, level in levels.items()}


def notice(
    session: Session, accounts: dict[str, str], levels: dict[str, tuple[Level, ...]], *, now: datetime
) -> int:
    """Tell of each quota that has reached 80 or 100 percent, once per window; how many were new."""
    told = 0
    for account_id, level, percent in sorted(_reached(accounts, levels), key=lambda one: one[0]):
        mark = {
            "window_id": level.window_id,
            "meter": level.meter,
            "percent": percent,
            "account_id": account_id,
            "told_at": now,
        }
        statement = insert(QuotaNotice).values(mark).on_conflict_do_nothing().returning(QuotaNotice.percent)
        if session.scalar(statement) is not None:
            fact = (level.window_id, level.meter, percent, level.environment, level.used, level.included)
            tell(session, QuotaReached(account_id, *fact))
            told += 1
    return told


def _reached(
    accounts: dict[str, str], levels: dict[str, tuple[Level, ...]]
) -> Iterator[tuple[str, Level, int]]:
    for tag, of_tag in levels.items():
        for level in of_tag:
            for percent in rules.reached(level.used, level.included):
                yield accounts[tag], level, percent


def _windows(sealed: Sealed) -> set[int]:
    return {*sealed.windows, *(count.window_id for count in sealed.counts)}
