"""A till: people who pay at a sandbox whose webhooks cannot be relied on, and the books that must agree."""

import shutil
from itertools import pairwise
from types import SimpleNamespace

from sqlalchemy import select, text

from portal import accounts, billing, plans
from portal.billing.models import BillingCustomer, Drift, MirroredInvoice, MirroredSubscription, WebhookEvent
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.letterhead import Letterhead
from portal.kit.mail import Letter
from portal.kit.outbox import Fact, ToldFact
from tests.plans.people import account_of, shipped
from tests.sandboxed import StripeSandbox
from worker import relay
from worker.house import House

URL = "http://127.0.0.1:8000"
ACTOR = accounts.Actor(None, "the machine")
GRACE_SECONDS = 3 * 86_400
HOLDING, CHARGEABLE = ("active", "trialing"), ("active", "trialing", "past_due", "unpaid", "paused")
TEAM = """[[plans]]
slug = "api-team"
line = "api"
name = "API Team"
price_month = 4900
price_year = 49000
rate = 200
burst = 400
keys = 100
included = { calls = 1000000 }
test_included = { calls = 1000 }

[[plans]]
slug = "api-enterprise\""""
CATALOGUE = shipped([('[[plans]]\nslug = "api-enterprise"', TEAM)])


class Disturbed(Exception):
    """Why a till's sandbox is not asked at the end whether all it said was as Stripe describes it."""


class Gate:
    """In the gate's place."""

    def push(self, tag):
        pass


class Answers:
    """Our gateway, of which the next answer can be lost: before Stripe did anything, or after."""

    def __init__(self, stripe):
        self._stripe, self.lose = stripe, None

    def __getattr__(self, name):
        found = getattr(self._stripe, name)
        if self.lose is None or name in ("payments", "account", "shelf") or not callable(found):
            return found

        def ask(*arguments, **options):
            when, self.lose = self.lose, None
            if when == "after":
                found(*arguments, **options)
            raise billing.StripeAway("The answer was lost.")

        return ask if self.lose else found


class Template:
    """The state of a sandbox that has the catalogue, made once and copied for each till."""

    def __init__(self, folder, database):
        self.folder, self.database = folder, database

    def copy(self, to):
        if not self.folder.exists():
            with StripeSandbox(self.folder) as sandbox:
                publish(self.database)
                with self.database() as session:
                    billing.sync_catalogue(session, sandbox.gateway(), apply=True)
        shutil.copytree(self.folder, to)


def publish(database):
    with database() as session, unit(session):
        plans.sync(session, plans.read(CATALOGUE), clock.now())


