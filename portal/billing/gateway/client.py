"""Stripe, with one key. What creates or changes anything takes a `key`: asked twice, it is done once."""

import logging
import os
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import requests
import stripe

from portal.billing import rules
from portal.billing.gateway import reading
from portal.billing.gateway.shelf import Shelf
from portal.billing.gateway.single import Single
from portal.billing.gateway.speaking import speaking
from portal.billing.values import (
    Card,
    Checkout,
    Customer,
    Invoice,
    Offer,
    Picture,
    Quoted,
    Subscription,
    Trouble,
)
from portal.kit.errors import Missing
from portal.kit.money import Money
from portal.kit.settings import Payments, Settings

if TYPE_CHECKING:
    from stripe._base_address import BaseAddresses
    from stripe.params import SubscriptionUpdateParams
    from stripe.params.checkout import SessionCreateParams

os.environ.setdefault("STRIPE_SUPPRESS_NOTICES", "true")  # or its notices become Python warnings
logging.getLogger("stripe").setLevel(logging.WARNING)  # or it writes lines for each request

CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 10.0
RETRIES = 2
PAGE = 100


class Stripe:
    """Stripe, with one key. Thread-safe; one per process is meant.

    Every verb raises StripeAway when it does not answer in time, Declined when a bank says no, and
    Refused or Missing when Stripe does.
    """

    def __init__(self, payments: Payments, *, transport: requests.Session | None = None) -> None:
        self.payments = payments
        if transport is None:
            transport = requests.Session()
            transport.trust_env = payments.mode != "sandbox"  # what stays on this machine needs no proxy
        self._client = stripe.StripeClient(
            payments.secret_key,
            base_addresses=_addresses(payments),
            http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS, ANSWER_SECONDS), session=transport),
            max_network_retries=RETRIES,
        )
        self.shelf = Shelf(self._client)
        self.single = Single(self._client)
        self._offers: dict[str, Offer | None] = {}

    @cached_property
    def account(self) -> str:
        """The id of the Stripe account that the key belongs to."""
        with speaking():
            return str(self._client.v1.accounts.retrieve_current().id)

    # ---- What stands there ------------------------------------------------------------------------

    def picture(self, customer_id: str) -> Picture:
        """All that Stripe says of a customer now: who they are, what they pay for, and what they paid."""
        customer, default = self._customer(customer_id)
        if customer.gone:
            return Picture(customer)
        found = self._subscriptions(customer_id)
        subscriptions = tuple(reading.subscription(one, self.offer) for one in found)
        card = reading.card_of(found, default)
        return Picture(
            customer=Customer(customer.id, customer.currency, card),
            subscriptions=subscriptions,
            invoices=self._invoices(customer_id),
            troubles=self._troubles(customer_id),
        )

    def subscriptions(self, customer_id: str) -> tuple[Subscription, ...]:
        """A customer's subscriptions, ended ones too, as they are now."""
        return tuple(reading.subscription(one, self.offer) for one in self._subscriptions(customer_id))

    def offer(self, price_id: str) -> Offer | None:
        """What a price sells; None when it is none of ours. Prices never change, so it is remembered."""
        if price_id not in self._offers:
            with speaking():
                self._offers[price_id] = reading.offer(self._client.v1.prices.retrieve(price_id))
        return self._offers[price_id]

    def price(self, offer: Offer) -> str | None:
        """The id of the price that sells this; None when the catalogue was not synced."""
        with speaking():
            key = rules.lookup_key(offer)
            found = self._client.v1.prices.list({"lookup_keys": [key], "active": True, "limit": 1}).data
        return found[0].id if found else None

    def customer_of(self, kind: str, subject: str) -> str | None:
        """Whose a subscription, invoice, charge or the like is; None when it is nobody's or gone."""
        v1 = self._client.v1
        try:
            with speaking():
                match kind:
                    case "customer":
                        return subject
                    case "subscription":
                        return reading.customer_id(v1.subscriptions.retrieve(subject))
                    case "invoice":
                        return reading.customer_id(v1.invoices.retrieve(subject))
                    case "charge":
                        return reading.customer_id(v1.charges.retrieve(subject))
                    case "payment_intent":
                        return reading.customer_id(v1.payment_intents.retrieve(subject))
                    case "payment_method":
                        return reading.customer_id(v1.payment_methods.retrieve(subject))
                    case "checkout.session":
                        return reading.customer_id(v1.checkout.sessions.retrieve(subject))
                    case "subscription_schedule":
                        return reading.customer_id(v1.subscription_schedules.retrieve(subject))
                    case "dispute":
                        disputed = v1.disputes.retrieve(subject, {"expand": ["charge"]})
                        return reading.customer_id(disputed.charge)
                    case "refund":
                        refund = v1.refunds.retrieve(subject, {"expand": ["charge"]})
                        return reading.customer_id(refund.charge)
                    case _:
                        return None
        except Missing:
            return None

    # ---- Buying -----------------------------------------------------------------------------------

    def has_customer(self, customer_id: str) -> bool:
        """Whether a customer is still there."""
        return not self._customer(customer_id)[0].gone

    def open_customer(self, name: str, email: str | None, account_id: str, *, key: str) -> str:
        """Make a customer of an account; its id. Its name comes after: what a key asks for never changes."""
        with speaking():
            made = self._client.v1.customers.create(
                {"metadata": {"upkeep_account": account_id}}, {"idempotency_key": key}
            )
            self._client.v1.customers.update(made.id, {"name": name, **({"email": email} if email else {})})
        return made.id

    def open_checkout(
        self, customer_id: str, price_id: str, *, purchase_id: str, account_id: str, back: str, away: str
    ) -> Checkout:
        """Open a checkout page for one price. Asked again for the same purchase, the same page."""
        marks = {"upkeep_account": account_id, "upkeep_purchase": purchase_id}
        wanted: SessionCreateParams = {
            "mode": "subscription",
            "customer": customer_id,
            "client_reference_id": purchase_id,
            "line_items": [{"price": price_id, "quantity": 1}],
            "allow_promotion_codes": True,
            "success_url": back,
            "cancel_url": away,
            "metadata": marks,
            "subscription_data": {"metadata": marks},
        }
        with speaking():
            return reading.checkout(
                self._client.v1.checkout.sessions.create(wanted, {"idempotency_key": purchase_id})
            )

    def checkout(self, session_id: str) -> Checkout:
        """How a checkout stands."""
        with speaking():
            return reading.checkout(self._client.v1.checkout.sessions.retrieve(session_id))

    def close_checkout(self, session_id: str) -> None:
        """Let nobody pay on this page any more. Refused when it was completed or has expired already."""
        with speaking():
            self._client.v1.checkout.sessions.expire(session_id)

    def portal(self, customer_id: str, return_url: str) -> str:
        """A fresh address of Stripe's portal for a customer."""
        ours = self.shelf.portal_settings()
        with speaking():
            session = self._client.v1.billing_portal.sessions.create(
                {
                    "customer": customer_id,
                    "return_url": return_url,
                    **({"configuration": ours} if ours else {}),
                }
            )
        return session.url

    # ---- Changing ---------------------------------------------------------------------------------

    def quote(self, customer_id: str, subscription: Subscription, price_id: str, at: datetime) -> Quoted:
        """What a change to another price would be charged, made at `at`."""
        with speaking():
            previewed = self._client.v1.invoices.create_preview(
                {
                    "customer": customer_id,
                    "subscription": subscription.id,
                    "subscription_details": {
                        "items": [{"id": subscription.item_id, "price": price_id}],
                        "proration_behavior": "always_invoice",
                        "proration_date": int(at.timestamp()),
                    },
                }
            )
            return reading.quoted(previewed, self.offer)

    def upcoming(self, customer_id: str, subscription_id: str) -> Quoted:
        """What the next invoice of a subscription will say, as things stand."""
        with speaking():
            previewed = self._client.v1.invoices.create_preview(
                {"customer": customer_id, "subscription": subscription_id}
            )
            return reading.quoted(previewed, self.offer)

    def change_now(self, subscription: Subscription, price_id: str, at: datetime, *, key: str) -> None:
        """Change to another price as quoted at `at`, and charge it: both, or Declined and neither."""
        if subscription.schedule_id:
            self._release(subscription.schedule_id, key=f"{key}-release")
        with speaking():
            self._client.v1.subscriptions.update(
                subscription.id,
                {
                    "items": [{"id": subscription.item_id, "price": price_id}],
                    "proration_behavior": "always_invoice",
                    "proration_date": int(at.timestamp()),
                    "payment_behavior": "error_if_incomplete",
                    **(_endless(subscription) if subscription.ends_at else {}),
                },
                {"idempotency_key": key},
            )

    def change_later(self, subscription: Subscription, price_id: str, interval: str, *, key: str) -> None:
        """Change to another price when the paid time is over."""
        if subscription.ends_at:
            self.go_on(subscription, key=f"{key}-go-on")
        schedules = self._client.v1.subscription_schedules
        with speaking():
            schedule = (
                schedules.retrieve(subscription.schedule_id)
                if subscription.schedule_id
                else schedules.create(
                    {"from_subscription": subscription.id}, {"idempotency_key": f"{key}-schedule"}
                )
            )
            # A phase that names no discounts has none of those that the subscription had until then.
            kept = reading.phase_discounts(schedule)
            starts, ends = (
                int(at.timestamp()) for at in (subscription.period_starts_at, subscription.period_ends_at)
            )
            phases: list[Any] = [
                {
                    "start_date": starts,
                    "end_date": ends,
                    "items": [{"price": subscription.price_id, "quantity": 1}],
                    **({"discounts": kept} if kept else {}),
                },
                {
                    "start_date": ends,
                    "duration": {"interval": "year" if interval == "year" else "month"},
                    "proration_behavior": "none",
                    "items": [{"price": price_id, "quantity": 1}],
                    **({"discounts": kept} if kept else {}),
                },
            ]
            schedules.update(
                schedule.id,
                {"end_behavior": "release", "proration_behavior": "none", "phases": phases},
                {"idempotency_key": f"{key}-phases"},
            )

    def end_later(self, subscription: Subscription, *, key: str) -> None:
        """Cancel a subscription for the end of what is paid."""
        if subscription.schedule_id:
            self._release(subscription.schedule_id, key=f"{key}-release")
        with speaking():
            self._client.v1.subscriptions.update(
                subscription.id, {"cancel_at_period_end": True}, {"idempotency_key": key}
            )

    def go_on(self, subscription: Subscription, *, key: str) -> None:
        """Undo a cancellation or a change that was to come later."""
        if subscription.schedule_id:
            self._release(subscription.schedule_id, key=f"{key}-release")
        if subscription.ends_at:
            with speaking():
                self._client.v1.subscriptions.update(
                    subscription.id, _endless(subscription), {"idempotency_key": key}
                )

    def end_now(self, subscription_id: str, *, key: str) -> None:
        """Cancel a subscription at once, with nothing more charged for it; nothing when it has ended."""
        try:
            with speaking():
                self._client.v1.subscriptions.cancel(
                    subscription_id, {"prorate": False, "invoice_now": False}, {"idempotency_key": key}
                )
        except Missing:
            return

    def give_back(self, invoice_id: str, currency: str, *, key: str) -> Money:
        """Refund all that was paid of an invoice; how much went back, before or now.

        What the bank itself wants back is left to the dispute.
        """
        returned = 0
        with speaking():
            payments = self._client.v1.invoice_payments.list({"invoice": invoice_id, "limit": PAGE}).data
            for number, paid in enumerate(one for one in payments if one.status == "paid"):
                if (intent := reading.intent_id(paid)) is None:
                    continue
                try:
                    refund = self._client.v1.refunds.create(
                        {"payment_intent": intent, "reason": "duplicate"},
                        {"idempotency_key": f"{key}-{number}"},
                    )
                    returned += refund.amount
                except stripe.InvalidRequestError as problem:
                    if problem.code == "charge_disputed":
                        continue
                    if problem.code != "charge_already_refunded":
                        raise
                    before = self._client.v1.refunds.list({"payment_intent": intent, "limit": PAGE}).data
                    returned += sum(one.amount for one in before if one.status != "failed")
        return Money(returned, currency)

    def collect(self, invoice_id: str, *, key: str) -> None:
        """Charge an open invoice now; Declined when the card is, Refused when it is open no more."""
        with speaking():
            self._client.v1.invoices.pay(invoice_id, None, {"idempotency_key": key})

    def void(self, invoice_id: str, *, key: str) -> None:
        """Let nobody pay an open invoice any more."""
        with speaking():
            self._client.v1.invoices.void_invoice(invoice_id, None, {"idempotency_key": key})

    def _release(self, schedule_id: str, *, key: str) -> None:
        with speaking():
            self._client.v1.subscription_schedules.release(schedule_id, None, {"idempotency_key": key})

    # ---- Events -----------------------------------------------------------------------------------

    def undelivered(self, since: datetime) -> list[dict[str, Any]]:
        """The events since a moment that Stripe could not deliver, as plain JSON, oldest first."""
        with speaking():
            listed = self._client.v1.events.list(
                {"delivery_success": False, "created": {"gte": int(since.timestamp())}, "limit": PAGE}
            )
            found = [reading.plain(event) for event in listed.auto_paging_iter()]
        return found[::-1]

    # ---- Reading ----------------------------------------------------------------------------------

    def _customer(self, customer_id: str) -> tuple[Customer, Card | None]:
        try:
            with speaking():
                found = self._client.v1.customers.retrieve(
                    customer_id, {"expand": ["invoice_settings.default_payment_method"]}
                )
        except Missing:
            return Customer(customer_id, gone=True), None
        if getattr(found, "deleted", False):
            return Customer(customer_id, gone=True), None
        return Customer(customer_id, getattr(found, "currency", None)), reading.default_card(found)

    def _subscriptions(self, customer_id: str) -> list[stripe.Subscription]:
        with speaking():
            listed = self._client.v1.subscriptions.list(
                {
                    "customer": customer_id,
                    "status": "all",
                    "limit": PAGE,
                    "expand": ["data.default_payment_method", "data.schedule"],
                }
            )
            return list(listed.auto_paging_iter())

    def _invoices(self, customer_id: str) -> tuple[Invoice, ...]:
        with speaking():
            listed = self._client.v1.invoices.list({"customer": customer_id, "limit": PAGE})
            return tuple(reading.invoice(one, self.offer) for one in listed.auto_paging_iter())

    def _troubles(self, customer_id: str) -> tuple[Trouble, ...]:
        troubles: list[Trouble] = []
        with speaking():
            charges = self._client.v1.charges.list(
                {"customer": customer_id, "limit": PAGE, "expand": ["data.refunds"]}
            )
            for charge in charges.auto_paging_iter():
                troubles += reading.refunds(charge)
                if charge.disputed:
                    disputes = self._client.v1.disputes.list({"charge": charge.id, "limit": PAGE})
                    troubles += [reading.dispute(one) for one in disputes.data]
        return tuple(troubles)


def _endless(subscription: Subscription) -> "SubscriptionUpdateParams":
    """What takes a cancellation back: Stripe refuses both at once, and its portal sets the moment alone."""
    return {"cancel_at_period_end": False} if subscription.ends_with_period else {"cancel_at": ""}


def _addresses(payments: Payments) -> "BaseAddresses":
    """All four, or some calls would still leave this machine."""
    if payments.mode != "sandbox":
        return {}
    base = payments.api_base
    return {"api": base, "files": base, "connect": base, "meter_events": base}


def open_stripe(settings: Settings) -> Stripe | None:
    """Stripe as the settings name it; None when payments are off. Nothing is connected to yet."""
    return Stripe(settings.payments) if settings.payments else None
