"""Forgetting: rows about sign-ins that nothing asks for any more."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.accounts.models import Attempts, KnownPlace, OneTimeToken, SignIn
from portal.accounts.rules import REMEMBERED_AT_MOST

ATTEMPTS, TOKENS, PLACES = timedelta(days=2), timedelta(days=30), timedelta(days=400)


def forget_old(session: Session, *, now: datetime) -> None:
    """Delete old counts of tries, links long past their time, sign-ins long over, and places long left."""
    session.execute(delete(Attempts).where(Attempts.since < now - ATTEMPTS))
    session.execute(delete(OneTimeToken).where(OneTimeToken.expires_at < now - TOKENS))
    session.execute(delete(SignIn).where(SignIn.began_at < now - 2 * REMEMBERED_AT_MOST))
    session.execute(delete(KnownPlace).where(KnownPlace.seen_at < now - PLACES))
