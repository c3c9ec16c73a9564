"""Alice and what she pays for, at the sandbox and in our books."""

from datetime import UTC, datetime

from sqlalchemy import select

from portal import accounts, billing, plans
from portal.billing.models import MirroredSubscription, Purchase
from portal.kit.db import unit
from portal.kit.outbox import Fact, ToldFact
from tests.plans.people import account_of, publish

OPERATOR = accounts.Actor(None, "operator root")
URL = "http://127.0.0.1:8000"


class Shop:
    """`.alice` is an account id. What is said to Stripe is said by our own gateway."""

    def __init__(self, sandbox, database):
        self.sandbox, self.database = sandbox, database
        self.stripe = sandbox.gateway()
        self.payments = sandbox.payments
        self.actor = OPERATOR
        with database() as session, unit(session):
            publish(session, self.now)
            self.alice = account_of(session, "Alice", self.now)
        sandbox.stock(self.sync_catalogue)

    def sync_catalogue(self):
        with self.database() as session:
            billing.sync_catalogue(session, self.stripe, apply=True)

    @property
    def now(self):
        """The one clock."""
        return datetime.fromtimestamp(self.sandbox.now, UTC)

    def open_account(self, name):
        with self.database() as session, unit(session):
            return account_of(session, name, self.now)

    def checkout(self, plan="api-pro", interval="month", account=None):
        """The purchase, with the page to pay on."""
        return self.do(billing.checkout, account, plan, interval, public_url=URL, actor=self.actor)

    def buy(self, plan="api-pro", interval="month", *, card="pm_card_visa", account=None):
        """Pay on the hosted page, and come back."""
        purchase = self.checkout(plan, interval, account)
        page = self.sandbox.pay(purchase.stripe_session_id, card)
        assert page.status == 303, page.text
        self.refresh(account)
        return purchase

    def preview(self, plan="api-pro", interval="year", account=None):
        return self.do(billing.preview, account, plan, interval)

    def change(self, plan="api-pro", interval="year", account=None, **other):
        """Change to what was just previewed."""
        shown = self.preview(plan, interval, account)
        asked = {"at": shown.at, "due_now": shown.due_now, **other}
        return self.do(billing.change, account, plan, interval, actor=self.actor, **asked)

    def cancel(self, line="api"):
        return self.do(billing.cancel, None, line, actor=self.actor)

    def resume(self, line="api"):
        return self.do(billing.resume, None, line, actor=self.actor)

    def refresh(self, account=None):
        return self.do(billing.refresh, account)

    def sweep(self):
        return billing.sweep_all(self.database, self.stripe, now=self.now)

    def remind(self):
        with self.database() as session, unit(session):
            return billing.remind(session, self.payments, now=self.now)

    def do(self, verb, account, *arguments, **options):
        with self.database() as session:
            return verb(session, self.stripe, account or self.alice, *arguments, now=self.now, **options)

    def held(self, line="api", account=None):
        with self.database() as session:
            return plans.current(session, account or self.alice, line=line, now=self.now)

    def bill(self, line="api", account=None):
        with self.database() as session:
            return billing.bills(session, account or self.alice, self.payments).get(line)

    def overview(self):
        with self.database() as session:
            return billing.overview(session, self.alice, self.payments, now=self.now)

    def told(self, *kinds):
        """The facts of these kinds that were told, first ones first."""
        names = [kind.name for kind in kinds]
        with self.database() as session:
            found = session.scalars(select(ToldFact).where(ToldFact.name.in_(names)).order_by(ToldFact.id))
            return [Fact.known[fact.name](**fact.data) for fact in found]

    def rows(self, table=MirroredSubscription):
        with self.database() as session:
            return session.scalars(select(table).order_by(table.id)).all()

    def purchases(self, kind):
        return [row for row in self.rows(Purchase) if row.kind == kind]

    @property
    def customer(self):
        """Alice's customer at Stripe."""
        [found] = [
            one for one in self.v1.customers.list().data if one.metadata["upkeep_account"] == self.alice
        ]
        return found

    @property
    def v1(self):
        return self.sandbox.v1

    def subscriptions(self):
        """At Stripe, whatever became of them, the first ones first."""
        found = self.v1.subscriptions.list({"customer": self.customer.id, "status": "all"})
        return found.data[::-1]

    def invoices(self):
        """At Stripe, the first ones first."""
        return self.v1.invoices.list({"customer": self.customer.id}).data[::-1]

    def new_card(self, card):
        """Another card for everything that Alice pays for, as the portal would have it."""
        method = self.v1.payment_methods.attach(card, {"customer": self.customer.id})
        self.v1.customers.update(
            self.customer.id, {"invoice_settings": {"default_payment_method": method.id}}
        )
        for one in self.subscriptions():
            if one.status not in ("canceled", "incomplete_expired"):
                self.v1.subscriptions.update(one.id, {"default_payment_method": method.id})
