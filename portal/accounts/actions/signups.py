"""Signing up: a person, an account, and an address to be proven."""

from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts import queries, rules
from portal.accounts.actions import attempts, audit, links, passwords, tenants
from portal.accounts.events import AddressToVerify, SignUpRepeated
from portal.accounts.models import Person
from portal.kit import ids, tokens
from portal.kit.errors import Missing
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
) -> str:
    """Sign somebody up with an account of their own, and have a letter sent to prove the address.

    When the address has a person already, that person is written to instead; the caller sees no
    difference. Invalid when something given cannot be used. The answer is a secret for the browser
    that signed up: `signed_up_with` knows it for a day.
    """
    name, email = rules.clean_name(name), rules.clean_email(email)
    rules.check_lasting(email)
    rules.check_password(password, name, email)
    organisation = rules.clean_name(organisation, "organisation") if organisation.strip() else name
    password_hash = passwords.hashed(password)
    if (known := queries.by_email(session, email)) is None:
        known = add_newcomer(session, name, email, password_hash, terms_version, now=now)
        if known is not None:
            tenants.open_account(session, organisation, known, now=now)
            audit.record_person(session, known, address, "person.signed_up", now=now)
            send_verification(session, known, now=now)
            return links.make_secret(session, "sign_up", now=now, person_id=known.id)
        known = queries.by_email(session, email)
    if known is not None and may_write(session, email, now):
        tell(session, SignUpRepeated(known.id))
    return tokens.random_secret()


def signed_up_with(session: Session, secret: str, *, now: datetime) -> str | None:
    """The id of the person who was made by a sign-up, by the secret that it answered with; else None."""
    try:
        return links.look(session, "sign_up", secret, now=now).person_id
    except Missing:
        return None


def send_verification(session: Session, person: Person, *, now: datetime) -> bool:
    """Have the letter that proves an address sent; False when it is proven or was asked for too often."""
    if person.verified_at is not None or not may_write(session, person.email, now):
        return False
    tell(session, AddressToVerify(person.id))
    return True


def verify(session: Session, secret: str, *, address: str | None = None, now: datetime) -> Person:
    """Prove an address by the link that was sent there; Missing when the link does not hold.

    The caller has made sure that it is the person, and not only a reader of their letters: else
    somebody could sign up with a stranger's address, and have it proven by the stranger's click.
    """
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


def add_newcomer(
    session: Session,
    name: str,
    email: str,
    password_hash: str,
    terms_version: str | None,
    *,
    verified_at: datetime | None = None,
    now: datetime,
) -> Person | None:
    """A new person who accepted the terms; None when somebody took the address at the same moment."""
    try:
        with session.begin_nested():
            person = add_person(
                session,
                name=name,
                email=email,
                password_hash=password_hash,
                verified_at=verified_at,
                now=now,
            )
    except IntegrityError:
        return None
    if terms_version is not None:
        person.terms_version, person.terms_accepted_at = terms_version, now
    return person


def may_write(session: Session, email: str, now: datetime) -> bool:
    return attempts.within(session, "letter", email, limit=LETTERS, span=LETTERS_SPAN, now=now)
