"""The books: whatever happens, the money adds up."""

import shutil
import tempfile
from pathlib import Path

import pytest
import stripe
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.sandboxed import StripeSandbox

DAY = 24 * 3600
PRICES = {"month": (1900, 4900), "year": (19000, 49000)}


class Books(RuleBasedStateMachine):
    """One customer who subscribes, changes, fails to pay, pays, cancels and comes back, while time passes."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.running = StripeSandbox(self.folder).__enter__()
        self.v1 = self.running.v1
        self.past = 0

    def teardown(self):
        self.running.__exit__(None)
        shutil.rmtree(self.folder)

    @initialize()
    def open(self):
        product = self.v1.products.create({"name": "Plan"}).id
        self.prices = [
            self.v1.prices.create(
                {
                    "product": product,
                    "currency": "usd",
                    "unit_amount": amount,
                    "recurring": {"interval": interval},
                }
            ).id
            for interval, amounts in PRICES.items()
            for amount in amounts
        ]
        self.customer = self.v1.customers.create({"email": "alice@example.com"}).id
        self.coupon = self.v1.coupons.create({"percent_off": 33, "duration": "forever"}).id
        self.take_card("pm_card_visa")

    def take_card(self, card):
        method = self.v1.payment_methods.attach(card, {"customer": self.customer})
        self.v1.payment_methods.update(method.id, {"card": {"exp_year": 2099, "exp_month": 12}})
        wanted = {"invoice_settings": {"default_payment_method": method.id}}
        self.v1.customers.update(self.customer, wanted)

    def attempt(self, verb, *arguments):
        """Do it, or be refused as Stripe refuses; anything else is a fault."""
        try:
            return verb(*arguments)
        except (stripe.CardError, stripe.InvalidRequestError):
            return None

    @property
    def subscription(self):
        found = self.v1.subscriptions.list({"customer": self.customer}).data
        return found[0] if found else None

    @rule(price=st.integers(0, 3), quantity=st.integers(1, 3), discounted=st.booleans(), trial=st.booleans())
    def subscribe(self, price, quantity, discounted, trial):
        if self.subscription is None:
            wanted = {
                "customer": self.customer,
                "items": [{"price": self.prices[price], "quantity": quantity}],
            }
            if discounted:
                wanted["discounts"] = [{"coupon": self.coupon}]
            if trial:
                wanted["trial_period_days"] = 5
            self.attempt(self.v1.subscriptions.create, wanted)

    @rule(
        price=st.integers(0, 3),
        quantity=st.integers(1, 3),
        proration=st.sampled_from(("always_invoice", "create_prorations", "none")),
        payment=st.sampled_from(("allow_incomplete", "error_if_incomplete", "pending_if_incomplete")),
        anchor=st.sampled_from(("now", "unchanged")),
    )
    def change(self, price, quantity, proration, payment, anchor):
        held = self.subscription
        if held is not None:
            item = {"id": held["items"].data[0].id, "price": self.prices[price], "quantity": quantity}
            wanted = {
                "items": [item],
                "proration_behavior": proration,
                "payment_behavior": payment,
                "billing_cycle_anchor": anchor,
            }
            self.attempt(self.v1.subscriptions.update, held.id, wanted)

    @rule(seconds=st.one_of(st.integers(1, 2 * DAY), st.integers(1, 40 * DAY)))
    def wait(self, seconds):
        self.running.advance(seconds)

    @rule(good=st.booleans())
    def card(self, good):
        self.take_card("pm_card_visa" if good else "pm_card_chargeCustomerFail")

    @rule(verb=st.sampled_from(("pay", "void_invoice", "mark_uncollectible")))
    def settle(self, verb):
        for invoice in self.v1.invoices.list({"customer": self.customer, "status": "open"}).data[:1]:
            self.attempt(getattr(self.v1.invoices, verb), invoice.id)

    @rule(later=st.booleans(), prorate=st.booleans())
    def cancel(self, later, prorate):
        held = self.subscription
        if held is not None:
            if later:
                wanted = {"cancel_at_period_end": not held.cancel_at_period_end}
                self.attempt(self.v1.subscriptions.update, held.id, wanted)
            else:
                self.v1.subscriptions.cancel(held.id, {"prorate": prorate, "invoice_now": prorate})

    @rule()
    def refund(self):
        for charge in self.v1.charges.list({"customer": self.customer, "limit": 1}).data:
            self.attempt(self.v1.refunds.create, {"charge": charge.id})

    @invariant()
    def the_money_adds_up(self):
        if not hasattr(self, "customer"):
            return
        v1, customer = self.v1, self.v1.customers.retrieve(self.customer)
        invoices = list(v1.invoices.list({"customer": customer.id, "limit": 100}).auto_paging_iter())
        charges = list(v1.charges.list({"customer": customer.id, "limit": 100}).auto_paging_iter())
        moved = v1.customers.balance_transactions.list(customer.id, {"limit": 100}).auto_paging_iter()
        assert customer.balance == sum(one.amount for one in moved)
        came = [one for one in charges if one.status == "succeeded"]
        assert sum(one.amount for one in came) == sum(one.amount_paid for one in invoices)
        assert len({one.payment_intent for one in came}) == len(came), "an invoice was charged twice"
        for invoice in invoices:
            self.check(invoice)
        held = self.subscription
        if held is not None and held.status in ("active", "past_due", "trialing"):
            item = held["items"].data[0]
            assert item.current_period_start <= self.running.now < item.current_period_end
            assert held.status != "trialing" or held.trial_end > self.running.now

    def check(self, invoice):
        lines = sum(line.amount for line in invoice.lines.data)
        off = sum(part.amount for part in invoice.total_discount_amounts)
        assert invoice.total == lines - off
        if invoice.status == "paid":
            assert invoice.amount_paid == invoice.amount_due
            assert invoice.amount_remaining == 0
        if invoice.status != "draft":
            assert invoice.starting_balance + invoice.total == invoice.ending_balance + invoice.amount_due

    @invariant()
    def events_come_in_order(self):
        moments = [one.created for one in self.v1.events.list({"limit": 100}).data]
        assert moments == sorted(moments, reverse=True)


Books.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
test_whatever_happens_the_money_adds_up = pytest.mark.filterwarnings("ignore")(Books.TestCase)