def empty(superuser):
    """Forget everything but the plans."""
    kept = ("alembic_version", "catalogue_edition", "plan_version")
    with superuser.begin() as connection:
        found = connection.scalars(
            text("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        )
        emptied = "; ".join(f"DELETE FROM {table}" for table in found if table not in kept)
        # Ten times as fast as TRUNCATE when tables are small; `replica` lets it pass triggers.
        connection.exec_driver_sql(f"SET LOCAL session_replication_role = replica; {emptied}")


class Till:
    """One example: a sandbox of its own, two accounts, and a worker that is driven by hand."""

    def __init__(self, folder, template, database, settings, superuser):
        template.copy(folder)
        empty(superuser)
        self.sandbox = StripeSandbox(folder)
        self.sandbox.__enter__()
        clock.configure(self.sandbox.clock_file)
        self.database, self.payments = database, self.sandbox.payments
        self.stripe = Answers(billing.Stripe(self.payments, transport=self.sandbox.transport()))
        letterhead = Letterhead(settings.brand, settings.public_url, settings.secret_key)
        self.house = House(settings, database, Gate(), letterhead, self.stripe)
        with database() as session, unit(session):
            self.accounts = [account_of(session, name, clock.now()) for name in ("Alice", "Charlie")]
        self.sandbox.deliver_to(self._receive)
        self.pages = []

    def close(self):
        clock.configure(None)
        self.sandbox.__exit__(
            Disturbed
        )  # thin and aged webhooks are not as described, and are not meant to be

    def do(self, verb, account, *arguments, **options):
        with self.database() as session:
            return verb(session, self.stripe, account, *arguments, now=clock.now(), **options)

    def checkout(self, account, plan, interval):
        purchase = self.do(billing.checkout, account, plan, interval, public_url=URL, actor=ACTOR)
        self.pages.append(purchase.stripe_session_id)

    def change(self, account, plan, interval):
        shown = self.do(billing.preview, account, plan, interval)
        self.do(billing.change, account, plan, interval, at=shown.at, due_now=shown.due_now, actor=ACTOR)

    def advance(self, duration):
        self.sandbox.advance(duration)

    def duties(self):
        """What the clock asks the worker for, but for the sweeps."""
        with self.database() as session, unit(session):
            plans.lapse(session, clock.now())
            billing.remind(session, self.payments, now=clock.now())
        billing.retry_events(self.database, self.stripe, now=clock.now())
        self.follow()

    def deliver(self):
        """Webhooks that are due arrive, as well as they can, and the worker works."""
        self.sandbox.deliver_now()
        self.follow()

    def follow(self):
        errands = []
        while relay.hand_out(self.house, errands.append):
            for errand in errands:
                relay.react(self.house, errand.fact_id, errand.reaction)
            errands.clear()

    def sweep(self):
        billing.sweep_events(self.database, self.stripe, now=clock.now())
        billing.sweep_all(self.database, self.stripe, now=clock.now())
        self.follow()

    def settle(self):
        """The weather clears: whatever is on its way arrives, and the sweeps of a day go by."""
        self.stripe.lose = None
        faults = ("duplicate", "reorder", "delay", "drop", "bad_signature", "old_version", "thin")
        self.sandbox.faults(**dict.fromkeys(faults, 0))
        self.advance("7h")
        self.deliver()
        self.sweep()
        self.duties()
        self.sweep()
        self.duties()

    def _receive(self, body, headers):
        try:
            with self.database() as session, unit(session):
                billing.store_event(
                    session, self.payments, body, headers["Stripe-Signature"], now=clock.now()
                )
        except billing.BadWebhook:
            return 400
        return 200

    # ---- What there is -----------------------------------------------------------------------------

    def customer(self, account):
        with self.database() as session:
            return session.scalar(
                select(BillingCustomer.stripe_id).where(BillingCustomer.account_id == account)
            )

    def at_stripe(self, account):
        """Everything of an account, asked past our own code."""
        customer, v1 = self.customer(account), self.sandbox.v1
        if customer is None:
            return SimpleNamespace(subscriptions=[], invoices=[], charges=[], sessions=[])
        everything = {"customer": customer, "limit": 100}
        return SimpleNamespace(
            subscriptions=list(v1.subscriptions.list({**everything, "status": "all"}).auto_paging_iter()),
            invoices=list(v1.invoices.list(everything).auto_paging_iter()),
            charges=list(v1.charges.list(everything).auto_paging_iter()),
            sessions=list(v1.checkout.sessions.list(everything).auto_paging_iter()),
        )

    def all(self, table):
        with self.database() as session:
            return session.scalars(select(table)).all()

    def seen(self, table):
        """The same, read once for a check."""
        if table not in self._seen:
            self._seen[table] = self.all(table)
        return self._seen[table]

    def told(self, *kinds):
        names = [kind.name for kind in kinds]
        with self.database() as session:
            found = session.scalars(select(ToldFact).where(ToldFact.name.in_(names)).order_by(ToldFact.id))
            return [Fact.known[fact.name](**fact.data) for fact in found]

    def held(self, account, line):
        with self.database() as session:
            return plans.current(session, account, line=line, now=clock.now()).plan

    # ---- What must be true -------------------------------------------------------------------------

    def check(self):
        self._seen = {}
        for account in self.accounts:
            there = self.at_stripe(account)
            self._the_mirror_equals_the_sandbox(account, there)
            self._access_equals_the_rule(account, there)
            self._nothing_was_charged_twice(account, there)
        self._each_letter_came_once()
        # A customer whose making was answered to nobody is nobody's: its events are let go after some tries.
        stray = "Missing: No account is this customer."
        open_events = [row for row in self.seen(WebhookEvent) if row.processed_at is None]
        waiting = [row for row in open_events if row.failure != stray]
        assert waiting == [], [(row.type, row.failure) for row in waiting]
        assert [row.what for row in self.seen(Drift) if row.healed_at is None] == []

    def _the_mirror_equals_the_sandbox(self, account, there):
        mine = {row.id for row in self.seen(BillingCustomer) if row.account_id == account}
        mirrored = {row.id: row for row in self.seen(MirroredSubscription) if row.customer_id in mine}
        invoices = {row.id: row for row in self.seen(MirroredInvoice) if row.customer_id in mine}
        assert set(mirrored) == {one.id for one in there.subscriptions}
        for one in there.subscriptions:
            row, [item] = mirrored[one.id], one["items"].data
            seen = (row.status, row.price_id, _seconds(row.period_ends_at), _seconds(row.ends_at))
            assert seen == (one.status, item.price.id, item.current_period_end, one.cancel_at)
        assert set(invoices) == {one.id for one in there.invoices}
        for one in there.invoices:
            row = invoices[one.id]
            assert (row.status, row.paid, row.due) == (one.status, one.amount_paid, one.amount_remaining)

    def _access_equals_the_rule(self, account, there):
        for line, free in (("api", "api-free"), ("support", "support-community")):
            entitled = {
                plan
                for one in there.subscriptions
                for sold_line, plan in [_sold(one)]
                if sold_line == line and self._gives_access(one, there.invoices)
            }
            held = self.held(account, line)
            assert held in entitled if entitled else held == free, (line, held, entitled)

    def _gives_access(self, one, invoices):
        now = self.sandbox.now
        if one.cancel_at is not None and one.cancel_at <= now:
            return False
        if one.status == "past_due":
            unpaid = [
                invoice.status_transitions.finalized_at
                for invoice in invoices
                if invoice.status == "open" and invoice.parent.subscription_details.subscription == one.id
            ]
            return min(unpaid) + GRACE_SECONDS > now
        return one.status in HOLDING

    def _nothing_was_charged_twice(self, account, there):
        for line in ("api", "support"):
            mine = sorted(
                (one for one in there.subscriptions if _sold(one)[0] == line), key=lambda one: one.created
            )
            assert sum(one.status in CHARGEABLE for one in mine) <= 1
            kept = [one for one in mine if self._earned(one, there) > 0]
            for first, second in pairwise(kept):
                paid_beside = first.ended_at is None or first.ended_at > second.created
                assert not paid_beside or self._was_unpaid(first, second, there), (first.id, second.id)
        for one in there.sessions:
            assert sum(other.client_reference_id == one.client_reference_id for other in there.sessions) == 1
        paid_intents = [one.payment_intent for one in there.charges if one.status == "succeeded"]
        assert len(paid_intents) == len(set(paid_intents))

    def _earned(self, subscription, there):
        """What was paid for a subscription and not given back."""
        paid = [
            one.id
            for one in there.invoices
            if one.parent.subscription_details.subscription == subscription.id and one.amount_paid
        ]
        earned = 0
        for invoice in paid:
            for payment in self.sandbox.v1.invoice_payments.list({"invoice": invoice}).data:
                for charge in there.charges:
                    if payment.status == "paid" and charge.payment_intent == payment.payment.payment_intent:
                        earned += charge.amount - charge.amount_refunded
        return earned

    def _was_unpaid(self, first, second, there):
        """Whether the first stood there unpaid when the second was bought: then it was left, not paid for."""
        return not any(
            one.status_transitions.paid_at and one.status_transitions.paid_at > second.created
            for one in there.invoices
            if one.parent.subscription_details.subscription == first.id
        )

    def _each_letter_came_once(self):
        letters = self.seen(Letter)
        receipts = [one.business_id.split()[2] for one in letters if one.template == "billing/receipt"]
        paid = [row.id for row in self.seen(MirroredInvoice) if row.status == "paid" and row.paid > 0]
        assert sorted(receipts) == sorted(paid)
        reminded = self.told(billing.PaymentFailed)
        for invoice in {fact.invoice_id for fact in reminded}:
            days = [fact.day for fact in reminded if fact.invoice_id == invoice]
            assert days == sorted(set(days)) and set(days) <= {0, 3, 5, 7}
        for kind in (billing.SubscriptionBegan, billing.SubscriptionEnded, billing.SecondSubscriptionEnded):
            ids = [fact.subscription_id for fact in self.told(kind)]
            assert len(ids) == len(set(ids)), kind
        seconds = [row for row in self.seen(MirroredSubscription) if row.second_at]
        assert len(seconds) == sum(one.template == "billing/second_ended" for one in letters)
        assert all(row.refunded_at and row.status not in CHARGEABLE for row in seconds)
        taken = self.told(billing.AccessEnded, billing.AccessRestored)
        for key in {(fact.account_id, fact.line) for fact in taken}:
            kinds = [type(fact) for fact in taken if (fact.account_id, fact.line) == key]
            again = list(pairwise(kinds))
            assert (billing.AccessRestored, billing.AccessRestored) not in again


def _sold(subscription):
    line, plan, _, _ = subscription["items"].data[0].price.lookup_key.split(":")
    return line, plan


def _seconds(at):
    return None if at is None else int(at.timestamp())
