"""People with accounts, for tests that start where sign-up ends."""

from datetime import UTC, datetime

from portal import accounts, plans
from portal.accounts.models import Person
from portal.kit import ids

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPERATOR = accounts.Actor(None, "operator root")


def someone(session, name, now=NOON, verified=True):
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


def account_of(session, name, now=NOON, verified=True):
    """The id of a fresh account that a person called `name` owns."""
    return accounts.open_account(session, f"{name}'s", someone(session, name, now, verified), now=now).id


def publish(session, now=NOON, **replaced):
    """Publish the shipped catalogue, with pieces of its text replaced."""
    return plans.sync(session, plans.read(shipped(**replaced)), now)


def shipped(replace=()):
    """The shipped catalogue's text; `replace` is pairs of old and new."""
    text = plans.SHIPPED.read_text()
    for old, new in replace:
        assert old in text
        text = text.replace(old, new, 1)
    return text
