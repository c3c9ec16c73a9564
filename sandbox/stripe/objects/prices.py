"""Prices, and the lookup keys that find them."""

from decimal import Decimal

from sandbox.stripe import ids
from sandbox.stripe.errors import StripeError, absent, exclusive, invalid
from sandbox.stripe.expanding import ON_REQUEST
from sandbox.stripe.fields import METADATA, Currency
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.objects import goods
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Boolean, Choice, Hash, Integer, Kind, Many, Number, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

INTERVALS = ("day", "week", "month", "year")
LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}
RECURRING = Hash(
    {
        "interval": Choice(*INTERVALS, required=True),
        "interval_count": Integer(1),
        "usage_type": Choice("licensed", "metered"),
    }
)
NEW: dict[str, Kind] = {
    "active": Boolean(),
    "billing_scheme": Choice("per_unit"),
    "currency": Currency(required=True),
    "lookup_key": Text(most=200),
    "nickname": Text(clear=True),
    "product": Text(),
    "product_data": Hash(
        {
            "id": Text(),
            "name": Text(required=True),
            "active": Boolean(),
            "unit_label": Text(),
            "statement_descriptor": Text(most=22),
            "tax_code": Text(),
            **METADATA,
        }
    ),
    "recurring": RECURRING,
    "tax_behavior": Choice("exclusive", "inclusive", "unspecified"),
    "transfer_lookup_key": Boolean(),
    "unit_amount": Integer(0, 99_999_999_999),
    "unit_amount_decimal": Number(),
    **METADATA,
}
OF_A_PRODUCT = (
    "product",
    "product_data",
    "lookup_key",
    "transfer_lookup_key",
    "nickname",
    "active",
    "billing_scheme",
)


@route("POST", "/v1/prices", NEW)
def create(world: World, params: Obj) -> Obj:
    if "product" in params and "product_data" in params:
        raise exclusive("product", "product_data")
    if "product" in params:
        product = world.get("product", params["product"], "product")
    elif "product_data" in params:
        data = params["product_data"]
        product = goods.make(world, data.get("id") or ids.new("product", 14), data)
        world.tell("product.created", product)
    else:
        raise absent("product")
    return make(world, product, params)


def make(world: World, product: Obj, params: Obj, inside: str = "") -> Obj:
    """A new price of a product, written and told."""
    amount = _amount(params, inside)
    recurring = params.get("recurring")
    if recurring:
        count = recurring.get("interval_count", 1)
        if count > LONGEST[recurring["interval"]]:
            raise invalid(
                "The maximum number of days allowed for a billing period is 3 years.",
                "recurring[interval_count]",
            )
        if recurring.get("usage_type") == "metered":
            raise invalid(
                "You must specify `recurring[meter]` when `recurring[usage_type]` is metered. The sandbox "
                "does not "
                "know meters.",
                "recurring[usage_type]",
            )
    key = params.get("lookup_key")
    if key and (holder := next(world.store.find("price", lookup_key=key), None)):
        if not params.get("transfer_lookup_key"):
            raise StripeError(
                f"A price (`{holder['id']}`) already uses that lookup key.",
                code="resource_already_exists",
                param="lookup_key",
            )
        with world.changing(holder, "price.updated"):
            holder["lookup_key"] = None
    whole = amount == amount.to_integral_value()
    price: Obj = {
        "id": ids.new("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": "per_unit",
        "created": world.now,
        "currency": params["currency"],
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": key,
        "metadata": merged({}, params.get("metadata", {})),
        "nickname": params.get("nickname"),
        "product": product["id"],
        "recurring": None
        if recurring is None
        else {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": int(amount) if whole else None,
        "unit_amount_decimal": format(amount.normalize(), "f"),
    }
    world.save(price)
    world.tell("price.created", price)
    return price


@route(
    "POST",
    "/v1/prices/{price}",
    {
        "active": Boolean(),
        "lookup_key": Text(most=200, clear=True),
        "nickname": Text(clear=True),
        "tax_behavior": Choice("exclusive", "inclusive", "unspecified"),
        "transfer_lookup_key": Boolean(),
        **METADATA,
    },
)
def update(world: World, params: Obj, price: str) -> Obj:
    found = world.get("price", price, "price", status=404)
    if key := params.get("lookup_key"):
        holder = next(world.store.find("price", lookup_key=key), None)
        if holder is not None and holder["id"] != price:
            if not params.get("transfer_lookup_key"):
                raise StripeError(
                    f"A price (`{holder['id']}`) already uses that lookup key.",
                    code="resource_already_exists",
                    param="lookup_key",
                )
            with world.changing(holder, "price.updated"):
                holder["lookup_key"] = None
    if (
        found["tax_behavior"] != "unspecified"
        and params.get("tax_behavior", found["tax_behavior"]) != found["tax_behavior"]
    ):
        raise invalid("You cannot change the tax behavior once it has been set.", "tax_behavior")
    with world.changing(found, "price.updated"):
        for name, value in params.items():
            if name == "metadata":
                found["metadata"] = merged(found["metadata"], value)
            elif name != "transfer_lookup_key":
                found[name] = value
    return found


@route("GET", "/v1/prices/{price}")
def retrieve(world: World, params: Obj, price: str) -> Obj:
    return world.get("price", price, "price", status=404)


@route(
    "GET",
    "/v1/prices",
    shape(
        active=Boolean(),
        created=Span(),
        currency=Currency(),
        lookup_keys=Many(Text(), most=10),
        product=Text(),
        recurring=Hash({"interval": Choice(*INTERVALS), "usage_type": Choice("licensed", "metered")}),
        type=Choice("one_time", "recurring"),
    ),
)
def index(world: World, params: Obj) -> Obj:
    def keep(price: Obj) -> bool:
        recurring = price["recurring"] or {}
        return (
            ("active" not in params or price["active"] == params["active"])
            and ("lookup_keys" not in params or price["lookup_key"] in params["lookup_keys"])
            and all(recurring.get(name) == value for name, value in params.get("recurring", {}).items())
        )

    return page(
        world,
        params,
        "price",
        "/v1/prices",
        keep=keep,
        product=params.get("product"),
        currency=params.get("currency"),
        type=params.get("type"),
    )


def _amount(params: Obj, inside: str) -> Decimal:
    if "unit_amount" in params and "unit_amount_decimal" in params:
        raise exclusive("unit_amount", "unit_amount_decimal")
    if "unit_amount" in params:
        return Decimal(params["unit_amount"])
    if "unit_amount_decimal" in params:
        amount = Decimal(params["unit_amount_decimal"])
        if amount < 0 or amount.as_tuple().exponent < -12:  # type: ignore[operator]  # finite by its shape
            raise invalid("Invalid decimal: at most 12 places, not negative.", "unit_amount_decimal")
        return amount
    raise absent(f"{inside}[unit_amount]" if inside else "unit_amount")


ON_REQUEST["price", "currency_options"] = lambda world, shown: {
    shown["currency"]: {
        "custom_unit_amount": None,
        "tax_behavior": shown["tax_behavior"],
        "unit_amount": shown["unit_amount"],
        "unit_amount_decimal": shown["unit_amount_decimal"],
    }
}
