"""Subscription items, one at a time."""

from sandbox.stripe.billing import changing, items
from sandbox.stripe.errors import invalid
from sandbox.stripe.listing import shape
from sandbox.stripe.objects.subscriptions import BEHAVIORS, PRORATIONS, check_open
from sandbox.stripe.rendering import listed
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Boolean, Choice, Kind, Moment, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

HOW: dict[str, Kind] = {
    "payment_behavior": Choice(*BEHAVIORS),
    "proration_behavior": Choice(*PRORATIONS),
    "proration_date": Moment(),
}


@route("POST", "/v1/subscription_items", {**items.NEW, **HOW, "subscription": Text(required=True)})
def create(world: World, params: Obj) -> Obj:
    subscription = world.get("subscription", params.pop("subscription"), "subscription")
    known = {item["id"] for item in subscription["items"]["data"]}
    after = _change(world, subscription, params, {})
    return next(item for item in after["items"]["data"] if item["id"] not in known)


@route("POST", "/v1/subscription_items/{item}", {**items.NEW, **HOW, "off_session": Boolean()})
def update(world: World, params: Obj, item: str) -> Obj:
    subscription, _ = items.find(world, item)
    _change(world, subscription, params, {"id": item})
    return items.find(world, item)[1]


@route("GET", "/v1/subscription_items/{item}")
def retrieve(world: World, params: Obj, item: str) -> Obj:
    return items.find(world, item)[1]


@route("DELETE", "/v1/subscription_items/{item}", HOW)
def delete(world: World, params: Obj, item: str) -> Obj:
    subscription, _ = items.find(world, item)
    _change(world, subscription, params, {"id": item, "deleted": True})
    return {"id": item, "object": "subscription_item", "deleted": True}


@route("GET", "/v1/subscription_items", shape(subscription=Text(required=True)))
def index(world: World, params: Obj) -> Obj:
    subscription = world.get("subscription", params["subscription"], "subscription")
    data = subscription["items"]["data"]
    if "starting_after" in params or "ending_before" in params:
        raise invalid("The sandbox shows the items of a subscription on one page.", "starting_after")
    limit = params.get("limit", 10)
    return listed(data[:limit], "/v1/subscription_items", has_more=len(data) > limit)


def _change(world: World, subscription: Obj, params: Obj, item: Obj) -> Obj:
    params.pop("off_session", None)
    how = {name: params.pop(name) for name in HOW if name in params}
    wanted = {**how, "items": [{**item, **params}]}
    check_open(subscription, wanted)
    changing.change_items(world, subscription, wanted)
    return world.known("subscription", subscription["id"])
