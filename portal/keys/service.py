"""Service keys, as changed: the keys that the protected API itself shows."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts
from portal.keys import rules
from portal.keys.actions import Minted, Stamp
from portal.keys.models import ServiceKey
from portal.kit import ids, tokens
from portal.kit.errors import Conflict, Missing


def mint_service(
    session: Session, name: str, *, stamp: Stamp, actor: accounts.Actor, now: datetime
) -> Minted:
    """Mint a service key and return its token: the only time anyone sees it. Invalid for a bad name."""
    name = rules.clean_name(name)
    token = tokens.mint_service(stamp.prefix)
    row = ServiceKey(
        id=ids.new("svc"),
        name=name,
        digest=tokens.digest(token, stamp.pepper),
        pepper_id=stamp.pepper.id,
        minted_at=now,
    )
    session.add(row)
    session.flush()
    accounts.record(session, actor, "service_key.minted", subject=row.id, now=now, data={"name": name})
    return Minted(row.id, token, name, tokens.SERVICE)


def revoke_service(session: Session, key_id: str, *, actor: accounts.Actor, now: datetime) -> None:
    """End a service key; Missing when there is none, Conflict when it was revoked before."""
    row = session.scalar(select(ServiceKey).where(ServiceKey.id == key_id).with_for_update())
    if row is None:
        raise Missing("There is no such service key.")
    if row.revoked_at is not None:
        raise Conflict("This service key was revoked before.")
    row.revoked_at = now
    accounts.record(session, actor, "service_key.revoked", subject=row.id, now=now, data={"name": row.name})
