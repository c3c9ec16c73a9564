"""The machine: customers, cards, changes and time against webhooks that come twice, late, shuffled or never.

Afterwards our books equal Stripe's, access equals the rule, nothing was charged twice, and each letter
came once. `MACHINE_EXAMPLES` says how many histories are tried: `make soak` tries more.
"""

import contextlib
import os
from itertools import count

import pytest
import stripe
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from portal import billing
from portal.kit import db
from portal.kit.errors import Refusal
from tests.billing.till import ACTOR, CHARGEABLE, Template, Till

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "100"))
STEPS = int(os.environ.get("MACHINE_STEPS", "14"))
OFFERS = (
    *(("api-pro", "month"), ("api-pro", "year"), ("api-team", "month"), ("api-team", "year")),
    ("support-priority", "month"),
)
CARDS = (
    *("pm_card_visa", "pm_card_mastercard", "pm_card_authenticationRequired"),
    *("pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds"),
)
NEW_CARDS = ("pm_card_visa", "pm_card_mastercard", "pm_card_chargeCustomerFail")
FAULTS = ("duplicate", "reorder", "delay", "drop", "bad_signature", "old_version", "thin")
numbers = count()
who = st.integers(0, 1)


def refused(verb, *arguments):
    """Do it, or be told a sentence that a customer may read; anything else is a bug."""
    try:
        return verb(*arguments)
    except Refusal as refusal:
        assert refusal.sentence.endswith(".")
        return None


class Money(RuleBasedStateMachine):
    """Two accounts and one till. `open_till` is given by the test."""

    open_till = None

    def __init__(self):
        super().__init__()
        self.till = type(self).open_till()

    def teardown(self):
        try:
            self.till.settle()
            self.till.check()
        finally:
            self.till.close()

    @rule(who=who, offer=st.sampled_from(OFFERS))
    def begin_to_buy(self, who, offer):
        refused(self.till.checkout, self.till.accounts[who], *offer)

    @rule(who=who, offer=st.sampled_from(OFFERS), back=st.booleans())
    def buy(self, who, offer, back):
        before = len(self.till.pages)
        refused(self.till.checkout, self.till.accounts[who], *offer)
        if len(self.till.pages) > before:
            self.till.sandbox.pay(self.till.pages[-1])
        if back:
            refused(self.till.do, billing.refresh, self.till.accounts[who])

    @precondition(lambda self: self.till.pages)
    @rule(number=st.integers(0, 20), card=st.sampled_from(CARDS))
    def pay_on_a_page(self, number, card):
        """Any page that was ever opened, in whatever tab."""
        self.till.sandbox.pay(self.till.pages[number % len(self.till.pages)], card)

    @rule(who=who)
    def come_back(self, who):
        refused(self.till.do, billing.refresh, self.till.accounts[who])

    @rule(who=who, offer=st.sampled_from(OFFERS))
    def change(self, who, offer):
        refused(self.till.change, self.till.accounts[who], *offer)

    @rule(who=who, line=st.sampled_from(["api", "support"]))
    def cancel(self, who, line):
        def cancel():
            self.till.do(billing.cancel, self.till.accounts[who], line, actor=ACTOR)

        refused(cancel)

    @rule(who=who, line=st.sampled_from(["api", "support"]))
    def resume(self, who, line):
        def resume():
            self.till.do(billing.resume, self.till.accounts[who], line, actor=ACTOR)

        refused(resume)

    @rule(who=who, card=st.sampled_from(NEW_CARDS))
    def give_another_card(self, who, card):
        customer, v1 = self.till.customer(self.till.accounts[who]), self.till.sandbox.v1
        if customer is not None:
            method = v1.payment_methods.attach(card, {"customer": customer})
            v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
            for one in v1.subscriptions.list({"customer": customer}).data:
                v1.subscriptions.update(one.id, {"default_payment_method": method.id})

    @rule(who=who)
    def pay_what_is_open(self, who):
        customer, v1 = self.till.customer(self.till.accounts[who]), self.till.sandbox.v1
        if customer is not None:
            for one in v1.invoices.list({"customer": customer, "status": "open"}).data:
                try:
                    v1.invoices.pay(one.id)
                except stripe.StripeError:
                    continue

    @rule(who=who)
    def subscribe_past_us(self, who):
        """A second subscription in one line, as two tabs or a helpful colleague might make it."""
        customer, v1 = self.till.customer(self.till.accounts[who]), self.till.sandbox.v1
        if customer is not None:
            for one in v1.subscriptions.list({"customer": customer}).data:
                method = one.default_payment_method
                items = [{"price": one["items"].data[0].price.id}]
                if one.status in CHARGEABLE and method:
                    with contextlib.suppress(stripe.StripeError):
                        v1.subscriptions.create(
                            {"customer": customer, "items": items, "default_payment_method": method}
                        )
                    return

    @rule(duration=st.sampled_from(["3m", "2h", "26h", "3d", "8d", "1 month", "1 month", "1 year"]))
    def let_time_pass(self, duration):
        self.till.advance(duration)

    @rule()
    def let_webhooks_arrive(self):
        self.till.deliver()

    @rule()
    def work(self):
        self.till.duties()

    @rule()
    def sweep(self):
        self.till.sweep()

    @rule(fault=st.sampled_from(FAULTS), times=st.integers(1, 6))
    def disturb(self, fault, times):
        self.till.sandbox.faults(**{fault: times})

    @rule(when=st.sampled_from(["before", "after"]))
    def lose_an_answer(self, when):
        self.till.stripe.lose = when


@pytest.fixture
def quick_database(database, database_url):
    """The same database, by connections that are believed to live: nobody ends them here."""
    bind = db.engine(database_url, pool_pre_ping=False)
    yield db.sessions(bind)
    bind.dispose()


def test_whatever_happens_the_books_agree_in_the_end(tmp_path_factory, quick_database, settings, _superuser):
    folder, database = tmp_path_factory.mktemp("machine"), quick_database
    template = Template(folder / "template", database)

    class Machine(Money):
        @staticmethod
        def open_till():
            return Till(folder / f"till {next(numbers)}", template, database, settings, _superuser)

    run_state_machine_as_test(
        Machine,
        settings=hypothesis_settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize="MACHINE_EXAMPLES" not in os.environ,  # the suite walks the same histories each time
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),  # histories are short as they are
        ),
    )
