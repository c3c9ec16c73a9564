"""Keys, as changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Text, cast, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from portal import accounts, plans
from portal.keys import queries, rules
from portal.keys.events import KeyAmended, KeyMinted, KeyRevoked, KeyRotated
from portal.keys.models import Key
from portal.kit import ids, tokens
from portal.kit.errors import Conflict
from portal.kit.outbox import tell

HMAC = "hmac-sha256"


@dataclass(frozen=True)
class Stamp:
    """How this house marks what it mints: the prefix in front, and the newest pepper."""

    prefix: str
    pepper: tokens.Pepper


@dataclass(frozen=True)
class Minted:
    """A new key. The token is here and nowhere else: show it once, never store it."""

    key_id: str
    token: str
    name: str
    environment: str


def mint(
    session: Session,
    account_id: str,
    name: str,
    *,
    stamp: Stamp,
    actor: accounts.Actor,
    now: datetime,
    environment: str = "live",
    scopes: Sequence[str] = (),
    allowed_cidrs: Sequence[str] = (),
    expires_at: datetime | None = None,
    rate: int | None = None,
    burst: int | None = None,
    external_id: str | None = None,
    vouched: bool = False,
) -> Minted:
    """Mint a key and return its token: the only time anyone sees it.

    Exhausted when the plan has no room, Forbidden while no owner's address is verified (unless the
    operator vouches), Invalid for a bad name, scope, network, expiry, limit or environment.
    """
    tag = accounts.tag(session, account_id)
    rules.check_environment(environment)
    rules.check_expiry(expires_at, now)
    rules.check_limits(rate, burst)
    fields = _described(name, scopes, allowed_cidrs)
    accounts.touch(session, account_id)  # its row lock makes two people minting at once count each other
    rules.check_verified(vouched or accounts.is_verified(session, account_id))
    held = plans.current(session, account_id, now=now)
    rules.check_room(queries.count_live(session, account_id, now=now), held.keys, held.name)
    row, token = _stamped(stamp, tag, environment, actor, now)
    row.account_id, row.lineage, row.expires_at = account_id, row.id, expires_at
    row.rate, row.burst, row.external_id = rate, burst, external_id
    _describe(row, fields)
    session.add(row)
    session.flush()
    tell(session, KeyMinted(account_id, row.id, actor.label))
    _record(session, actor, "key.minted", row, now, name=row.name, environment=environment)
    return Minted(row.id, token, row.name, environment)


def rotate(
    session: Session,
    account_id: str,
    key_id: str,
    overlap: timedelta,
    *,
    stamp: Stamp,
    actor: accounts.Actor,
    now: datetime,
) -> Minted:
    """Replace a key: the new one takes over all it may do, the old one works on for `overlap`.

    Both share one lineage, hence one balance and one rate, and the new key ends when the old one
    would have: rotation never lengthens a life. Conflict when the key is dead or rotated already.
    """
    accounts.touch(session, account_id)
    old = _fresh(session, account_id, key_id)
    rules.check_rotatable(state_of(old, now))
    tag = accounts.tag(session, account_id)
    row, token = _stamped(stamp, tag, old.environment, actor, now)
    for name in (
        "account_id",
        "name",
        "scopes",
        "allowed_cidrs",
        "expires_at",
        "rate",
        "burst",
        "external_id",
    ):
        setattr(row, name, getattr(old, name))
    row.lineage = old.lineage
    old.retires_at = rules.retirement(now, overlap, old.expires_at)
    old.successor_id = row.id
    session.add(row)
    session.flush()
    tell(session, KeyRotated(account_id, old.id, row.id, actor.label))
    _record(session, actor, "key.rotated", old, now, successor=row.id, retires_at=old.retires_at.isoformat())
    return Minted(row.id, token, row.name, row.environment)


def revoke(session: Session, account_id: str, key_id: str, *, actor: accounts.Actor, now: datetime) -> None:
    """End a key at once and for ever; Conflict when it was revoked before."""
    accounts.touch(session, account_id)
    row = _fresh(session, account_id, key_id)
    if row.revoked_at is not None:
        raise Conflict("This key was revoked before.")
    row.revoked_at, row.revoked_by = now, actor.label
    tell(session, KeyRevoked(account_id, row.id, actor.label))
    _record(session, actor, "key.revoked", row, now, name=row.name)


def amend(
    session: Session,
    account_id: str,
    key_id: str,
    *,
    name: str,
    scopes: Sequence[str],
    allowed_cidrs: Sequence[str],
    actor: accounts.Actor,
    now: datetime,
) -> None:
    """Change what a key is called and what it may do; Conflict when it no longer works."""
    fields = _described(name, scopes, allowed_cidrs)
    accounts.touch(session, account_id)
    row = _fresh(session, account_id, key_id)
    rules.check_alive(state_of(row, now))
    changed = {field: value for field, value in fields.items() if getattr(row, field) != value}
    if not changed:
        return
    before = {field: getattr(row, field) for field in changed}
    _describe(row, changed)
    tell(session, KeyAmended(account_id, row.id, actor.label))
    _record(session, actor, "key.amended", row, now, before=before, after=changed)


def touch_used(session: Session, used: Mapping[str, datetime]) -> None:
    """Note when keys were last used, by their ids; an earlier moment never replaces a later one."""
    names, moments = cast([*used], ARRAY(Text)), cast([*used.values()], ARRAY(DateTime(timezone=True)))
    given = func.unnest(names, moments).table_valued("id", "at").render_derived(name="given")
    # One order of row locks for everyone.
    locked = select(Key.id, given.c.at).join(given, Key.id == given.c.id).order_by(Key.id)
    rows = locked.with_for_update(of=Key).cte("used")
    session.execute(
        update(Key)
        .where(Key.id == rows.c.id)
        .values(last_used_at=func.greatest(Key.last_used_at, rows.c.at))
        .execution_options(synchronize_session=False)
    )


def state_of(row: Key, now: datetime) -> str:
    """The state of a key's row; see `rules.state`."""
    return rules.state(now, revoked_at=row.revoked_at, expires_at=row.expires_at, retires_at=row.retires_at)


def _stamped(
    stamp: Stamp, tag: str, environment: str, actor: accounts.Actor, now: datetime
) -> tuple[Key, str]:
    token = tokens.mint(stamp.prefix, environment, tag)
    row = Key(
        id=ids.new("key"),
        digest=tokens.digest(token, stamp.pepper),
        algorithm=HMAC,
        pepper_id=stamp.pepper.id,
        start=tokens.start(token),
        environment=environment,
        minted_at=now,
        minted_by=actor.label,
    )
    return row, token


def _fresh(session: Session, account_id: str, key_id: str) -> Key:
    """The key as it stands now that the account's lock is held."""
    row = queries.get(session, account_id, key_id)
    session.refresh(row)
    return row


def _described(name: str, scopes: Sequence[str], allowed_cidrs: Sequence[str]) -> dict[str, Any]:
    return {
        "name": rules.clean_name(name),
        "scopes": rules.clean_scopes(scopes),
        "allowed_cidrs": rules.clean_cidrs(allowed_cidrs),
    }


def _describe(row: Key, fields: Mapping[str, Any]) -> None:
    for field, value in fields.items():
        setattr(row, field, value)


def _record(
    session: Session, actor: accounts.Actor, action: str, row: Key, now: datetime, **data: object
) -> None:
    accounts.record(session, actor, action, account_id=row.account_id, subject=row.id, now=now, data=data)
