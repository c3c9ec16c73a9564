"""Forgetting: rows about sign-ins that nothing asks for any more."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.accounts.models import Attempts, KnownPlace, OneTimeToken, Person, SignIn
from portal.accounts.rules import REMEMBERED_AT_MOST

ATTEMPTS, TOKENS, PLACES = timedelta(days=2), timedelta(days=30), timedelta(days=400)


def forget_old(session: Session, *, now: datetime) -> None:
    """Delete old counts of tries, links long past their time, sign-ins long over, and places long left.

    The sign-ins of staff stay: whether an operator ever came decides whether one is waited for.
    """
    staff = select(Person.id).where(Person.staff_role.is_not(None))
    session.execute(delete(Attempts).where(Attempts.since < now - ATTEMPTS))
    session.execute(delete(OneTimeToken).where(OneTimeToken.expires_at < now - TOKENS))
    long_over = SignIn.began_at < now - 2 * REMEMBERED_AT_MOST, SignIn.person_id.not_in(staff)
    session.execute(delete(SignIn).where(*long_over))
    session.execute(delete(KnownPlace).where(KnownPlace.seen_at < now - PLACES))
