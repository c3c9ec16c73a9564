"""Keys, as asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, distinct, func, or_, select
from sqlalchemy.orm import Session

from portal.accounts import Account
from portal.keys import rules
from portal.keys.models import Key, ServiceKey
from portal.kit import paging
from portal.kit.db import among
from portal.kit.errors import Missing

REMEMBERED = timedelta(days=2)
PAGE = 100


@dataclass(frozen=True)
class KeyGrant:
    """What the gate knows of a key. `ends_at` is the earlier of expiry and retirement."""

    digest: str
    key_id: str
    environment: str
    revoked_at: datetime | None
    ends_at: datetime | None
    scopes: tuple[str, ...]
    allowed_cidrs: tuple[str, ...]
    rate: int | None
    burst: int | None
    lineage: str
    external_id: str | None


@dataclass(frozen=True)
class LiveServiceKey:
    """A service key that may ask: its digest is made with the pepper called `pepper_id`."""

    id: str
    name: str
    digest: str
    pepper_id: str


@dataclass(frozen=True)
class Page:
    """One page of keys, counted from 1, and how many pages there are."""

    rows: Sequence[Key]
    page: int
    pages: int


def grants(
    session: Session, account_id: str, digests: Sequence[str] = (), *, now: datetime
) -> list[KeyGrant]:
    """The account's keys as the gate must know them.

    All that work, those that stopped in the last 2 days, and any older one whose digest is asked for.
    """
    lately = now - REMEMBERED
    ended = func.least(Key.revoked_at, Key.expires_at, Key.retires_at)  # least() passes over nulls
    recent = or_(ended.is_(None), ended > lately)
    wanted = or_(recent, Key.digest.in_(digests)) if digests else recent
    rows = session.scalars(
        select(Key)
        .where(Key.account_id == account_id, wanted)
        .order_by(Key.id)
        .execution_options(populate_existing=True)
    )
    return [
        KeyGrant(
            digest=row.digest,
            key_id=row.id,
            environment=row.environment,
            revoked_at=row.revoked_at,
            ends_at=rules.ends_at(row.expires_at, row.retires_at),
            scopes=tuple(row.scopes),
            allowed_cidrs=tuple(row.allowed_cidrs),
            rate=row.rate,
            burst=row.burst,
            lineage=row.lineage,
            external_id=row.external_id,
        )
        for row in rows
    ]


def tag_of_digests(session: Session, digests: Sequence[str]) -> str | None:
    """The tag of the account to which an imported key with one of these digests belongs, or None."""
    return session.scalar(
        select(Account.tag)
        .join(Key, Key.account_id == Account.id)
        .where(Key.digest.in_(digests), Key.pepper_id.is_(None))
        .limit(1)
    )


def get(session: Session, account_id: str, key_id: str) -> Key:
    """One key of the account; Missing when there is none, and when it is a stranger's."""
    row = session.scalar(select(Key).where(Key.account_id == account_id, Key.id == key_id))
    if row is None:
        raise Missing("There is no such key.")
    return row


def account_of(session: Session, key_id: str) -> str:
    """The id of the account that a key belongs to, for operators; Missing when there is no such key."""
    account_id = session.scalar(select(Key.account_id).where(Key.id == key_id))
    if account_id is None:
        raise Missing("There is no such key.")
    return account_id


def of_account(session: Session, account_id: str, *, now: datetime) -> list[Key]:
    """The account's newest 100 keys that work at `now`, then the last 50 that no longer do."""
    return [*working(session, account_id, now=now).rows, *ended(session, account_id, now=now)]


def working(session: Session, account_id: str, *, now: datetime, page: int = 1) -> Page:
    """The keys that work at `now`, newest first, one page of 100 at a time."""
    mine = and_(Key.account_id == account_id, _alive(now))
    total = session.scalar(select(func.count()).where(mine)) or 0
    page, pages = paging.numbers(page, PAGE, total)
    rows = session.scalars(
        select(Key)
        .where(mine)
        .order_by(Key.minted_at.desc(), Key.id.desc())
        .offset((page - 1) * PAGE)
        .limit(PAGE)
    )
    return Page(rows.all(), page, pages)


def ended(session: Session, account_id: str, *, now: datetime) -> Sequence[Key]:
    """The newest 50 keys that no longer work."""
    mine = select(Key).where(Key.account_id == account_id, ~_alive(now))
    return session.scalars(mine.order_by(Key.minted_at.desc(), Key.id.desc()).limit(50)).all()


def count_live(session: Session, account_id: str, *, now: datetime) -> int:
    """How many keys count against the plan: a rotated key and its successor count as one."""
    counted = select(func.count(distinct(Key.lineage))).where(Key.account_id == account_id, _alive(now))
    return session.scalar(counted) or 0


def ever_used(session: Session, account_id: str | None = None) -> bool:
    """Whether any key, of one account or of all, was called with, as far as counts have been settled."""
    used = select(Key.id).where(Key.last_used_at.is_not(None)).limit(1)
    if account_id is not None:
        used = used.where(Key.account_id == account_id)
    return session.scalar(used) is not None


def names(session: Session, account_id: str, key_ids: Sequence[str]) -> dict[str, Key]:
    """Those of the ids that are keys of the account, with their keys, dead ones too."""
    if not key_ids:
        return {}
    mine = select(Key).where(Key.account_id == account_id, among(Key.id, key_ids))
    return {key.id: key for key in session.scalars(mine)}


def live_service_keys(session: Session) -> list[LiveServiceKey]:
    """Every service key that is not revoked."""
    rows = session.scalars(select(ServiceKey).where(ServiceKey.revoked_at.is_(None)))
    return [LiveServiceKey(row.id, row.name, row.digest, row.pepper_id) for row in rows]


def service_key(session: Session, key_id: str) -> ServiceKey:
    """One service key, for operators; Missing when there is none."""
    if (row := session.get(ServiceKey, key_id)) is None:
        raise Missing("There is no such service key.")
    return row


def service_keys(session: Session) -> list[ServiceKey]:
    """Every service key there ever was, newest first."""
    return list(session.scalars(select(ServiceKey).order_by(ServiceKey.minted_at.desc())))


def _alive(now: datetime) -> ColumnElement[bool]:
    return and_(
        or_(Key.revoked_at.is_(None), Key.revoked_at > now),
        or_(Key.expires_at.is_(None), Key.expires_at > now),
        or_(Key.retires_at.is_(None), Key.retires_at > now),
    )
