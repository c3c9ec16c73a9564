"""Stripe, as met outside: the one place that speaks its library.

Every answer is turned into `values` here, and every failure into one of a few refusals, so that
nothing else knows how Stripe's objects look or how they changed from version to version. What
creates or changes anything takes a `key`: asked twice with one key, Stripe does it once.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import requests
import stripe
import structlog

from portal.billing import reading, rules
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
from portal.kit.errors import Conflict, Missing, Refusal
from portal.kit.money import Money
from portal.kit.settings import Payments, Settings

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams

os.environ.setdefault("STRIPE_SUPPRESS_NOTICES", "true")  # or its notices become Python warnings
log = structlog.get_logger(__name__)

CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 10.0
RETRIES = 2
PAGE = 100
PORTAL = "upkeep_portal"


class StripeAway(Refusal):
    """Stripe did not answer, or would not let us in: whatever it was may be tried again.

    `detail` is for the operator.
    """

    code = "stripe_away"

    def __init__(self, detail: str) -> None:
        super().__init__("Payments do not answer right now. Nothing was changed: please try again soon.")
        self.detail = detail


class Declined(Conflict):
    """A bank refused a payment; nothing was changed."""

    code = "payment_declined"


class Refused(Conflict):
    """Stripe does not allow it as things stand there; `detail` says why, for the operator."""

    code = "stripe_refused"

    def __init__(self, detail: str) -> None:
        super().__init__(
            "That is not possible as things stand with your payments. Look again in a moment, "
            "and write to us if it stays so."
        )
        self.detail = detail


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
        base = payments.api_base
        elsewhere = {"files": base, "connect": base, "meter_events": base}
        self._client = stripe.StripeClient(
            payments.secret_key,
            base_addresses={"api": base, **elsewhere} if payments.mode == "sandbox" else {},  # type: ignore[typeddict-item]
            http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS, ANSWER_SECONDS), session=transport),
            max_network_retries=RETRIES,
        )
        self._offers: dict[str, Offer | None] = {}

    @cached_property
    def account(self) -> str:
        """The id of the Stripe account that the key belongs to."""
        with _speaking():
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
            with _speaking():
                self._offers[price_id] = reading.offer(self._client.v1.prices.retrieve(price_id))
        return self._offers[price_id]

    def price(self, offer: Offer) -> str | None:
        """The id of the price that sells this; None when the catalogue was not synced."""
        with _speaking():
            key = rules.lookup_key(offer)
            found = self._client.v1.prices.list({"lookup_keys": [key], "active": True, "limit": 1}).data
        return found[0].id if found else None

    def customer_of(self, kind: str, subject: str) -> str | None:
        """Whose a subscription, invoice, charge or the like is; None when it is nobody's or gone."""
        v1 = self._client.v1
        try:
            with _speaking():
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

    def open_customer(self, name: str, email: str | None, account_id: str, *, key: str) -> str:
        """Make a customer of an account; its id."""
        with _speaking():
            made = self._client.v1.customers.create(
                {"name": name, **({"email": email} if email else {}), "metadata": {"upkeep_account": account_id}},
                {"idempotency_key": key},
            )
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
        with _speaking():
            return reading.checkout(
                self._client.v1.checkout.sessions.create(wanted, {"idempotency_key": purchase_id})
            )

    def checkout(self, session_id: str) -> Checkout:
        """How a checkout stands."""
        with _speaking():
            return reading.checkout(self._client.v1.checkout.sessions.retrieve(session_id))

    def close_checkout(self, session_id: str) -> None:
        """Let nobody pay on this page any more. Refused when it was completed or has expired already."""
        with _speaking():
            self._client.v1.checkout.sessions.expire(session_id)

    def portal(self, customer_id: str, return_url: str) -> str:
        """A fresh address of Stripe's portal for a customer."""
        ours = self.portal_settings()
        with _speaking():
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
        with _speaking():
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

    def change_now(self, subscription: Subscription, price_id: str, at: datetime, *, key: str) -> None:
        """Change to another price as quoted at `at`, and charge it; Declined, and nothing changed, if it fails."""
        if subscription.schedule_id:
            self._release(subscription.schedule_id, key=f"{key}-release")
        with _speaking():
            self._client.v1.subscriptions.update(
                subscription.id,
                {
                    "items": [{"id": subscription.item_id, "price": price_id}],
                    "proration_behavior": "always_invoice",
                    "proration_date": int(at.timestamp()),
                    "payment_behavior": "error_if_incomplete",
                    **({"cancel_at_period_end": False} if subscription.ends_at else {}),
                },
                {"idempotency_key": key},
            )

    def change_later(self, subscription: Subscription, price_id: str, interval: str, *, key: str) -> None:
        """Change to another price when the paid time is over."""
        if subscription.ends_at:
            self.go_on(subscription, key=f"{key}-go-on")
        schedules = self._client.v1.subscription_schedules
        with _speaking():
            schedule_id = subscription.schedule_id
            if schedule_id is None:
                made = schedules.create(
                    {"from_subscription": subscription.id}, {"idempotency_key": f"{key}-schedule"}
                )
                schedule_id = made.id
            starts, ends = (
                int(at.timestamp()) for at in (subscription.period_starts_at, subscription.period_ends_at)
            )
            schedules.update(
                schedule_id,
                {
                    "end_behavior": "release",
                    "proration_behavior": "none",
                    "phases": [
                        {
                            "start_date": starts,
                            "end_date": ends,
                            "items": [{"price": subscription.price_id, "quantity": 1}],
                        },
                        {
                            "start_date": ends,
                            "duration": {"interval": "year" if interval == "year" else "month"},
                            "proration_behavior": "none",
                            "items": [{"price": price_id, "quantity": 1}],
                        },
                    ],
                },
                {"idempotency_key": f"{key}-phases"},
            )

    def end_later(self, subscription: Subscription, *, key: str) -> None:
        """Cancel a subscription for the end of what is paid."""
        if subscription.schedule_id:
            self._release(subscription.schedule_id, key=f"{key}-release")
        with _speaking():
            self._client.v1.subscriptions.update(
                subscription.id, {"cancel_at_period_end": True}, {"idempotency_key": key}
            )

    def go_on(self, subscription: Subscription, *, key: str) -> None:
        """Undo a cancellation or a change that was to come later."""
        if subscription.schedule_id:
            self._release(subscription.schedule_id, key=f"{key}-release")
        if subscription.ends_at:
            with _speaking():
                self._client.v1.subscriptions.update(
                    subscription.id, {"cancel_at_period_end": False}, {"idempotency_key": key}
                )

    def end_now(self, subscription: Subscription, *, key: str) -> None:
        """Cancel a subscription at once, with nothing more charged for it."""
        with _speaking():
            self._client.v1.subscriptions.cancel(
                subscription.id, {"prorate": False, "invoice_now": False}, {"idempotency_key": key}
            )

    def give_back(self, invoice: Invoice, *, key: str) -> Money:
        """Refund all that was paid of an invoice; how much. What is refunded already is not refunded again."""
        returned = 0
        with _speaking():
            payments = self._client.v1.invoice_payments.list({"invoice": invoice.id, "limit": PAGE}).data
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
                    if problem.code != "charge_already_refunded":
                        raise
        return Money(returned, invoice.total.currency)

    def void(self, invoice_id: str, *, key: str) -> None:
        """Let nobody pay an open invoice any more."""
        with _speaking():
            self._client.v1.invoices.void_invoice(invoice_id, None, {"idempotency_key": key})

    def _release(self, schedule_id: str, *, key: str) -> None:
        with _speaking():
            self._client.v1.subscription_schedules.release(schedule_id, None, {"idempotency_key": key})

    # ---- The shelf: products, prices, the portal's settings ---------------------------------------

    def product(self, product_id: str) -> str | None:
        """The name of a product; None when there is none of this id."""
        try:
            with _speaking():
                return self._client.v1.products.retrieve(product_id).name
        except Missing:
            return None

    def put_product(self, product_id: str, name: str, *, known: bool) -> None:
        """Make a product, or rename it."""
        with _speaking():
            if known:
                self._client.v1.products.update(product_id, {"name": name})
            else:
                self._client.v1.products.create({"id": product_id, "name": name})

    def prices(self, offers: Sequence[Offer]) -> dict[Offer, Money]:
        """What the prices of these offers are at Stripe; those it has not are left out."""
        found: dict[Offer, Money] = {}
        keys = [rules.lookup_key(offer) for offer in offers]
        with _speaking():
            for start in range(0, len(keys), 10):  # Stripe takes ten at a time
                listed = self._client.v1.prices.list(
                    {"lookup_keys": keys[start : start + 10], "active": True, "limit": PAGE}
                )
                for price in listed.data:
                    if (offer := reading.offer(price)) is not None:
                        found[offer] = Money(price.unit_amount or 0, price.currency)
        return found

    def put_price(self, offer: Offer, product_id: str, amount: Money) -> None:
        """Make the price of an offer. Asked twice, Stripe refuses the second for its lookup key."""
        with _speaking():
            self._client.v1.prices.create(
                {
                    "product": product_id,
                    "currency": amount.currency,
                    "unit_amount": amount.amount,
                    "recurring": {"interval": "year" if offer.interval == "year" else "month"},
                    "lookup_key": rules.lookup_key(offer),
                    "metadata": {
                        "upkeep_line": offer.line,
                        "upkeep_plan": offer.plan,
                        "upkeep_version": str(offer.version),
                        "upkeep_interval": offer.interval,
                    },
                }
            )

    def portal_settings(self) -> str | None:
        """The id of our settings of Stripe's portal; None when they were not made."""
        with _speaking():
            listed = self._client.v1.billing_portal.configurations.list({"active": True, "limit": PAGE})
            ours = [one.id for one in listed.data if one.metadata and PORTAL in one.metadata.to_dict()]
        return ours[0] if ours else None

    def put_portal_settings(self) -> None:
        """Let Stripe's portal show invoices, change cards and addresses, and cancel; nothing else."""
        with _speaking():
            self._client.v1.billing_portal.configurations.create(
                {
                    "features": {
                        "customer_update": {
                            "enabled": True,
                            "allowed_updates": ["email", "name", "address", "tax_id"],
                        },
                        "invoice_history": {"enabled": True},
                        "payment_method_update": {"enabled": True},
                        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
                        "subscription_update": {"enabled": False},
                    },
                    "metadata": {PORTAL: "1"},
                }
            )

    # ---- Events -----------------------------------------------------------------------------------

    def undelivered(self, since: datetime) -> list[dict[str, Any]]:
        """The events since a moment that Stripe could not deliver, as plain JSON, oldest first."""
        with _speaking():
            listed = self._client.v1.events.list(
                {"delivery_success": False, "created": {"gte": int(since.timestamp())}, "limit": PAGE}
            )
            found = [reading.plain(event) for event in listed.auto_paging_iter()]
        return found[::-1]

    def endpoints(self) -> list[tuple[str, str, str | None, list[str]]]:
        """The webhook endpoints: (address, status, version, event types)."""
        with _speaking():
            listed = self._client.v1.webhook_endpoints.list({"limit": PAGE})
            return [
                (one.url, one.status, getattr(one, "api_version", None), list(one.enabled_events))
                for one in listed.data
            ]

    @property
    def version(self) -> str:
        """The version of Stripe's API that is spoken here."""
        return stripe.api_version

    # ---- Reading ----------------------------------------------------------------------------------

    def _customer(self, customer_id: str) -> tuple[Customer, Card | None]:
        try:
            with _speaking():
                found = self._client.v1.customers.retrieve(
                    customer_id, {"expand": ["invoice_settings.default_payment_method"]}
                )
        except Missing:
            return Customer(customer_id, gone=True), None
        if getattr(found, "deleted", False):
            return Customer(customer_id, gone=True), None
        return Customer(customer_id, getattr(found, "currency", None)), reading.default_card(found)

    def _subscriptions(self, customer_id: str) -> list[stripe.Subscription]:
        with _speaking():
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
        with _speaking():
            listed = self._client.v1.invoices.list({"customer": customer_id, "limit": PAGE})
            return tuple(reading.invoice(one, self.offer) for one in listed.auto_paging_iter())

    def _troubles(self, customer_id: str) -> tuple[Trouble, ...]:
        troubles: list[Trouble] = []
        with _speaking():
            charges = self._client.v1.charges.list(
                {"customer": customer_id, "limit": PAGE, "expand": ["data.refunds"]}
            )
            for charge in charges.auto_paging_iter():
                troubles += reading.refunds(charge)
                if charge.disputed:
                    disputes = self._client.v1.disputes.list({"charge": charge.id, "limit": PAGE})
                    troubles += [reading.dispute(one) for one in disputes.data]
        return tuple(troubles)


def open_stripe(settings: Settings) -> Stripe | None:
    """Stripe as the settings name it; None when payments are off. Nothing is connected to yet."""
    return Stripe(settings.payments) if settings.payments else None


@contextmanager
def _speaking() -> Iterator[None]:
    """Turn Stripe's errors into refusals."""
    try:
        yield
    except stripe.CardError as problem:
        raise Declined(rules.declined(problem.code, getattr(problem.error, "decline_code", None))) from problem
    except stripe.InvalidRequestError as problem:
        if problem.code == "resource_missing" or problem.http_status == 404:
            raise Missing("Stripe does not know it.") from problem
        if problem.http_status == 409:  # the same key is being worked on
            raise StripeAway(_said(problem)) from problem
        log.warning("stripe refused", detail=_said(problem), stripe_request=problem.request_id)
        raise Refused(_said(problem)) from problem
    except stripe.StripeError as problem:
        log.warning("stripe away", detail=_said(problem), stripe_request=problem.request_id)
        raise StripeAway(_said(problem)) from problem


def _said(problem: stripe.StripeError) -> str:
    text = problem.user_message or str(problem)
    return " ".join(f"{type(problem).__name__}: {text}".split())[:500]
