"""Setup intents: cards saved for later."""

from sandbox.stripe import ids
from sandbox.stripe.billing import buyers, methods
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.fields import METADATA
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import NO_PAYMENT_METHOD_TYPES, Boolean, Choice, Hash, Kind, Text, Url
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

CONFIRM: dict[str, Kind] = {"payment_method": Text(), "return_url": Url()}


@route(
    "POST",
    "/v1/setup_intents",
    {
        **CONFIRM,
        "automatic_payment_methods": Hash(
            {"enabled": Boolean(required=True), "allow_redirects": Choice("always", "never")}
        ),
        "confirm": Boolean(),
        "customer": Text(),
        "description": Text(most=1000),
        "payment_method_types": NO_PAYMENT_METHOD_TYPES,
        "usage": Choice("off_session", "on_session"),
        **METADATA,
    },
)
def create(world: World, params: Obj) -> Obj:
    if "customer" in params:
        buyers.find(world, params["customer"], "customer", status=400)
    id = ids.new("setup_intent")
    intent: Obj = {
        "id": id,
        "object": "setup_intent",
        "allowed_payment_method_types": None,
        "application": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "cancellation_reason": None,
        "client_secret": f"{id}_secret_{ids.letters(25)}",
        "created": world.now,
        "customer": params.get("customer"),
        "description": params.get("description"),
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": merged({}, params.get("metadata") or {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": ["card", "us_bank_account"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.get("usage", "off_session"),
    }
    world.save(intent)
    world.tell("setup_intent.created", intent)
    if "payment_method" in params:
        intent["payment_method"] = methods.find(world, params["payment_method"], status=400)["id"]
        intent["status"] = "requires_confirmation"
        world.save(intent)
    if params.get("confirm"):
        _confirm(world, intent)
    return intent


@route("POST", "/v1/setup_intents/{intent}/confirm", CONFIRM)
def confirm(world: World, params: Obj, intent: str) -> Obj:
    found = find(world, intent)
    if "payment_method" in params:
        found["payment_method"] = methods.find(world, params["payment_method"], status=400)["id"]
    if found["status"] in ("succeeded", "canceled"):
        raise invalid(
            f"You cannot confirm this SetupIntent because it has a status of {found['status']}.",
            code="setup_intent_unexpected_state",
        )
    _confirm(world, found)
    return found


@route("POST", "/v1/setup_intents/{intent}/cancel")
def cancel(world: World, params: Obj, intent: str) -> Obj:
    found = find(world, intent)
    if found["status"] in ("succeeded", "canceled"):
        raise invalid(
            f"You cannot cancel this SetupIntent because it has a status of {found['status']}.",
            code="setup_intent_unexpected_state",
        )
    found["status"] = "canceled"
    world.save(found)
    world.tell("setup_intent.canceled", found)
    return found


@route("GET", "/v1/setup_intents/{intent}")
def retrieve(world: World, params: Obj, intent: str) -> Obj:
    return find(world, intent)


@route("GET", "/v1/setup_intents", shape(customer=Text(), payment_method=Text(), created=Span()))
def index(world: World, params: Obj) -> Obj:
    fields = {name: params.get(name) for name in ("customer", "payment_method")}
    return page(world, params, "setup_intent", "/v1/setup_intents", fields=fields)


def find(world: World, id: str) -> Obj:
    """A setup intent, or Stripe's 404."""
    return world.get("setup_intent", id, "intent", status=404)


def _confirm(world: World, intent: Obj) -> None:
    method = world.peek("payment_method", intent["payment_method"])
    if method is None:
        raise invalid(
            "You cannot confirm this SetupIntent because it's missing a payment method.",
            code="setup_intent_unexpected_state",
        )
    if method["_asks"] != "never" and not method.get("_authenticated"):
        intent["status"] = "requires_action"
        intent["next_action"] = {
            "redirect_to_url": {"return_url": None, "url": f"{world.base}/authenticate/{intent['id']}"},
            "type": "redirect_to_url",
        }
        world.save(intent)
        world.tell("setup_intent.requires_action", intent)
        return
    succeed(world, intent, method)


def succeed(world: World, intent: Obj, method: Obj) -> None:
    """The card is saved; StripeError 402 when its bank refuses."""
    if intent["customer"]:
        try:
            methods.attach(world, method, intent["customer"])
        except StripeError as refused:
            intent.update(status="requires_payment_method", payment_method=None, next_action=None)
            world.save(intent)
            world.tell("setup_intent.setup_failed", intent)
            refused.keep = True
            raise
    intent.update(status="succeeded", next_action=None)
    world.save(intent)
    world.tell("setup_intent.succeeded", intent)
