"""Payment methods: made of test cards, attached to customers."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from sandbox.stripe import ids
from sandbox.stripe.billing import buyers
from sandbox.stripe.billing.cards import CARDS, DECLINES, Card
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.fields import EMPTY_ADDRESS
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

NOT_THERE = (
    "No such PaymentMethod: '{id}'; It's possible this PaymentMethod exists on one of your connected "
    "accounts, in "
    "which case you should retry this request on that connected account. Learn more at "
    "https://stripe.com/docs/connect/authentication"
)


def find(world: World, id: str, param: str = "payment_method", *, status: int = 404) -> Obj:
    """A payment method by its id, or a new one made from the name of a test card."""
    if card := CARDS.get(id):
        return make(world, card)
    found = world.peek("payment_method", id)
    if found is None:
        raise StripeError(NOT_THERE.format(id=id), status=status, code="resource_missing", param=param)
    return found


def make(
    world: World, card: Card, *, expires: tuple[int, int] | None = None, billing: Obj | None = None
) -> Obj:
    ""
    ""
    """A payment method that behaves like this card; it expires after a year, or as given (month, year)."""
    method: Obj = {
        "id": ids.new("payment_method"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict(EMPTY_ADDRESS),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
            **(billing or {}),
        },
        "created": world.now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "us_bank_account" if card.late else "card",
        "_decline": card.decline,
        "_good_for": card.decline_after,
        "_refused_when_attached": card.refused_when_attached,
        "_asks": card.asks,
        "_disputed": card.disputed,
        "_late": card.late,
    }
    method[method["type"]] = _bank(card) if card.late else _card(card, expires or _year_ahead(world.now))
    return world.save(method)


def attach(world: World, method: Obj, customer: str, *, param: str = "customer") -> Obj:
    """Give a customer a payment method; StripeError 402 when its bank refuses, 400 when it is taken."""
    buyers.find(world, customer, param, status=400)
    if method["customer"] == customer:
        return method
    if method["customer"] is not None or method.get("_loosened"):
        raise invalid(
            "The payment method you provided has already been attached to a customer."
            if method["customer"]
            else "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again.",
            "payment_method",
            "payment_method_already_attached" if method["customer"] else None,
        )
    if method["_refused_when_attached"]:
        raise declined(method["_decline"], payment_method=None)
    method["customer"] = customer
    world.save(method)
    world.tell("payment_method.attached", method)
    return method


def loosen(world: World, method: Obj) -> Obj:
    """Take a payment method from its customer, and from every place that names it."""
    if method["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    customer = world.known("customer", method["customer"])
    with world.changing(customer, "customer.updated"):
        if customer["invoice_settings"]["default_payment_method"] == method["id"]:
            customer["invoice_settings"]["default_payment_method"] = None
    for subscription in list(world.store.find("subscription", customer=method["customer"])):
        if subscription["default_payment_method"] == method["id"]:
            with world.changing(subscription, "customer.subscription.updated"):
                subscription["default_payment_method"] = None
    with world.changing(method):
        method["customer"] = None
        method["_loosened"] = True
    world.tell("payment_method.detached", method, {"customer": customer["id"]})
    return method


def default_for(world: World, customer: Obj, subscription: Obj | None = None) -> Obj | None:
    """What a customer's invoice is paid with: the subscription's method, else the customer's."""
    wanted = (subscription or {}).get("default_payment_method")
    return world.peek("payment_method", wanted or customer["invoice_settings"]["default_payment_method"])


def declined(decline: str, **more: Any) -> StripeError:
    """The error that a declined card brings."""
    code, message = DECLINES[decline]
    return StripeError(
        message,
        status=402,
        kind="card_error",
        code=code,
        decline_code=decline,
        **{k: v for k, v in more.items() if v},
    )


def _card(card: Card, expires: tuple[int, int]) -> Obj:
    month, year = expires
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": _fingerprint(card.number),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _bank(card: Card) -> Obj:
    return {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": _fingerprint(card.number),
        "last4": card.number[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": {},
    }


def _fingerprint(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:16]


def _year_ahead(now: int) -> tuple[int, int]:
    today = datetime.fromtimestamp(now, UTC)
    return today.month, today.year + 1
