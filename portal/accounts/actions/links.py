"""Links that work once: of a letter, or printed by the command line."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.accounts.models import OneTimeToken
from portal.accounts.rules import TOKEN_LIFE, TOKEN_PATHS
from portal.kit import tokens
from portal.kit.errors import Missing


def make_link(
    session: Session,
    base_url: str,
    purpose: str,
    *,
    now: datetime,
    person_id: str | None = None,
    subject: str | None = None,
) -> str:
    """A fresh link for `purpose` (see rules.TOKEN_LIFE) under the portal's address; its hash is kept."""
    secret = make_secret(session, purpose, now=now, person_id=person_id, subject=subject)
    return f"{base_url}{TOKEN_PATHS[purpose]}{secret}"


def make_secret(
    session: Session,
    purpose: str,
    *,
    now: datetime,
    person_id: str | None = None,
    subject: str | None = None,
) -> str:
    """What a link for `purpose` is made of; its hash is kept."""
    secret = tokens.random_secret()
    session.add(
        OneTimeToken(
            fingerprint=tokens.fingerprint(secret),
            purpose=purpose,
            person_id=person_id,
            subject=subject,
            made_at=now,
            expires_at=now + TOKEN_LIFE[purpose],
        )
    )
    return secret


def look(session: Session, purpose: str, secret: str, *, now: datetime) -> OneTimeToken:
    """The link that somebody holds; Missing when it is used, expired, withdrawn or of another kind."""
    statement = select(OneTimeToken).where(*_usable(purpose, secret, now))
    if (found := session.scalars(statement).one_or_none()) is None:
        raise _gone()
    return found


def burn(session: Session, purpose: str, secret: str, *, now: datetime) -> OneTimeToken:
    """Use a link up; Missing like `look`. Of two at once, one succeeds."""
    statement = (
        update(OneTimeToken).where(*_usable(purpose, secret, now)).values(used_at=now).returning(OneTimeToken)
    )
    if (found := session.scalars(statement).one_or_none()) is None:
        raise _gone()
    return found


def withdraw(
    session: Session, *, now: datetime, person_id: str | None = None, subject: str | None = None
) -> None:
    """Use up every link of a person, or about a subject."""
    whose = OneTimeToken.person_id == person_id if person_id is not None else OneTimeToken.subject == subject
    session.execute(update(OneTimeToken).where(whose, OneTimeToken.used_at.is_(None)).values(used_at=now))


def _usable(purpose: str, secret: str, now: datetime):  # type: ignore[no-untyped-def]
    return (
        OneTimeToken.fingerprint == tokens.fingerprint(secret),
        OneTimeToken.purpose == purpose,
        OneTimeToken.used_at.is_(None),
        OneTimeToken.expires_at > now,
    )


def _gone() -> Missing:
    return Missing("This link does not work any more: it was used, or it is too old. Ask for a new one.")
