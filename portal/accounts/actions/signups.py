"""Signing up: a person, an account, and an address to be proven."""

from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts import queries, rules
from portal.accounts.actions import attempts, audit, links, passwords, tenants
from portal.accounts.events import AddressToVerify, SignUpRepeated
from portal.accounts.models import Person
from portal.kit import ids
from portal.kit.outbox import tell

LETTERS, LETTERS_SPAN = 5, timedelta(hours=1)


def sign_up(
    session: Session,
    *,
    name: str,
    email: str,
    password: str,
    organisation: str = "",
    terms_version: str | None = None,
    address: str | None = None,
    now: datetime,
) -> None:
    """Sign somebody up with an account of their own, and have a letter sent to prove the address.

    When the address has a person already, that person is written to instead; the caller sees no
    difference. Invalid when something given cannot be used.
    """
    name, email = rules.clean_name(name), rules.clean_email(email)
    rules.check_lasting(email)
    rules.check_password(password, name, email)
    organisation = rules.clean_name(organisation, "organisation") if organisation.strip() else name
    password_hash = passwords.hashed(password)
    if (known := queries.by_email(session, email)) is None:
        known = _add(session, name, email, password_hash, terms_version, now)
        if known is not None:
            tenants.open_account(session, organisation, known, now=now)
            audit.record_person(session, known, address, "person.signed_up", now=now)
            send_verification(session, known, now=now)
            return
        known = queries.by_email(session, email)
    if known is not None and may_write(session, email, now):
        tell(session, SignUpRepeated(known.id))


def send_verification(session: Session, person: Person, *, now: datetime) -> None:
    """Have the letter that proves an address sent; nothing when it is proven or asked for too often."""
    if person.verified_at is None and may_write(session, person.email, now):
        tell(session, AddressToVerify(person.id))


def verify(session: Session, secret: str, *, address: str | None = None, now: datetime) -> Person:
    """Prove an address by the link that was sent there; Missing when the link does not hold."""
    link = links.burn(session, "verify", secret, now=now)
    assert link.person_id is not None
    person = queries.person(session, link.person_id)
    if person.verified_at is None:
        person.verified_at = now
        audit.record_person(session, person, address, "person.verified", now=now)
    return person


def add_person(
    session: Session,
    *,
    name: str,
    email: str,
    password_hash: str | None,
    verified_at: datetime | None,
    now: datetime,
) -> Person:
    """A new person, without an account."""
    person = Person(
        id=ids.new("per"),
        name=name,
        email=email,
        password_hash=password_hash,
        created_at=now,
        verified_at=verified_at,
        letters_off=[],
    )
    session.add(person)
    session.flush()
    return person


def _add(
    session: Session, name: str, email: str, password_hash: str, terms_version: str | None, now: datetime
) -> Person | None:
    try:
        with session.begin_nested():  # somebody may sign up with the same address at the same moment
            person = add_person(
                session, name=name, email=email, password_hash=password_hash, verified_at=None, now=now
            )
    except IntegrityError:
        return None
    if terms_version is not None:
        person.terms_version, person.terms_accepted_at = terms_version, now
    return person


def may_write(session: Session, email: str, now: datetime) -> bool:
    return attempts.within(session, "letter", email, limit=LETTERS, span=LETTERS_SPAN, now=now)
