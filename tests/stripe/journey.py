"""The journey of a customer's money through our own gateway: the same steps at Stripe and in the sandbox."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import stripe

from portal.billing.gateway import Declined, Stripe
from portal.billing.values import MONTH, YEAR, Offer
from portal.kit import ids
from portal.kit.money import Money

PLAN = "smoke"
MONTHLY, YEARLY = Offer("api", PLAN, 1, MONTH), Offer("api", PLAN, 1, YEAR)
PRICES = {MONTHLY: Money(1900, "usd"), YEARLY: Money(19000, "usd")}
PRODUCT = "upkeep_smoke"
BACK = "http://127.0.0.1:8000/billing"
GOOD, DECLINED_LATER = "pm_card_visa", "pm_card_chargeCustomerFail"


@dataclass
class Journey:
    """What the steps share. `now()` is the moment at the customer's clock; `advance(moment)` moves it there.

    `client` does what happens outside our own code: paying by card, which customers do on Stripe's pages.
    """

    gateway: Stripe
    client: stripe.StripeClient
    host: str
    open_customer: Callable
    now: Callable
    advance: Callable
    say: Callable = print
    customer: str = ""

    def run(self):
        """Every step, in order; AssertionError at the first that is otherwise than we rely on."""
        steps = (
            self.put_the_catalogue,
            self.open_the_customer,
            self.open_and_close_a_checkout,
            self.begin,
            self.fail_to_renew,
            self.pay_again,
            self.be_declined_for_a_change,
            self.change_at_once,
            self.change_later,
            self.cancel_and_go_on,
            self.open_the_portal,
            self.be_refunded,
            self.end,
            self.read_the_events,
        )
        for step in steps:
            self.say(f"  {step.__doc__}")
            step()

    def put_the_catalogue(self):
        """A product with a monthly and a yearly price is put on the shelf, once."""
        shelf = self.gateway.shelf
        shelf.put_product(PRODUCT, "Upkeep smoke test", known=shelf.product(PRODUCT) is not None)
        there = shelf.prices(list(PRICES))
        for offer, amount in PRICES.items():
            if offer not in there:
                shelf.put_price(offer, PRODUCT, amount)
        assert shelf.prices(list(PRICES)) == PRICES
        assert self.gateway.offer(self.gateway.price(MONTHLY)) == MONTHLY

    def open_the_customer(self):
        """A customer is opened; asked twice with one key, it is one customer."""
        key = ids.new("cus_key")
        first = self.gateway.open_customer("Upkeep smoke test", "smoke@example.com", "acc_smoke", key=key)
        again = self.gateway.open_customer("Upkeep smoke test", "smoke@example.com", "acc_smoke", key=key)
        assert first == again
        self.client.v1.customers.delete(first)
        assert self.gateway.picture(first).customer.gone
        self.customer = self.open_customer()

    def open_and_close_a_checkout(self):
        """A checkout page is opened, the same one for the same purchase, and closed."""
        wanted = {
            "purchase_id": ids.new("pur"),
            "account_id": "acc_smoke",
            "back": BACK + "/return",
            "away": BACK,
        }
        price = self.gateway.price(MONTHLY)
        opened = self.gateway.open_checkout(self.customer, price, **wanted)
        assert opened.status == "open" and urlsplit(opened.url).netloc.endswith(self.host), opened.url
        assert self.gateway.open_checkout(self.customer, price, **wanted).id == opened.id
        self.gateway.close_checkout(opened.id)
        assert self.gateway.checkout(opened.id).status == "expired"

    def begin(self):
        """A card is given and the monthly plan begins: active, paid to the cent."""
        self.give_card(GOOD)
        price = self.gateway.price(MONTHLY)
        self.client.v1.subscriptions.create({"customer": self.customer, "items": [{"price": price}]})
        picture = self.gateway.picture(self.customer)
        assert [(one.status, one.offer, one.price) for one in picture.subscriptions] == [
            ("active", MONTHLY, PRICES[MONTHLY])
        ]
        assert [(one.status, one.paid) for one in picture.invoices] == [("paid", PRICES[MONTHLY])]
        assert picture.customer.card.last4 == "4242" and picture.customer.currency == "usd"

    def fail_to_renew(self):
        """The card stops working; a month later the subscription is past due and an invoice is open."""
        self.give_card(DECLINED_LATER)
        before = self.subscription()
        self.advance(before.period_ends_at + timedelta(hours=2))
        after = self.subscription()
        assert after.status == "past_due" and after.period_starts_at == before.period_ends_at, after
        unpaid = self.gateway.picture(self.customer).invoices[0]
        assert (unpaid.status, unpaid.due, unpaid.reason) == ("open", PRICES[MONTHLY], "subscription_cycle")
        assert unpaid.attempts >= 1 and unpaid.next_attempt_at and unpaid.hosted_url

    def pay_again(self):
        """A new card pays what is open, and the subscription is active at once."""
        self.give_card(GOOD)
        self.client.v1.invoices.pay(self.gateway.picture(self.customer).invoices[0].id)
        assert self.subscription().status == "active"

    def be_declined_for_a_change(self):
        """A change that the bank refuses leaves everything as it was."""
        self.give_card(DECLINED_LATER)
        before = self.subscription()
        with pytest.raises(Declined):
            self.gateway.change_now(before, self.gateway.price(YEARLY), self.now(), key=ids.new("pur"))
        assert self.subscription().offer == MONTHLY and self.subscription().status == "active"
        self.give_card(GOOD)

    def change_at_once(self):
        """Ten days on, the plan is changed to yearly: charged what was quoted, to the cent."""
        before, price = self.subscription(), self.gateway.price(YEARLY)
        self.advance(before.period_starts_at + timedelta(days=10))
        at = self.now()
        quoted = self.gateway.quote(self.customer, before, price, at)
        assert PRICES[MONTHLY].amount < quoted.due.amount < PRICES[YEARLY].amount, quoted
        self.gateway.change_now(before, price, at, key=ids.new("pur"))
        after, charged = self.subscription(), self.gateway.picture(self.customer).invoices[0]
        assert after.offer == YEARLY and after.id == before.id
        assert (charged.status, charged.paid) == ("paid", quoted.due), (charged, quoted)

    def change_later(self):
        """Back to monthly when the year is over, and then not after all."""
        self.gateway.change_later(self.subscription(), self.gateway.price(MONTHLY), MONTH, key=ids.new("pur"))
        planned = self.subscription()
        assert (planned.offer, planned.next_offer) == (YEARLY, MONTHLY)
        assert planned.next_at == planned.period_ends_at
        self.gateway.go_on(planned, key=ids.new("pur"))
        assert self.subscription().next_offer is None and self.subscription().schedule_id is None

    def cancel_and_go_on(self):
        """Cancelled for the end of the year, and then not after all."""
        self.gateway.end_later(self.subscription(), key=ids.new("pur"))
        assert self.subscription().ends_at == self.subscription().period_ends_at
        self.gateway.go_on(self.subscription(), key=ids.new("pur"))
        assert self.subscription().ends_at is None

    def open_the_portal(self):
        """Stripe's portal opens, with our settings."""
        if self.gateway.shelf.portal_settings() is None:
            self.gateway.shelf.put_portal_settings()
        assert self.gateway.shelf.portal_settings()
        assert urlsplit(self.gateway.portal(self.customer, BACK)).netloc.endswith(self.host)

    def be_refunded(self):
        """What the change cost is given back, once, however often it is asked for."""
        paid = self.gateway.picture(self.customer).invoices[0]
        assert self.gateway.give_back(paid.id, "usd", key=ids.new("pur")) == paid.paid
        assert self.gateway.give_back(paid.id, "usd", key=ids.new("pur")) == paid.paid
        assert [(one.kind, one.amount) for one in self.gateway.picture(self.customer).troubles] == [
            ("refund", paid.paid)
        ]

    def end(self):
        """The subscription is ended at once, and nothing more is charged."""
        known = len(self.gateway.picture(self.customer).invoices)
        self.gateway.end_now(self.subscription().id, key=ids.new("pur"))
        assert self.subscription().status == "canceled" and self.subscription().ended_at
        assert len(self.gateway.picture(self.customer).invoices) == known

    def read_the_events(self):
        """Stripe told of all this, in the version that we speak."""
        wanted = ["customer.subscription.updated", "customer.subscription.deleted", "invoice.paid"]
        events = self.client.v1.events.list({"types": wanted, "limit": 100}).data
        ours = [one for one in events if one.data.object["customer"] == self.customer]
        assert {one.type for one in ours} == set(wanted), [one.type for one in ours]
        if versions := {one.api_version for one in ours} - {stripe.api_version}:
            self.say(
                f"    (note: events are told in {versions}; a webhook endpoint needs its api_version set)"
            )

    def subscription(self):
        """The one subscription, as the gateway reads it."""
        return self.gateway.subscriptions(self.customer)[0]

    def give_card(self, card):
        """What the customer does in Stripe's portal: a new card, used from now on."""
        attached = self.client.v1.payment_methods.attach(card, {"customer": self.customer})
        self.client.v1.customers.update(
            self.customer, {"invoice_settings": {"default_payment_method": attached.id}}
        )
