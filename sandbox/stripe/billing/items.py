"""Items: what a subscription consists of, and each one's present period."""

from typing import Any

from sandbox.stripe import ids
from sandbox.stripe.billing import periods
from sandbox.stripe.errors import StripeError, absent, exclusive, invalid
from sandbox.stripe.fields import METADATA
from sandbox.stripe.rendering import render
from sandbox.stripe.shapes import Boolean, Hash, Integer, Kind, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

NEW: dict[str, Kind] = {"price": Text(), "quantity": Integer(0), **METADATA}
CHANGED: dict[str, Kind] = {"id": Text(), "deleted": Boolean(), "plan": Text(), **NEW}
NEW_ITEM, CHANGED_ITEM = Hash(NEW), Hash(CHANGED)
MOST = 20


def price_for(world: World, given: Obj, param: str) -> Obj:
    """The recurring, active price that an item names."""
    if "price" in given and "plan" in given:
        raise exclusive("price", "plan")
    id = given.get("price") or given.get("plan")
    if not id:
        raise absent(f"{param}[price]")
    price = world.get("price", id, f"{param}[price]")
    if price["type"] != "recurring":
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with "
            "`type=recurring`.",
            f"{param}[price]",
        )
    if not price["active"]:
        raise invalid(
            "The price specified is inactive. This field only accepts active prices.", f"{param}[price]"
        )
    return price


def make(world: World, subscription: str, given: Obj, price: Obj, period: tuple[int, int]) -> Obj:
    """A new item of a subscription."""
    id = ids.new("subscription_item", 14)
    world.store.call(id, subscription)
    return {
        "id": id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": world.now,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": {key: value for key, value in (given.get("metadata") or {}).items() if value != ""},
        "price": render(world, price),
        "quantity": given.get("quantity", 1),
        "subscription": subscription,
        "tax_rates": [],
        "_debit": None,
    }


def check_together(prices: list[Obj], currency: str | None) -> str:
    """The one currency of these prices; StripeError when they cannot stand in one subscription."""
    if not prices:
        raise absent("items")
    if len(prices) > MOST:
        raise invalid(f"A subscription can have at most {MOST} items.", "items")
    seen: set[str] = set()
    for index, price in enumerate(prices):
        if price["id"] in seen:
            raise invalid(
                f"Cannot add multiple subscription items with the same plan: {price['id']}",
                f"items[{index}][price]",
            )
        seen.add(price["id"])
    currencies = {price["currency"] for price in prices}
    if currency:
        currencies.add(currency)
    if len(currencies) > 1:
        raise invalid(
            "All prices on a subscription must have the same `currency`. If you need to use prices with "
            "different "
            f"currencies, create separate subscriptions: {', '.join(sorted(currencies))}.",
            "items",
        )
    return str(currencies.pop())


def period_of(price: Obj, anchor: int, at: int) -> tuple[int, int]:
    """The period of a price around a moment, counted from the anchor."""
    recurring = price["recurring"]
    return periods.around(anchor, recurring["interval"], recurring["interval_count"], at)


def next_period(item: Obj, anchor: int) -> tuple[int, int]:
    """The period that follows an item's present one."""
    return period_of(item["price"], anchor, item["current_period_end"])


def find(world: World, id: str, param: str = "item", *, status: int = 404) -> tuple[Obj, Obj]:
    """The subscription, and the item in it."""
    owner = world.store.owner(id)
    subscription = world.peek("subscription", owner)
    for item in (subscription or {"items": {"data": []}})["items"]["data"]:
        if item["id"] == id and subscription is not None:
            return subscription, item
    raise StripeError(
        f"No such subscription_item: '{id}'", status=status, code="resource_missing", param=param
    )


def debited(item: Obj, line: Obj) -> Any:
    """What an item remembers of the line that charged it: what can be given back."""
    net = line["amount"] - sum(part["amount"] for part in line["discount_amounts"])
    return {
        "amount": net,
        "start": line["period"]["start"],
        "end": line["period"]["end"],
        "invoice": line["invoice"],
        "line": line["id"],
    }
