"""Subscriptions, as asked for."""

from sandbox.stripe.billing import buyers, changing, discounting, ending, items, subscribing
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.fields import METADATA, Currency
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.rendering import HYDRATE, render
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Boolean, Choice, Hash, Integer, Kind, Many, Moment, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

DISCOUNTS = Many(Hash({"coupon": Text(), "promotion_code": Text(), "discount": Text()}), clear=True)
BEHAVIORS = ("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
PRORATIONS = ("always_invoice", "create_prorations", "none")
TRIAL_SETTINGS = Hash(
    {
        "end_behavior": Hash(
            {"missing_payment_method": Choice("cancel", "create_invoice", "pause", required=True)},
            required=True,
        )
    }
)
BILLING_MODE = Hash(
    {
        "type": Choice("flexible", required=True),
        "flexible": Hash({"proration_discounts": Choice("included")}),
    }
)
FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
DETAILS = Hash({"comment": Text(clear=True), "feedback": Choice(*FEEDBACK, clear=True)})
COMMON: dict[str, Kind] = {
    "cancel_at": Moment("max_period_end", "min_period_end", clear=True),
    "cancel_at_period_end": Boolean(),
    "collection_method": Choice("charge_automatically"),
    "default_payment_method": Text(clear=True),
    "description": Text(most=500, clear=True),
    "discounts": DISCOUNTS,
    "off_session": Boolean(),
    "payment_behavior": Choice(*BEHAVIORS),
    "payment_settings": Hash({"save_default_payment_method": Choice("off", "on_subscription")}),
    "proration_behavior": Choice(*PRORATIONS),
    "trial_end": Moment("now"),
    "trial_settings": TRIAL_SETTINGS,
    **METADATA,
}
PENDING_TAKES = (
    "items",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "billing_cycle_anchor",
    "trial_end",
    "off_session",
)
STATUSES = (
    "active",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
)
CHANGES = ("items", "billing_cycle_anchor", "trial_end")


@route(
    "POST",
    "/v1/subscriptions",
    {
        **COMMON,
        "customer": Text(required=True),
        "currency": Currency(),
        "items": Many(items.NEW_ITEM, required=True),
        "billing_cycle_anchor": Moment(),
        "billing_mode": BILLING_MODE,
        "trial_period_days": Integer(1, 730),
    },
)
def create(world: World, params: Obj) -> Obj:
    if params.get("payment_behavior") == "pending_if_incomplete":
        raise invalid(
            "`payment_behavior` cannot be `pending_if_incomplete` when creating a subscription.",
            "payment_behavior",
        )
    customer = buyers.find(world, params["customer"], "customer", status=400)
    return subscribing.subscribe(
        world,
        customer,
        params,
        behavior=params.get("payment_behavior", "allow_incomplete"),
        off_session=params.get("off_session", False),
    )


@route(
    "POST",
    "/v1/subscriptions/{subscription}",
    {
        **COMMON,
        "items": Many(items.CHANGED_ITEM),
        "billing_cycle_anchor": Choice("now", "unchanged"),
        "cancellation_details": DETAILS,
        "proration_date": Moment(),
    },
)
def update(world: World, params: Obj, subscription: str) -> Obj:
    found = world.get("subscription", subscription, "id", status=404)
    check_open(found, params)
    if any(name in params for name in CHANGES):
        changing.change_items(world, found, params)
        found = world.known("subscription", subscription)
    with world.changing(found, "customer.subscription.updated"):
        _set(world, found, params)
    return found


@route("GET", "/v1/subscriptions/{subscription}")
def retrieve(world: World, params: Obj, subscription: str) -> Obj:
    return world.get("subscription", subscription, "id", status=404)


@route(
    "DELETE",
    "/v1/subscriptions/{subscription}",
    {"invoice_now": Boolean(), "prorate": Boolean(), "cancellation_details": DETAILS},
)
def cancel(world: World, params: Obj, subscription: str) -> Obj:
    found = world.get("subscription", subscription, "id", status=404)
    if found["status"] in ("canceled", "incomplete_expired"):
        raise StripeError(
            f"No such subscription: '{subscription}'", status=404, code="resource_missing", param="id"
        )
    _describe(found, params)
    return ending.cancel_now(
        world, found, prorate=params.get("prorate", False), invoice_now=params.get("invoice_now", False)
    )


@route(
    "GET",
    "/v1/subscriptions",
    shape(
        customer=Text(),
        price=Text(),
        status=Choice("all", "ended", *STATUSES),
        collection_method=Choice("charge_automatically", "send_invoice"),
        created=Span(),
        test_clock=Text(),
    ),
)
def index(world: World, params: Obj) -> Obj:
    status = params.get("status")

    def keep(found: Obj) -> bool:
        if status is None:
            wanted = found["status"] not in ("canceled", "incomplete_expired")
        elif status == "ended":
            wanted = found["status"] in ("canceled", "incomplete_expired")
        else:
            wanted = status in ("all", found["status"])
        held = {item["price"]["id"] for item in found["items"]["data"]}
        return wanted and ("price" not in params or params["price"] in held)

    if "customer" in params:
        world.get("customer", params["customer"], "customer")
    return page(
        world,
        params,
        "subscription",
        "/v1/subscriptions",
        keep=keep,
        customer=params.get("customer"),
        collection_method=params.get("collection_method"),
        test_clock=params.get("test_clock"),
    )


def check_open(found: Obj, params: Obj) -> None:
    """StripeError when a subscription may not be changed in this way, as it stands."""
    if found["status"] in ("canceled", "incomplete_expired"):
        if set(params) - {"metadata", "cancellation_details"}:
            raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
        return
    if found["status"] == "incomplete" and any(name in params for name in CHANGES):
        raise invalid(
            "This subscription cannot be updated because its first payment is incomplete. Pay its invoice "
            "first."
        )
    priced = (*CHANGES, "cancel_at", "cancel_at_period_end", "discounts")
    if found["schedule"] and (touched := [name for name in priced if name in params]):
        raise invalid(
            f"The subscription is managed by the subscription schedule `{found['schedule']}`, and "
            "updating any "
            "pricing/cancelation behavior directly is not allowed. Please update the schedule instead.",
            touched[0],
        )
    if params.get("payment_behavior") == "pending_if_incomplete":
        if others := sorted(set(params) - set(PENDING_TAKES)):
            raise invalid(
                "When `payment_behavior` is set to `pending_if_incomplete`, you can only pass supported "
                "params: "
                f"{', '.join(PENDING_TAKES)}. These are not: {', '.join(others)}.",
                others[0],
            )
        if found["pending_update"]:
            raise invalid("This subscription has a pending update. Wait for it to be applied or to expire.")


def _set(world: World, found: Obj, params: Obj) -> None:
    subscribing.set_end(world, found, params)
    _describe(found, params)
    customer = world.known("customer", found["customer"])
    for name, value in params.items():
        if name == "metadata":
            found["metadata"] = merged(found["metadata"], value)
        elif name == "default_payment_method":
            found[name] = subscribing.own_method(world, customer, value)["id"] if value else None
        elif name in ("description", "trial_settings"):
            found[name] = value
        elif name == "payment_settings":
            found[name] = {**found[name], **value}
        elif name == "discounts":
            found[name] = discounting.redeem(
                world,
                value or [],
                "discounts",
                customer=found["customer"],
                currency=found["currency"],
                subscription=found["id"],
            )


def _describe(found: Obj, params: Obj) -> None:
    for name, value in params.get("cancellation_details", {}).items():
        found["cancellation_details"][name] = value


def _hydrate(world: World, shown: Obj) -> None:
    for item in shown["items"]["data"]:
        if price := world.peek("price", item["price"]["id"]):
            item["price"] = render(world, price)
    if (pending := shown["pending_update"]) and pending["subscription_items"]:
        for item in pending["subscription_items"]:
            item["price"] = render(world, world.known("price", item["price"]["id"]))


HYDRATE["subscription"] = _hydrate
