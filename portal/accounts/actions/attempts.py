"""Attempts: how often something sensitive may be tried, counted in the database, exactly."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts.models import Attempts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def within(session: Session, kind: str, whose: str, *, limit: int, span: timedelta, now: datetime) -> bool:
    """Count one attempt, and say whether `limit` in each `span` (counted from midnight UTC) still allows it.

    `whose` may be an address: only its digest is kept. The row is locked until the unit ends, so
    attempts on one subject come one after another.
    """
    values = {"subject": _subject(kind, whose), "since": now - (now - _EPOCH) % span, "count": 1}
    statement = (
        insert(Attempts)
        .values(values)
        .on_conflict_do_update(index_elements=["subject", "since"], set_={"count": Attempts.count + 1})
        .returning(Attempts.count)
    )
    return session.execute(statement).scalar_one() <= limit


def forgive(session: Session, kind: str, whose: str) -> None:
    """Forget the attempts, after one that succeeded."""
    session.execute(delete(Attempts).where(Attempts.subject == _subject(kind, whose)))


def _subject(kind: str, whose: str) -> str:
    return f"{kind}:{sha256(whose.encode()).hexdigest()}"
