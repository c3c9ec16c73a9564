"""A person at a browser, for tests of pages: reads the form's token, sends it, follows."""

import re
from urllib.parse import urlsplit

import pyotp
from sqlalchemy import select

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.outbox import ToldFact, read

PASSWORD = "correct horse battery"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
ACCOUNT = re.compile(r'name="account" value="([^"]+)"')
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Visit:
    """One browser. `send` fetches the page that the form stands on, and posts it with its hidden fields."""

    def __init__(self, app, *, address="203.0.113.7", user_agent=FIREFOX):
        self.client = app.test_client()
        self.options = {"environ_base": {"REMOTE_ADDR": address}, "headers": {"User-Agent": user_agent}}

    def get(self, path):
        return self.client.get(path, **self.options)

    def post(self, path, **fields):
        """Post without looking at a page first."""
        return self.client.post(path, data=fields, **self.options)

    def send(self, path, *, on=None, **fields):
        page = self.get(on or path)
        hidden = {"csrf_token": TOKEN.search(page.text).group(1)}
        if found := ACCOUNT.search(page.text):
            hidden["account"] = found.group(1)
        return self.post(path, **{**hidden, **fields})

    def sign_in(self, email, password=PASSWORD, **fields):
        return self.send("/login", email=email, password=password, **fields)

    @property
    def cookie(self):
        found = self.client.get_cookie("upkeep")
        return found.value if found else None


class World:
    """What happened behind the pages."""

    def __init__(self, database):
        self.database = database

    def enrol(self, name, *, verified=True, organisation=""):
        """Somebody who signed up; their id."""
        with self.database() as session, unit(session):
            email = f"{name.lower()}@example.com"
            accounts.sign_up(
                session,
                name=name,
                email=email,
                password=PASSWORD,
                organisation=organisation,
                now=clock.now(),
            )
            person = accounts.by_email(session, email)
            person.verified_at = clock.now() if verified else None
            return person.id

    def join(self, inviter, name, role):
        """Somebody in the team of `inviter`; their id."""
        path = self.invitation(inviter, f"{name.lower()}@example.com", role)
        with self.database() as session, unit(session):
            return accounts.join_as_new(session, path.rpartition("/")[2], name, PASSWORD, now=clock.now()).id

    def invitation(self, inviter, email, role="viewer"):
        """The path of a link that invites into the first account of `inviter`."""
        with self.database() as session, unit(session):
            person = accounts.by_email(session, inviter)
            account = accounts.memberships(session, person.id)[0]
            found = accounts.invite(
                session, account.id, email, role, actor=accounts.actor(person), now=clock.now()
            )
            return self._path(
                accounts.make_link(session, "", "invitation", now=clock.now(), subject=found.id)
            )

    def link(self, purpose, email, subject=None):
        """The path of a fresh link for somebody."""
        with self.database() as session, unit(session):
            person = accounts.by_email(session, email)
            link = accounts.make_link(
                session, "", purpose, now=clock.now(), person_id=person.id, subject=subject
            )
            return self._path(link)

    def person(self, email):
        with self.database() as session:
            return accounts.by_email(session, email)

    def account(self, email):
        with self.database() as session:
            return accounts.memberships(session, accounts.by_email(session, email).id)[0]

    def role(self, account_id, person_id):
        with self.database() as session:
            return accounts.role(session, account_id, person_id)

    def told(self, kind):
        with self.database() as session:
            rows = session.scalars(select(ToldFact).where(ToldFact.name == kind.name).order_by(ToldFact.id))
            return [read(row) for row in rows]

    def turn_codes_on(self, email, settings):
        """Set up an authenticator; it, and the recovery codes. The code of now is used up."""
        vault = accounts.Vault(settings.secret_key)
        with self.database() as session, unit(session):
            person = accounts.by_email(session, email)
            accounts.start_codes(session, person.id, vault)
            session.flush()
            authenticator = pyotp.TOTP(accounts.pending_secret(person, vault))
            now = clock.now()
            return authenticator, accounts.confirm_codes(
                session, person.id, authenticator.at(now), vault, now=now
            )

    def make_staff(self, email, role):
        with self.database() as session, unit(session):
            accounts.add_staff(session, email, role, actor=accounts.Actor(None, "root"), now=clock.now())

    def move(self, email, **columns):
        """Change a person's sign-ins, as time would."""
        with self.database() as session, unit(session):
            for sign_in in accounts.sign_ins(session, accounts.by_email(session, email).id, now=clock.now()):
                for name, value in columns.items():
                    setattr(sign_in, name, value)

    def _path(self, link):
        return urlsplit(link).path
