"""Subscription schedules, as asked for."""

from sandbox.stripe.billing import items, scheduling
from sandbox.stripe.errors import invalid
from sandbox.stripe.fields import METADATA
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.objects.prices import INTERVALS
from sandbox.stripe.objects.subscriptions import BILLING_MODE, DISCOUNTS, PRORATIONS
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Boolean, Choice, Hash, Integer, Many, Moment, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

PHASE = Hash(
    {
        "items": Many(items.NEW_ITEM, required=True),
        "start_date": Moment("now"),
        "end_date": Moment(),
        "duration": Hash({"interval": Choice(*INTERVALS, required=True), "interval_count": Integer(1)}),
        "discounts": DISCOUNTS,
        "proration_behavior": Choice(*PRORATIONS),
        **METADATA,
    }
)


@route(
    "POST",
    "/v1/subscription_schedules",
    {"from_subscription": Text(), "billing_mode": BILLING_MODE, **METADATA},
)
def create(world: World, params: Obj) -> Obj:
    if "from_subscription" not in params:
        raise invalid("The sandbox makes schedules from a subscription alone.", "from_subscription")
    subscription = world.get("subscription", params["from_subscription"], "from_subscription")
    schedule = scheduling.from_subscription(world, subscription)
    if params.get("metadata"):
        schedule["metadata"] = params["metadata"]
        world.save(schedule)
    return schedule


@route(
    "POST",
    "/v1/subscription_schedules/{schedule}",
    {
        "end_behavior": Choice("cancel", "release"),
        "phases": Many(PHASE, most=10),
        "proration_behavior": Choice(*PRORATIONS),
        **METADATA,
    },
)
def update(world: World, params: Obj, schedule: str) -> Obj:
    found = find(world, schedule)
    scheduling.update(world, found, params)
    return world.known("subscription_schedule", schedule)


@route("GET", "/v1/subscription_schedules/{schedule}")
def retrieve(world: World, params: Obj, schedule: str) -> Obj:
    return find(world, schedule)


@route("POST", "/v1/subscription_schedules/{schedule}/release", {"preserve_cancel_date": Boolean()})
def release(world: World, params: Obj, schedule: str) -> Obj:
    found = find(world, schedule)
    scheduling.release(world, found)
    return found


@route(
    "POST",
    "/v1/subscription_schedules/{schedule}/cancel",
    {"invoice_now": Boolean(), "prorate": Boolean()},
)
def cancel(world: World, params: Obj, schedule: str) -> Obj:
    found = find(world, schedule)
    scheduling.cancel(world, found, **params)
    return world.known("subscription_schedule", schedule)


@route("GET", "/v1/subscription_schedules", shape(customer=Text(), created=Span(), scheduled=Boolean()))
def index(world: World, params: Obj) -> Obj:
    url = "/v1/subscription_schedules"
    return page(world, params, "subscription_schedule", url, customer=params.get("customer"))


def find(world: World, id: str) -> Obj:
    """A schedule, or Stripe's 404."""
    return world.get("subscription_schedule", id, "schedule", status=404)
