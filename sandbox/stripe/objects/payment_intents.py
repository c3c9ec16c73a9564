"""Payment intents and charges, as asked for."""

from sandbox.stripe.billing import buyers, charging, collecting, methods
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.expanding import ON_REQUEST
from sandbox.stripe.fields import METADATA, Currency
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.rendering import listed, render
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import (
    NO_PAYMENT_METHOD_TYPES,
    Boolean,
    Choice,
    Email,
    Hash,
    Integer,
    Kind,
    Many,
    Text,
    Url,
)
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

TOO_SMALL = (
    "The amount must be greater than or equal to the minimum charge amount allowed for your account and "
    "the currency "
    "set (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).  If you want to save a "
    "Payment "
    "Method for future use without an immediate payment, use a Setup Intent instead: "
    "https://docs.stripe.com/payments/setup-intents"
)
CONFIRM: dict[str, Kind] = {
    "payment_method": Text(),
    "off_session": Boolean(),
    "return_url": Url(),
    "payment_method_types": NO_PAYMENT_METHOD_TYPES,
    "setup_future_usage": Choice("off_session", "on_session"),
    "receipt_email": Email(clear=True),
}


@route(
    "POST",
    "/v1/payment_intents",
    {
        **CONFIRM,
        "amount": Integer(required=True),
        "currency": Currency(required=True),
        "automatic_payment_methods": Hash(
            {"enabled": Boolean(required=True), "allow_redirects": Choice("always", "never")}
        ),
        "allowed_payment_method_types": Many(Text()),
        "excluded_payment_method_types": Many(Text()),
        "capture_method": Choice("automatic", "automatic_async"),
        "confirm": Boolean(),
        "customer": Text(),
        "description": Text(most=1000),
        "statement_descriptor_suffix": Text(most=22),
        **METADATA,
    },
)
def create(world: World, params: Obj) -> Obj:
    if params["amount"] < charging.smallest(params["currency"]):
        code = "amount_too_small" if params["amount"] > 0 else "parameter_invalid_integer"
        raise StripeError(TOO_SMALL, code=code, param="amount")
    customer = params.get("customer")
    if customer:
        buyers.find(world, customer, "customer", status=400)
    method = _method(world, params, customer)
    intent = charging.intend(
        world,
        amount=params["amount"],
        currency=params["currency"],
        customer=customer,
        description=params.get("description"),
        method=method,
        metadata=merged({}, params.get("metadata") or {}),
        receipt_email=params.get("receipt_email"),
        setup_future_usage=params.get("setup_future_usage"),
        capture_method=params.get("capture_method", "automatic_async"),
    )
    if params.get("confirm"):
        _confirm(world, intent, method, params)
    return intent


@route("GET", "/v1/payment_intents/{intent}", {"client_secret": Text()})
def retrieve(world: World, params: Obj, intent: str) -> Obj:
    return find(world, intent)


@route("POST", "/v1/payment_intents/{intent}/confirm", CONFIRM)
def confirm(world: World, params: Obj, intent: str) -> Obj:
    found = find(world, intent)
    if found["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        raise invalid(
            f"This PaymentIntent's status is {found['status']}, and it cannot be confirmed.",
            code="payment_intent_unexpected_state",
        )
    method = _method(world, params, found["customer"]) or world.peek(
        "payment_method", found["payment_method"]
    )
    _confirm(world, found, method, params)
    return found


@route("POST", "/v1/payment_intents/{intent}/cancel", {"cancellation_reason": Text()})
def cancel(world: World, params: Obj, intent: str) -> Obj:
    found = find(world, intent)
    if found["_invoice"]:
        raise invalid("This PaymentIntent belongs to an invoice: void the invoice instead.")
    if found["status"] in ("succeeded", "canceled", "processing"):
        raise invalid(
            f"You cannot cancel this PaymentIntent because it has a status of {found['status']}.",
            code="payment_intent_unexpected_state",
        )
    charging.cancel(world, found, params.get("cancellation_reason"))
    return found


@route("GET", "/v1/payment_intents", shape(customer=Text(), created=Span()))
def index(world: World, params: Obj) -> Obj:
    return page(world, params, "payment_intent", "/v1/payment_intents", customer=params.get("customer"))


@route("GET", "/v1/charges/{charge}")
def charge(world: World, params: Obj, charge: str) -> Obj:
    return world.get("charge", charge, "id", status=404)


@route("GET", "/v1/charges", shape(customer=Text(), payment_intent=Text(), created=Span()))
def charges(world: World, params: Obj) -> Obj:
    fields = {name: params.get(name) for name in ("customer", "payment_intent")}
    return page(world, params, "charge", "/v1/charges", fields=fields)


def find(world: World, id: str) -> Obj:
    """A payment intent, or Stripe's 404."""
    found = world.peek("payment_intent", id)
    if found is None:
        raise StripeError(
            f"No such payment_intent: '{id}'", status=404, code="resource_missing", param="intent"
        )
    return found


def _method(world: World, params: Obj, customer: str | None) -> Obj | None:
    if "payment_method" not in params:
        return None
    method = methods.find(world, params["payment_method"], status=400)
    if method["customer"] and method["customer"] != customer:
        raise invalid(
            "The provided PaymentMethod cannot be used because it belongs to another Customer.",
            "payment_method",
        )
    return method


def _confirm(world: World, intent: Obj, method: Obj | None, params: Obj) -> None:
    if method is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            "update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly "
            "with a "
            "payment method.",
            code="payment_intent_unexpected_state",
        )
    off_session = params.get("off_session", False)
    invoice = world.peek("invoice", intent["_invoice"])
    if invoice is not None:
        decline = collecting.pay(world, invoice, method, off_session=off_session)
        intent.update(world.known("payment_intent", intent["id"]))
    else:
        decline = charging.confirm(world, intent, method, off_session=off_session)
    if decline:
        refused = methods.declined(
            decline, charge=intent["latest_charge"], payment_intent=render(world, intent)
        )
        refused.keep = True
        raise refused


def _refunds(world: World, shown: Obj) -> Obj:
    held = [render(world, one) for one in world.store.find("refund", charge=shown["id"])]
    return listed(held, f"/v1/charges/{shown['id']}/refunds", total=len(held))


ON_REQUEST["charge", "refunds"] = _refunds
