"""Prorating: what is given back for time not used, and asked for time that remains, by the second."""

from datetime import UTC, datetime
from decimal import Decimal

from sandbox.stripe import ids
from sandbox.stripe.billing import discounting, drafting
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World


def share(amount: int, period: tuple[int, int], at: int) -> int:
    """The part of an amount that falls on the time from `at` to the period's end."""
    start, end = period
    if end <= start or at >= end:
        return 0
    return discounting.rounded(Decimal(amount) * (end - max(at, start)) / (end - start))


def credit(world: World, subscription: Obj, item: Obj, at: int) -> Obj | None:
    """A pending item that gives back what was charged for the rest of an item's period; None for nothing."""
    debit = item.get("_debit")
    if not debit:
        return None
    back = share(debit["amount"], (debit["start"], debit["end"]), at)
    if back <= 0:
        return None
    credited = debit.get("line") and {"invoice": debit["invoice"], "invoice_line_items": [debit["line"]]}
    return pending(
        world,
        subscription,
        item,
        amount=-back,
        period=(at, debit["end"]),
        description=f"Unused time on {_what(world, item)} after {_day(at)}",
        credited=credited,
    )


def debit(world: World, subscription: Obj, item: Obj, at: int) -> Obj | None:
    """A pending item for the rest of an item's period, discounts included; the item remembers it."""
    period = (item["current_period_start"], item["current_period_end"])
    asked = share(drafting.price_of(item["price"], item["quantity"]), period, at)
    if asked <= 0:
        item["_debit"] = None
        return None
    net = asked - _discounts(world, subscription, item, asked)
    found = pending(
        world,
        subscription,
        item,
        amount=net,
        period=(at, period[1]),
        description=f"Remaining time on {_what(world, item)} after {_day(at)}",
    )
    item["_debit"] = {
        "amount": net,
        "start": at,
        "end": period[1],
        "invoice": None,
        "line": None,
        "item": found["id"],
    }
    return found


def pending(
    world: World,
    subscription: Obj,
    item: Obj,
    *,
    amount: int,
    period: tuple[int, int],
    description: str,
    credited: Obj | None = None,
) -> Obj:
    """An invoice item that waits for the subscription's next invoice."""
    price = item["price"]
    found: Obj = {
        "id": ids.new("invoiceitem"),
        "object": "invoiceitem",
        "amount": amount,
        "currency": price["currency"],
        "customer": subscription["customer"],
        "date": world.now,
        "description": description,
        "discountable": False,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "net_amount": amount,
        "parent": {
            "subscription_details": {"subscription": subscription["id"], "subscription_item": item["id"]},
            "type": "subscription_details",
        },
        "period": {"end": period[1], "start": period[0]},
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": None,
        },
        "proration": True,
        "proration_details": {"discount_amounts": []},
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "tax_rates": [],
        "test_clock": None,
        "_subscription": subscription["id"],
        "_item": item["id"],
        "_credited": credited,
        "_waiting": True,
    }
    world.save(found)
    world.tell("invoiceitem.created", found)
    return found


def _discounts(world: World, subscription: Obj, item: Obj, amount: int) -> int:
    """What the subscription's lasting discounts take from an amount."""
    trial = drafting.line(
        world,
        amount=amount,
        currency=item["price"]["currency"],
        period=(0, 0),
        description=None,
        price=item["price"],
    )
    lasting = [
        id
        for id in discounting.live(world, subscription["discounts"], world.now)
        if world.known("coupon", world.known("discount", id)["source"]["coupon"])["percent_off"] is not None
    ]
    discounting.apply(world, [trial], lasting)
    return discounting.off([trial])


def _what(world: World, item: Obj) -> str:
    name = world.known("product", item["price"]["product"])["name"]
    return name if item["quantity"] == 1 else f"{item['quantity']} × {name}"


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%d %b %Y}".lstrip("0")
