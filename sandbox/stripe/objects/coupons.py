"""Coupons, and the promotion codes that customers type."""

from decimal import Decimal

from sandbox.stripe import ids
from sandbox.stripe.billing import discounting
from sandbox.stripe.errors import StripeError, absent, exclusive, invalid
from sandbox.stripe.expanding import ON_REQUEST
from sandbox.stripe.fields import METADATA, Currency
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.rendering import HYDRATE
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Boolean, Choice, Hash, Integer, Many, Moment, Number, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged


@route(
    "POST",
    "/v1/coupons",
    {
        "id": Text(most=500),
        "amount_off": Integer(1),
        "applies_to": Hash({"products": Many(Text())}),
        "currency": Currency(),
        "duration": Choice("forever", "once", "repeating"),
        "duration_in_months": Integer(1),
        "max_redemptions": Integer(1),
        "name": Text(most=40),
        "percent_off": Number(),
        "redeem_by": Moment(),
        **METADATA,
    },
)
def create(world: World, params: Obj) -> Obj:
    _check(world, params)
    id = params.get("id") or ids.letters(8)
    if world.store.get(id):
        raise StripeError("Coupon already exists.", code="resource_already_exists", param="id")
    percent = params.get("percent_off")
    coupon: Obj = {
        "id": id,
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": world.now,
        "currency": params.get("currency") if "amount_off" in params else None,
        "duration": params.get("duration", "once"),
        "duration_in_months": params.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merged({}, params.get("metadata") or {}),
        "name": params.get("name"),
        "percent_off": None if percent is None else float(percent),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
        "_applies_to": params.get("applies_to"),
    }
    world.save(coupon)
    world.tell("coupon.created", coupon)
    return coupon


@route("GET", "/v1/coupons/{coupon}")
def retrieve(world: World, params: Obj, coupon: str) -> Obj:
    return world.get("coupon", coupon, "coupon", status=404)


@route("POST", "/v1/coupons/{coupon}", {"name": Text(most=40, clear=True), **METADATA})
def update(world: World, params: Obj, coupon: str) -> Obj:
    found = world.get("coupon", coupon, "coupon", status=404)
    with world.changing(found, "coupon.updated"):
        if "name" in params:
            found["name"] = params["name"]
        if "metadata" in params:
            found["metadata"] = merged(found["metadata"], params["metadata"])
    return found


@route("DELETE", "/v1/coupons/{coupon}")
def delete(world: World, params: Obj, coupon: str) -> Obj:
    found = world.get("coupon", coupon, "coupon", status=404)
    world.tell("coupon.deleted", found)
    if any(one["source"]["coupon"] == coupon for one in world.store.find("discount")):
        found["max_redemptions"] = found["times_redeemed"] or 1
        found["_hidden"] = True  # those who hold it keep it
        found["redeem_by"] = world.now
        world.save(found)
    else:
        world.store.drop(coupon)
    return {"id": coupon, "object": "coupon", "deleted": True}


@route("GET", "/v1/coupons", shape(created=Span()))
def index(world: World, params: Obj) -> Obj:
    return page(world, params, "coupon", "/v1/coupons", keep=lambda coupon: not coupon.get("_hidden"))


