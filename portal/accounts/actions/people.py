"""People: what they change about themselves, and how they get back in."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts import queries, rules
from portal.accounts.actions import attempts, audit, codes, links, passwords, signins, signups
from portal.accounts.events import (
    AddressChangeAsked,
    AddressChanged,
    PasswordChanged,
    ResetAsked,
    SignUpRepeated,
)
from portal.accounts.models import Person
from portal.kit.errors import Conflict, Invalid
from portal.kit.outbox import tell

CHANGES, CHANGES_SPAN = 5, timedelta(hours=1)


def rename(
    session: Session, person_id: str, name: str, *, address: str | None = None, now: datetime
) -> Person:
    """Give a person another name."""
    person = queries.person(session, person_id)
    person.name = rules.clean_name(name)
    audit.record_person(session, person, address, "person.renamed", now=now)
    return person


def choose_letters(session: Session, person_id: str, wanted: Collection[str]) -> None:
    """Keep which of the optional letters (rules.LETTER_KINDS) a person wants."""
    queries.person(session, person_id).letters_off = [
        kind for kind in rules.LETTER_KINDS if kind not in wanted
    ]


def change_password(
    session: Session,
    person_id: str,
    password: str,
    *,
    sign_in_id: str,
    address: str | None = None,
    now: datetime,
) -> str:
    """Set a new password and end every other sign-in; the new token for this one's cookie.

    The caller has made sure that the person proved themselves lately.
    """
    person = queries.person(session, person_id)
    _set_password(session, person, password, address, now)
    signins.end_all(session, person_id, but=sign_in_id, now=now)
    return signins.renew(session, sign_in_id, now=now)


def ask_reset(session: Session, email: str, *, now: datetime) -> None:
    """Have a reset letter sent, if anybody has this address; the caller sees no difference."""
    person = queries.by_email(session, email)
    if person is not None and signups.may_write(session, person.email, now):
        tell(session, ResetAsked(person.id))


def reset(
    session: Session, secret: str, password: str, *, address: str | None = None, now: datetime
) -> Person:
    """Set a new password by the link of a letter, and end every sign-in. The authenticator stays as it is.

    An address that was not proven until now may have been signed up by somebody else: then nothing
    that they set up stays.
    Missing when the link does not hold, Invalid when the password will not do (the link then still holds).
    """
    link = links.burn(session, "reset", secret, now=now)
    assert link.person_id is not None
    person = queries.person(session, link.person_id)
    if person.verified_at is None:
        hand_over(session, person, now=now)
    _set_password(session, person, password, address, now)
    signins.forgive_tries(session, person)
    signins.end_all(session, person.id, now=now)
    return person


def hand_over(session: Session, person: Person, *, now: datetime) -> None:
    """Take an address as proven, and leave nothing to whoever signed up with it without ever proving it."""
    person.verified_at, person.password_hash = now, None
    codes.forget_codes(session, person)
    signins.forget_places(session, person.id)
    signins.end_all(session, person.id, now=now)
    links.withdraw(session, person_id=person.id, now=now)


def ask_address_change(
    session: Session, person_id: str, email: str, *, address: str | None = None, now: datetime
) -> None:
    """Have a letter sent to a new address; nothing changes until its link is used.

    When somebody else has the address, they are written to instead; the caller sees no difference.
    """
    person = queries.person(session, person_id)
    email = rules.clean_email(email)
    rules.check_lasting(email)
    if email == person.email:
        raise Invalid("That is your address already.", field="email")
    if not attempts.within(session, "address", person_id, limit=CHANGES, span=CHANGES_SPAN, now=now):
        raise Conflict("You have asked for several changes just now. Wait an hour.")
    if (other := queries.by_email(session, email)) is None:
        tell(session, AddressChangeAsked(person_id, email))
    elif signups.may_write(session, email, now):
        tell(session, SignUpRepeated(other.id))
    audit.record_person(session, person, address, "address.change_asked", now=now)


def change_address(session: Session, secret: str, *, address: str | None = None, now: datetime) -> Person:
    """Use the new address from now on; links sent to the old one stop working, and it is told.

    Missing when the link does not hold, Conflict when somebody took the address meanwhile.
    """
    link = links.burn(session, "address", secret, now=now)
    assert link.person_id is not None and link.subject is not None
    person = queries.person(session, link.person_id)
    before = person.email
    try:
        with session.begin_nested():
            person.email, person.verified_at = link.subject, now
            session.flush()
    except IntegrityError:
        raise Conflict("That address is in use by now.") from None
    links.withdraw(session, person_id=person.id, now=now)
    audit.record_person(session, person, address, "address.changed", now=now, reason=f"was {before}")
    tell(session, AddressChanged(person.id, before, person.email))
    return person


def _set_password(
    session: Session, person: Person, password: str, address: str | None, now: datetime
) -> None:
    rules.check_password(password, person.name, person.email)
    person.password_hash = passwords.hashed(password)
    if person.totp_enabled_at is None:
        person.totp_secret = None  # whoever had the password before may have seen it
    links.withdraw(session, person_id=person.id, now=now)
    audit.record_person(session, person, address, "password.changed", now=now)
    tell(session, PasswordChanged(person.id))
