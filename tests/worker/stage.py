"""People, and the work that follows from what they do, brought about step by step."""

from datetime import UTC, datetime

from sqlalchemy import select

from portal import accounts
from portal.accounts.models import Member, Person
from portal.kit import ids
from portal.kit.db import unit
from portal.kit.mail import Letter
from portal.kit.outbox import tell
from worker import relay

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def someone(session, name, *, verified=True, now=NOW):
    """A person who signed up."""
    person = Person(
        id=ids.new("per"),
        email=f"{name.lower()}@example.com",
        name=name,
        created_at=now,
        verified_at=now if verified else None,
        letters_off=[],
    )
    session.add(person)
    session.flush()
    return person


def team(house, **roles):
    """An account of Alice's, with members such as Bob="admin": its id, and the people by name."""
    with house.sessions() as session, unit(session):
        people = {"Alice": someone(session, "Alice")}
        account = accounts.open_account(session, "Acme", people["Alice"], now=NOW)
        for name, role in roles.items():
            people[name] = someone(session, name)
            session.add(Member(account_id=account.id, person_id=people[name].id, role=role, joined_at=NOW))
    return account, people


def told(house, fact):
    """Tell a fact and let everything follow from it."""
    with house.sessions() as session, unit(session):
        tell(session, fact)
    follow(house)


def follow(house):
    """Let everything follow from what was told."""
    errands = []
    while relay.hand_out(house, errands.append):
        for errand in errands:
            relay.react(house, errand.fact_id, errand.reaction)
        errands.clear()


def letters(house, template=None):
    """The letters that were written, first ones first."""
    with house.sessions() as session:
        found = session.scalars(select(Letter).order_by(Letter.id)).all()
        return [letter for letter in found if template in (None, letter.template)]
