"""Test clocks: as many as you like, and all of them the one clock."""

from sandbox.stripe import ids
from sandbox.stripe.errors import invalid
from sandbox.stripe.listing import page, shape
from sandbox.stripe.rendering import HYDRATE
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Moment, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

DAY = 24 * 3600
SLACK_SECONDS = 300
LONGEST_SECONDS = 2 * 366 * DAY


@route(
    "POST",
    "/v1/test_helpers/test_clocks",
    {"frozen_time": Moment(required=True), "name": Text(most=300)},
)
def create(world: World, params: Obj) -> Obj:
    if abs(params["frozen_time"] - world.now) > SLACK_SECONDS:
        raise invalid(
            "The sandbox has one clock, which all test clocks show: `frozen_time` must be the present, "
            f"{world.now}.",
            "frozen_time",
        )
    clock: Obj = {
        "id": ids.new("test_helpers.test_clock"),
        "object": "test_helpers.test_clock",
        "created": world.now,
        "deletes_after": world.now + 30 * DAY,
        "frozen_time": world.now,
        "livemode": False,
        "name": params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    world.save(clock)
    world.tell("test_helpers.test_clock.created", clock)
    return clock


@route("POST", "/v1/test_helpers/test_clocks/{clock}/advance", {"frozen_time": Moment(required=True)})
def advance(world: World, params: Obj, clock: str) -> Obj:
    found = find(world, clock)
    to = params["frozen_time"]
    if to <= world.now:
        raise invalid("You cannot set the frozen time to be in the past.", "frozen_time")
    if to > world.now + LONGEST_SECONDS:
        raise invalid("The sandbox's clock moves at most two years at once.", "frozen_time")
    if world.clock is None or not world.clock.move_to(to):
        raise invalid("This sandbox was started without a clock file: time cannot be moved.", "frozen_time")
    world.tell("test_helpers.test_clock.advancing", found)
    return found


@route("GET", "/v1/test_helpers/test_clocks/{clock}")
def retrieve(world: World, params: Obj, clock: str) -> Obj:
    return find(world, clock)


@route("DELETE", "/v1/test_helpers/test_clocks/{clock}")
def delete(world: World, params: Obj, clock: str) -> Obj:
    if any(world.store.find("customer", test_clock=find(world, clock)["id"])):
        raise invalid("The sandbox deletes no clock that customers hang on.")
    world.store.drop(clock)
    return {"id": clock, "object": "test_helpers.test_clock", "deleted": True}


@route("GET", "/v1/test_helpers/test_clocks", shape())
def index(world: World, params: Obj) -> Obj:
    return page(world, params, "test_helpers.test_clock", "/v1/test_helpers/test_clocks")


def find(world: World, id: str) -> Obj:
    """A clock, or Stripe's 404."""
    return world.get("test_helpers.test_clock", id, "test_clock", status=404)


def _hydrate(world: World, shown: Obj) -> None:
    if not shown.get("deleted"):
        shown["frozen_time"] = world.now


HYDRATE["test_helpers.test_clock"] = _hydrate
