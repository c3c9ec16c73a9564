"""Sign-ins: a browser's cookie leads to a row, and ending the row ends the cookie."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts import queries, rules
from portal.accounts.actions import attempts, audit, links, passwords
from portal.accounts.events import SignedInFromNewPlace
from portal.accounts.models import KnownPlace, Member, Person, SignIn
from portal.kit import ids, tokens
from portal.kit.errors import Exhausted, Missing
from portal.kit.outbox import tell

TRIES, TRIES_SPAN = 10, timedelta(minutes=15)
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Browser:
    """Where somebody signs in from, as far as it can be known."""

    address: str | None = None
    user_agent: str | None = None


def recognise(
    session: Session, email: str, password: str, browser: Browser, *, now: datetime
) -> Person | None:
    """The person whose address and password these are, else None: which was wrong is not said.

    Exhausted after too many tries on one address, whether or not anybody has it. Tries from a place
    that the person knows are counted apart, so that a stranger cannot lock them out.
    """
    email = rules.normal_email(email)
    person = queries.by_email(session, email)
    whose = email
    if person is not None and (place := _known_place(session, person.id, browser)) is not None:
        whose = _at(email, place)
    if not attempts.within(session, "password", whose, limit=TRIES, span=TRIES_SPAN, now=now):
        raise Exhausted("Too many tries with this address. Wait 15 minutes, or choose a new password.")
    if not passwords.matches(person, password) or person is None:
        if person is not None:
            note_failure(session, person, browser, "wrong password", now=now)
        else:
            nobody = rules.Actor(None, "Somebody", browser.address)
            audit.record(session, nobody, "sign_in.failed", reason="unknown address", now=now)
        return None
    attempts.forgive(session, "password", whose)
    passwords.refresh(session, person, password)
    return person


def forgive_tries(session: Session, person: Person) -> None:
    """Let somebody try again who has proven by other means that it is them, wherever they tried before."""
    places = session.scalars(select(KnownPlace.place).where(KnownPlace.person_id == person.id)).all()
    for whose in (person.email, *(_at(person.email, place) for place in places)):
        attempts.forgive(session, "password", whose)


def note_failure(session: Session, person: Person, browser: Browser, reason: str, *, now: datetime) -> None:
    """Add a sign-in that failed to the audit of each account that the person is in."""
    stranger = rules.Actor(None, f"Somebody, as {person.email}", browser.address)
    for account in queries.memberships(session, person.id):
        audit.record(
            session,
            stranger,
            "sign_in.failed",
            account_id=account.id,
            subject=person.id,
            reason=reason,
            now=now,
        )
    if person.staff_role is not None:
        audit.record(session, stranger, "sign_in.failed", subject=person.id, reason=reason, now=now)


def prove(session: Session, sign_in_id: str, password: str, browser: Browser, *, now: datetime) -> bool:
    """Take note that the password was typed again; False when it was not the right one."""
    person = queries.person(session, queries.sign_in(session, sign_in_id).person_id)
    if recognise(session, person.email, password, browser, now=now) is None:
        return False
    session.execute(update(SignIn).where(SignIn.id == sign_in_id).values(proven_at=now))
    return True


def begin(
    session: Session, person: Person, browser: Browser, *, remember: bool = False, now: datetime
) -> str:
    """Sign a person in; the token for their cookie, which is kept nowhere else."""
    token = tokens.random_secret()
    sign_in = SignIn(
        id=ids.new("sin"),
        fingerprint=tokens.fingerprint(token),
        person_id=person.id,
        account_id=_last_account(session, person.id),
        began_at=now,
        seen_at=now,
        proven_at=now,
        remembered_at=now if remember else None,
        address=browser.address,
        user_agent=(browser.user_agent or "")[:400] or None,
    )
    session.add(sign_in)
    audit.record_person(session, person, browser.address, "sign_in.began", now=now)
    if _is_new_place(session, person.id, browser, now):
        tell(session, SignedInFromNewPlace(person.id, sign_in.id))
    return token


def begin_by_link(session: Session, secret: str, *, now: datetime) -> Person:
    """Whom a one-time sign-in link was made for, the link being used up; Missing when it is no good."""
    link = links.burn(session, "sign_in", secret, now=now)
    assert link.person_id is not None
    return queries.person(session, link.person_id)


def renew(session: Session, sign_in_id: str, *, now: datetime) -> str:
    """Give a sign-in a new token, after a change of what proves the person; the old one is worth nothing."""
    token = tokens.random_secret()
    values = {"fingerprint": tokens.fingerprint(token), "proven_at": now}
    session.execute(update(SignIn).where(SignIn.id == sign_in_id).values(values))
    return token


def see(session: Session, sign_in: SignIn, address: str | None, *, now: datetime) -> bool:
    """Note that a sign-in is in use, at most once a minute; whether anything was written."""
    if now < sign_in.seen_at + SEEN_EVERY:
        return False
    session.execute(update(SignIn).where(SignIn.id == sign_in.id).values(seen_at=now, address=address))
    return True


def switch(session: Session, sign_in_id: str, person_id: str, account_id: str) -> None:
    """Let a sign-in look at another account of its person; Missing when they are not in it."""
    if queries.role(session, account_id, person_id) is None:
        raise Missing("There is no such account.")
    session.execute(update(SignIn).where(SignIn.id == sign_in_id).values(account_id=account_id))


def end(
    session: Session, person_id: str, sign_in_id: str, *, address: str | None = None, now: datetime
) -> None:
    """End one sign-in of a person; Missing when it is not theirs or over."""
    statement = (
        update(SignIn)
        .where(SignIn.id == sign_in_id, SignIn.person_id == person_id, SignIn.ended_at.is_(None))
        .values(ended_at=now)
        .returning(SignIn.id)
    )
    if session.execute(statement).scalar_one_or_none() is None:
        raise Missing("There is no such sign-in.")
    audit.record_person(session, queries.person(session, person_id), address, "sign_in.ended", now=now)


def end_all(session: Session, person_id: str, *, but: str | None = None, now: datetime) -> int:
    """End every sign-in of a person, except one; how many."""
    statement = (
        update(SignIn)
        .where(SignIn.person_id == person_id, SignIn.ended_at.is_(None), SignIn.id.is_distinct_from(but))
        .values(ended_at=now)
        .returning(SignIn.id)
    )
    return len(session.execute(statement).all())


def forget_places(session: Session, person_id: str) -> None:
    """Know none of the places that a person signed in from."""
    session.execute(delete(KnownPlace).where(KnownPlace.person_id == person_id))


def _last_account(session: Session, person_id: str) -> str | None:
    mine = {account.id for account in queries.memberships(session, person_id)}
    used = (
        select(SignIn.account_id)
        .where(SignIn.person_id == person_id, SignIn.account_id.in_(mine))
        .order_by(SignIn.seen_at.desc())
        .limit(1)
    )
    first = select(Member.account_id).where(Member.account_id.in_(mine), Member.person_id == person_id)
    return session.scalar(used) or session.scalar(first.order_by(Member.joined_at).limit(1))


def _at(email: str, place: str) -> str:
    """Whose tries are counted at a place that the person knows."""
    return f"{email} {place}"


def _known_place(session: Session, person_id: str, browser: Browser) -> str | None:
    place = rules.place(browser.user_agent, browser.address)
    return place if session.get(KnownPlace, (person_id, place)) is not None else None


def _is_new_place(session: Session, person_id: str, browser: Browser, now: datetime) -> bool:
    places = session.scalars(select(KnownPlace.place).where(KnownPlace.person_id == person_id)).all()
    place = rules.place(browser.user_agent, browser.address)
    session.execute(
        insert(KnownPlace)
        .values(person_id=person_id, place=place, seen_at=now)
        .on_conflict_do_update(index_elements=["person_id", "place"], set_={"seen_at": now})
    )
    return bool(places) and place not in places
