"""Alice owns an account, Bob is in her team, Charlie is a stranger with an account of her own."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pyotp
from sqlalchemy import select

from portal import accounts
from portal.kit.outbox import ToldFact, read

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
HOME = "https://portal.example.com"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LAPTOP = accounts.Browser("203.0.113.7", FIREFOX)
PHONE = accounts.Browser("198.51.100.9", "Mozilla/5.0 (iPhone) AppleWebKit/605 Version/18 Safari/605")
VAULT = accounts.Vault("a secret of the tests, long enough")
CLOCKWORK = accounts.Actor(None, "operator root")


@dataclass
class People:
    """Who there is, and whose account is whose."""

    alice: accounts.Person
    bob: accounts.Person
    charlie: accounts.Person
    account: accounts.Account
    charlies: accounts.Account


def enrol(session, name, *, now=NOON, verified=True, **given):
    """Sign somebody up, and have them prove their address."""
    email = f"{name.lower()}@example.com"
    accounts.sign_up(session, **{"name": name, "email": email, "password": PASSWORD, "now": now, **given})
    person = accounts.by_email(session, given.get("email", email))
    if verified:
        accounts.verify(session, secret_of(session, "verify", now=now, person_id=person.id), now=now)
    return person


def gather(session, role="developer"):
    """Alice, Bob and Charlie."""
    alice, charlie = enrol(session, "Alice"), enrol(session, "Charlie")
    mine, hers = account_of(session, alice), account_of(session, charlie)
    bob = join(session, mine, alice, "Bob", role)
    return People(alice, bob, charlie, mine, hers)


def join(session, account, inviter, name, role, *, now=NOON):
    """Invite somebody new, who accepts."""
    email = f"{name.lower()}@example.com"
    found = accounts.invite(session, account.id, email, role, actor=accounts.actor(inviter), now=now)
    secret = secret_of(session, "invitation", now=now, subject=found.id)
    return accounts.join_as_new(session, secret, name, PASSWORD, now=now)


def account_of(session, person):
    return accounts.memberships(session, person.id)[0]


def secret_of(session, purpose, *, now=NOON, **whose):
    """The secret part of a fresh link."""
    return accounts.make_link(session, HOME, purpose, now=now, **whose).rpartition("/")[2]


def facts(session, kind):
    """Every fact of a kind that was told, in order."""
    session.flush()
    told = session.scalars(select(ToldFact).where(ToldFact.name == kind.name).order_by(ToldFact.id))
    return [read(one) for one in told]


def actions(session, account):
    """What the audit of an account says was done, newest first."""
    session.flush()
    return [row.action for row in accounts.audit(session, account.id).rows]


def turn_codes_on(session, person, *, now=NOON):
    """Set up an authenticator; it, and the recovery codes."""
    accounts.start_codes(session, person.id, VAULT)
    session.flush()
    authenticator = pyotp.TOTP(accounts.pending_secret(person, VAULT))
    recovery = accounts.confirm_codes(session, person.id, authenticator.at(now), VAULT, now=now)
    return authenticator, recovery