@route(
    "POST",
    "/v1/promotion_codes",
    {
        "promotion": Hash({"type": Choice("coupon", required=True), "coupon": Text()}, required=True),
        "active": Boolean(),
        "code": Text(most=500),
        "customer": Text(),
        "expires_at": Moment(),
        "max_redemptions": Integer(1),
        "restrictions": Hash(
            {
                "first_time_transaction": Boolean(),
                "minimum_amount": Integer(1),
                "minimum_amount_currency": Currency(),
            }
        ),
        **METADATA,
    },
)
def create_code(world: World, params: Obj) -> Obj:
    if "coupon" not in params["promotion"]:
        raise absent("promotion[coupon]")
    coupon = world.get("coupon", params["promotion"]["coupon"], "promotion[coupon]")
    if "customer" in params:
        world.get("customer", params["customer"], "customer")
    code = params.get("code") or ids.letters(8).upper()
    if any(code_named(world, code)):
        raise invalid(
            "An active promotion code with `code: " + code + "` already exists.",
            "code",
            "resource_already_exists",
        )
    restrictions = params.get("restrictions", {})
    found: Obj = {
        "id": ids.new("promotion_code"),
        "object": "promotion_code",
        "active": True,
        "code": code,
        "created": world.now,
        "customer": params.get("customer"),
        "expires_at": params.get("expires_at"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merged({}, params.get("metadata") or {}),
        "promotion": {"coupon": coupon["id"], "type": "coupon"},
        "restrictions": {
            "first_time_transaction": restrictions.get("first_time_transaction", False),
            "minimum_amount": restrictions.get("minimum_amount"),
            "minimum_amount_currency": restrictions.get("minimum_amount_currency"),
        },
        "times_redeemed": 0,
        "_active": params.get("active", True),
    }
    world.save(found)
    world.tell("promotion_code.created", found)
    return found


@route("GET", "/v1/promotion_codes/{code}")
def retrieve_code(world: World, params: Obj, code: str) -> Obj:
    return world.get("promotion_code", code, "promotion_code", status=404)


@route("POST", "/v1/promotion_codes/{code}", {"active": Boolean(), **METADATA})
def update_code(world: World, params: Obj, code: str) -> Obj:
    found = world.get("promotion_code", code, "promotion_code", status=404)
    with world.changing(found, "promotion_code.updated"):
        if "active" in params:
            found["_active"] = params["active"]
        if "metadata" in params:
            found["metadata"] = merged(found["metadata"], params["metadata"])
    return found


@route(
    "GET",
    "/v1/promotion_codes",
    shape(active=Boolean(), code=Text(), coupon=Text(), customer=Text(), created=Span()),
)
def index_codes(world: World, params: Obj) -> Obj:
    def keep(found: Obj) -> bool:
        active = not discounting.code_spent(found, world.now)
        return (
            params.get("active") in (None, active)
            and params.get("coupon") in (None, found["promotion"]["coupon"])
            and ("code" not in params or found["code"].lower() == params["code"].lower())
        )

    url = "/v1/promotion_codes"
    return page(world, params, "promotion_code", url, keep=keep, customer=params.get("customer"))


def code_named(world: World, code: str) -> list[Obj]:
    """The promotion codes that a customer may mean by these letters."""
    return [
        found
        for found in world.store.find("promotion_code")
        if found["code"].lower() == code.lower() and not discounting.code_spent(found, world.now)
    ]


def _check(world: World, params: Obj) -> None:
    if ("amount_off" in params) == ("percent_off" in params):
        raise exclusive("percent_off", "amount_off") if "amount_off" in params else absent("percent_off")
    if "amount_off" in params and "currency" not in params:
        raise absent("currency")
    if "percent_off" in params and not Decimal(0) < params["percent_off"] <= Decimal(100):
        raise invalid("Invalid decimal: must be greater than 0 and at most 100", "percent_off")
    if (params.get("duration") == "repeating") != ("duration_in_months" in params):
        if "duration_in_months" in params:
            raise invalid(
                "You cannot use `duration_in_months` unless `duration` is repeating.", "duration_in_months"
            )
        raise absent("duration_in_months")
    if params.get("redeem_by", world.now + 1) <= world.now:
        raise invalid("`redeem_by` must be in the future.", "redeem_by")


def _coupon(world: World, shown: Obj) -> None:
    if not shown.get("deleted"):
        shown["valid"] = not discounting.spent(shown, world.now)


def _code(world: World, shown: Obj) -> None:
    kept = world.peek("promotion_code", shown["id"])
    if kept is not None:
        shown["active"] = not discounting.code_spent(kept, world.now)


HYDRATE["coupon"] = _coupon
HYDRATE["promotion_code"] = _code
ON_REQUEST["coupon", "applies_to"] = lambda world, shown: (
    world.known("coupon", shown["id"])["_applies_to"] or {"products": []}
)
