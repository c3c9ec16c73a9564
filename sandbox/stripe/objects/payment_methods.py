"""Payment methods, as asked for."""

from sandbox.stripe.billing import methods
from sandbox.stripe.billing.cards import CARDS, Card
from sandbox.stripe.errors import StripeError, absent, invalid
from sandbox.stripe.fields import ADDRESS, EMPTY_ADDRESS, METADATA
from sandbox.stripe.listing import page, shape
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Choice, Email, Hash, Integer, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

BILLING = Hash(
    {"address": ADDRESS, "email": Email(clear=True), "name": Text(clear=True), "phone": Text(clear=True)}
)
REDISPLAY = Choice("always", "limited", "unspecified")


@route(
    "POST",
    "/v1/payment_methods",
    {
        "type": Choice("card", required=True),
        "card": Hash(
            {
                "token": Text(),
                "number": Text(),
                "exp_month": Integer(1, 12),
                "exp_year": Integer(2000, 2100),
                "cvc": Text(most=4),
            }
        ),
        "allow_redisplay": REDISPLAY,
        "billing_details": BILLING,
        **METADATA,
    },
)
def create(world: World, params: Obj) -> Obj:
    given = params.get("card")
    if given is None:
        raise absent("card")
    if "number" in given:
        raise StripeError(
            "Sending credit card numbers directly to the Stripe API is generally unsafe. To continue "
            "processing use "
            "Stripe.js, the Stripe mobile bindings, or Stripe Elements.",
            status=402,
            kind="card_error",
        )
    method = methods.make(world, _card(given), billing=_billing(params))
    method["metadata"] = merged({}, params.get("metadata") or {})
    method["allow_redisplay"] = params.get("allow_redisplay", "unspecified")
    return world.save(method)


@route("GET", "/v1/payment_methods/{method}")
def retrieve(world: World, params: Obj, method: str) -> Obj:
    return methods.find(world, method)


@route("GET", "/v1/customers/{customer}/payment_methods/{method}")
def retrieve_of(world: World, params: Obj, customer: str, method: str) -> Obj:
    found = methods.find(world, method)
    if found["customer"] != customer:
        raise StripeError(
            methods.NOT_THERE.format(id=method), status=404, code="resource_missing", param="payment_method"
        )
    return found


@route(
    "POST",
    "/v1/payment_methods/{method}",
    {
        "allow_redisplay": REDISPLAY,
        "billing_details": BILLING,
        "card": Hash({"exp_month": Integer(1, 12), "exp_year": Integer(2000, 2100)}),
        **METADATA,
    },
)
def update(world: World, params: Obj, method: str) -> Obj:
    found = methods.find(world, method)
    if found["customer"] is None:
        raise invalid(
            "You must save this PaymentMethod to a customer before you can update it.", "payment_method"
        )
    with world.changing(found, "payment_method.updated"):
        if "billing_details" in params:
            found["billing_details"] = {**found["billing_details"], **_billing(params)}
        if "card" in params:
            found["card"] = {**found["card"], **params["card"]}
        if "metadata" in params:
            found["metadata"] = merged(found["metadata"], params["metadata"])
        if "allow_redisplay" in params:
            found["allow_redisplay"] = params["allow_redisplay"]
    return found


@route("POST", "/v1/payment_methods/{method}/attach", {"customer": Text(required=True)})
def attach(world: World, params: Obj, method: str) -> Obj:
    return methods.attach(world, methods.find(world, method), params["customer"])


@route("POST", "/v1/payment_methods/{method}/detach")
def detach(world: World, params: Obj, method: str) -> Obj:
    return methods.loosen(world, methods.find(world, method))


@route("GET", "/v1/payment_methods", shape(customer=Text(), type=Text()))
def index(world: World, params: Obj) -> Obj:
    return page(
        world,
        params,
        "payment_method",
        "/v1/payment_methods",
        keep=lambda method: "customer" in params or method["customer"] is None,
        customer=params.get("customer"),
        type=params.get("type"),
    )


def _card(given: Obj) -> Card:
    token = given.get("token")
    if not token:
        raise absent("card[token]")
    card = CARDS.get(token.replace("tok_", "pm_card_", 1))
    if card is None or not token.startswith("tok_"):
        raise invalid(f"No such token: '{token}'", "card[token]", "resource_missing")
    return card


def _billing(params: Obj) -> Obj:
    given = dict(params.get("billing_details", {}))
    if "address" in given:
        given["address"] = {**EMPTY_ADDRESS, **(given["address"] or {})}
    return given
