"""Products, as they come into being."""

from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged


def make(world: World, id: str, params: Obj) -> Obj:
    """A new product, written and not yet told."""
    product: Obj = {
        "id": id,
        "object": "product",
        "active": params.get("active", True),
        "created": world.now,
        "default_price": None,
        "description": params.get("description"),
        "images": params.get("images") or [],
        "livemode": False,
        "marketing_features": params.get("marketing_features") or [],
        "metadata": merged({}, params.get("metadata", {})),
        "name": params["name"],
        "package_dimensions": None,
        "shippable": params.get("shippable"),
        "statement_descriptor": params.get("statement_descriptor"),
        "tax_code": params.get("tax_code"),
        "unit_label": params.get("unit_label"),
        "updated": world.now,
        "url": params.get("url"),
    }
    return world.save(product)
