"""Products: what is sold."""

from sandbox.stripe import ids
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.fields import METADATA
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.objects import prices
from sandbox.stripe.objects.goods import make
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Boolean, Choice, Hash, Kind, Many, Text, Url
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

PRODUCT: dict[str, Kind] = {
    "active": Boolean(),
    "description": Text(most=40000, clear=True),
    "images": Many(Url(), most=8, clear=True),
    "marketing_features": Many(Hash({"name": Text(most=80, required=True)}), most=15, clear=True),
    "statement_descriptor": Text(most=22),
    "tax_code": Text(clear=True),
    "unit_label": Text(most=12, clear=True),
    "url": Url(clear=True),
    **METADATA,
}
_EVERY = {name: kind for name, kind in prices.RECURRING.shape.items() if name != "usage_type"}
DEFAULT_PRICE = Hash(
    {
        **{name: kind for name, kind in prices.NEW.items() if name not in prices.OF_A_PRODUCT},
        "recurring": Hash(_EVERY),
    }
)


@route(
    "POST",
    "/v1/products",
    {
        **PRODUCT,
        "id": Text(),
        "name": Text(required=True),
        "shippable": Boolean(),
        "type": Choice("service", "good"),
        "default_price_data": DEFAULT_PRICE,
    },
)
def create(world: World, params: Obj) -> Obj:
    id = params.get("id") or ids.new("product", 14)
    if world.store.get(id):
        raise StripeError("Product already exists.", code="resource_already_exists", param="id")
    product = make(world, id, params)
    if "default_price_data" in params:
        price = prices.make(world, product, params["default_price_data"], "default_price_data")
        product["default_price"] = price["id"]
        world.save(product)
    world.tell("product.created", product)
    return product


@route("POST", "/v1/products/{product}", {**PRODUCT, "name": Text(), "default_price": Text(clear=True)})
def update(world: World, params: Obj, product: str) -> Obj:
    found = world.get("product", product, "id", status=404)
    if default := params.get("default_price"):
        price = world.get("price", default, "default_price")
        if price["product"] != product:
            raise invalid("The price specified does not belong to this product.", "default_price")
    with world.changing(found, "product.updated"):
        for name, value in params.items():
            if name == "metadata":
                found["metadata"] = merged(found["metadata"], value)
            else:
                found[name] = [] if value is None and name in ("images", "marketing_features") else value
        found["updated"] = world.now
    return found


@route("GET", "/v1/products/{product}")
def retrieve(world: World, params: Obj, product: str) -> Obj:
    return world.get("product", product, "id", status=404)


@route("DELETE", "/v1/products/{product}")
def delete(world: World, params: Obj, product: str) -> Obj:
    found = world.get("product", product, "id", status=404)
    if any(world.store.find("price", product=product)):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    world.tell("product.deleted", found)
    world.store.drop(product)
    return {"id": product, "object": "product", "deleted": True}


@route(
    "GET",
    "/v1/products",
    shape(active=Boolean(), created=Span(), ids=Many(Text())),
)
def index(world: World, params: Obj) -> Obj:
    def keep(product: Obj) -> bool:
        return ("active" not in params or product["active"] == params["active"]) and (
            "ids" not in params or product["id"] in params["ids"]
        )

    return page(world, params, "product", "/v1/products", keep=keep)
