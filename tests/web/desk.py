"""A site with people at browsers and no Stripe: Alice and her team, Charlie the stranger, and the staff."""

from dataclasses import replace

from portal import accounts, plans
from portal.kit import clock
from portal.kit.db import unit
from tests.plans.people import OPERATOR, publish, someone
from tests.web.sites import site_of
from tests.web.till import Browser

TEAM = {"bob": "developer", "vera": "viewer"}
STAFF = {"sue": "support", "sam": "support", "oscar": "operator"}
PLACE = accounts.Browser("192.0.2.7", "tests")


class Desk:
    """Browsers by first name; `changes` of the settings make a site of their own."""

    def __init__(self, settings, database, app):
        self.settings, self.database, self.app = settings, database, app
        self.now, self.pushed = clock.now(), []
        with database() as session, unit(session):
            publish(session, self.now)
            people = {
                name: someone(session, name.title(), self.now) for name in ("alice", "charlie", *TEAM, *STAFF)
            }
            mine = accounts.open_account(session, "Example Ltd", people["alice"], now=self.now)
            hers = accounts.open_account(session, "Charlie's", people["charlie"], now=self.now)
            for name, role in TEAM.items():
                session.add(
                    accounts.Member(
                        account_id=mine.id, person_id=people[name].id, role=role, joined_at=self.now
                    )
                )
            for name, role in STAFF.items():
                people[name].staff_role = role
            session.flush()
            self.people = {name: person.id for name, person in people.items()}
            self.ids = {"alice": mine.id, "charlie": hers.id} | dict.fromkeys(TEAM, mine.id)
            self.cookies = {
                name: accounts.begin(session, person, PLACE, now=self.now) for name, person in people.items()
            }

    def browser(self, name, **changes):
        app = self.app
        if changes:
            app = site_of(replace(self.settings, **changes))
        return Browser(app, lambda: self.cookies.get(name), self.ids.get(name))

    def give(self, plan, name="alice", **more):
        """Let an account hold a plan without payment."""
        with self.database() as session, unit(session):
            plans.grant(session, self.ids[name], plan, OPERATOR, clock.now(), **more)

    def noted(self):
        """The audit: (who, what) in order."""
        with self.database() as session:
            rows = session.query(accounts.AuditEntry).order_by(accounts.AuditEntry.id)
            return [(row.actor.partition("@")[0], row.action) for row in rows]
