"""Events, and the webhook endpoints that are sent them."""

from sandbox.stripe import API_VERSION, addressing, ids
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.fields import METADATA
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.rendering import HYDRATE
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Boolean, Choice, Many, Text, Url
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

KEPT_SECONDS = 30 * 24 * 3600


@route("GET", "/v1/events/{event}")
def retrieve(world: World, params: Obj, event: str) -> Obj:
    return world.get("event", event, "id", status=404)


@route(
    "GET",
    "/v1/events",
    shape(created=Span(), delivery_success=Boolean(), type=Text(), types=Many(Text(), most=20)),
)
def index(world: World, params: Obj) -> Obj:
    if "type" in params and "types" in params:
        raise StripeError("You may only specify one of these parameters: type, types.", param="type")
    wanted = params.get("types") or ([params["type"]] if "type" in params else None)
    if params.get("delivery_success") is False:
        lacking = {
            row[0] for row in world.store.rows("select event from delivery where delivered_at is null")
        }

    def keep(event: Obj) -> bool:
        if event["created"] < world.now - KEPT_SECONDS:
            return False
        if wanted is not None and not any(_matches(event["type"], one) for one in wanted):
            return False
        if "delivery_success" not in params:
            return True
        if params["delivery_success"]:
            return addressing.pending(world.store, event["id"]) == 0
        return event["id"] in lacking

    return page(world, params, "event", "/v1/events", keep=keep)


@route(
    "POST",
    "/v1/webhook_endpoints",
    {
        "url": Url(required=True),
        "enabled_events": Many(Text(), required=True),
        "api_version": Choice(API_VERSION),
        "connect": Boolean(),
        "description": Text(clear=True),
        **METADATA,
    },
)
def create(world: World, params: Obj) -> Obj:
    if params.get("connect"):
        raise invalid("The sandbox has no connected accounts.", "connect")
    secret = f"whsec_{ids.letters(32)}"
    endpoint = make(world, params["url"], params["enabled_events"], secret)
    endpoint["description"] = params.get("description")
    endpoint["metadata"] = merged({}, params.get("metadata") or {})
    endpoint["api_version"] = params.get("api_version")
    world.save(endpoint)
    return {**endpoint, "secret": secret}


def make(world: World, url: str, events: list[str], secret: str) -> Obj:
    """An endpoint that is sent these events, signed with this secret."""
    return world.save(
        {
            "id": ids.new("webhook_endpoint"),
            "object": "webhook_endpoint",
            "api_version": API_VERSION,
            "application": None,
            "created": world.now,
            "description": None,
            "enabled_events": events,
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            "url": url,
            "_secret": secret,
        }
    )


@route("GET", "/v1/webhook_endpoints/{endpoint}")
def retrieve_endpoint(world: World, params: Obj, endpoint: str) -> Obj:
    return world.get("webhook_endpoint", endpoint, "webhook_endpoint", status=404)


@route(
    "POST",
    "/v1/webhook_endpoints/{endpoint}",
    {
        "url": Url(),
        "enabled_events": Many(Text()),
        "disabled": Boolean(),
        "description": Text(clear=True),
        **METADATA,
    },
)
def update_endpoint(world: World, params: Obj, endpoint: str) -> Obj:
    found = world.get("webhook_endpoint", endpoint, "webhook_endpoint", status=404)
    for name, value in params.items():
        if name == "disabled":
            found["status"] = "disabled" if value else "enabled"
        elif name == "metadata":
            found["metadata"] = merged(found["metadata"], value)
        else:
            found[name] = value
    return world.save(found)


@route("DELETE", "/v1/webhook_endpoints/{endpoint}")
def delete_endpoint(world: World, params: Obj, endpoint: str) -> Obj:
    world.get("webhook_endpoint", endpoint, "webhook_endpoint", status=404)
    world.store.drop(endpoint)
    return {"id": endpoint, "object": "webhook_endpoint", "deleted": True}


@route("GET", "/v1/webhook_endpoints", shape())
def index_endpoints(world: World, params: Obj) -> Obj:
    return page(world, params, "webhook_endpoint", "/v1/webhook_endpoints")


def _matches(type: str, wanted: str) -> bool:
    return type == wanted or (wanted.endswith("*") and type.startswith(wanted[:-1]))


def _hydrate(world: World, shown: Obj) -> None:
    shown["pending_webhooks"] = addressing.pending(world.store, shown["id"])


HYDRATE["event"] = _hydrate
