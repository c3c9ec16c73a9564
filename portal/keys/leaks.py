"""Keys that somebody found where anyone can read them: recognised, and ended at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts
from portal.keys import rules
from portal.keys.events import KeyLeaked, ServiceKeyLeaked
from portal.keys.models import Key, ServiceKey
from portal.kit import tokens
from portal.kit.outbox import tell
from portal.kit.tokens import Pepper


@dataclass(frozen=True)
class Leak:
    """A token that was found, and the address of the place."""

    token: str
    url: str


@dataclass(frozen=True)
class TakenLeaks:
    """For each leak, whether it was ever a key of ours; and the tags whose keys have ended."""

    ours: list[bool]
    tags: list[str]


def take_leaks(
    session: Session,
    leaks: Sequence[Leak],
    *,
    prefixes: Sequence[str],
    peppers: Sequence[Pepper],
    actor: accounts.Actor,
    now: datetime,
) -> TakenLeaks:
    """End every key among these that still works.

    Telling of one again changes nothing. A service key is not ended, because the whole API behind it
    would stop: its operators are told.
    """
    digests = [_digests(leak.token, prefixes, peppers) for leak in leaks]
    wanted = sorted({digest for ours in digests for digest in ours})
    if not wanted:
        return TakenLeaks([False] * len(leaks), [])
    where = {digest: leak.url for leak, ours in zip(leaks, digests, strict=True) for digest in ours}
    keys, ended = _end_keys(session, wanted, where, actor, now)
    known = keys | _tell_of_service_keys(session, wanted, where, actor, now)
    tags = [accounts.tag(session, account_id) for account_id in sorted(ended)]
    return TakenLeaks([not known.isdisjoint(ours) for ours in digests], tags)


def _digests(token: str, prefixes: Sequence[str], peppers: Sequence[Pepper]) -> tuple[str, ...]:
    """What a token may be stored as; nothing when its form or its checksum does not hold."""
    if tokens.parse(token, prefixes) is None:
        return ()
    return tuple(tokens.digest(token, pepper) for pepper in peppers)


def _end_keys(
    session: Session, digests: Sequence[str], where: dict[str, str], actor: accounts.Actor, now: datetime
) -> tuple[set[str], set[str]]:
    """Revoke those that still work: the digests of all that are keys, and the accounts that lost one."""
    found = select(Key.id, Key.account_id).where(Key.digest.in_(digests))
    owners = sorted({account_id for _, account_id in session.execute(found)})
    for account_id in owners:  # one order of locks for everyone
        accounts.touch(session, account_id)
    rows = session.scalars(
        select(Key).where(Key.digest.in_(digests)).order_by(Key.id).execution_options(populate_existing=True)
    ).all()
    ended = set()
    for row in rows:
        state = rules.state(
            now, revoked_at=row.revoked_at, expires_at=row.expires_at, retires_at=row.retires_at
        )
        if state not in ("live", "retiring"):
            continue
        row.revoked_at, row.revoked_by = now, actor.label
        ended.add(row.account_id)
        url = where[row.digest]
        tell(session, KeyLeaked(row.account_id, row.id, url, actor.label))
        data = {"name": row.name, "url": url}
        accounts.record(
            session, actor, "key.leaked", account_id=row.account_id, subject=row.id, now=now, data=data
        )
    return {row.digest for row in rows}, ended


def _tell_of_service_keys(
    session: Session, digests: Sequence[str], where: dict[str, str], actor: accounts.Actor, now: datetime
) -> set[str]:
    rows = session.scalars(select(ServiceKey).where(ServiceKey.digest.in_(digests)).with_for_update()).all()
    for row in rows:
        url = where[row.digest]
        if row.revoked_at is None:
            tell(session, ServiceKeyLeaked(row.id, url))
            data = {"name": row.name, "url": url}
            accounts.record(session, actor, "service_key.leaked", subject=row.id, now=now, data=data)
    return {row.digest for row in rows}
