"""Invoicing: the invoices of a subscription, drawn up from its items and what waits for them."""

from typing import Any

from sandbox.stripe.billing import discounting, drafting, items
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World


def bill(
    world: World,
    subscription: Obj,
    regular: list[Obj],
    *,
    reason: str,
    period: tuple[int, int],
    free: bool = False,
    **more: Any,
) -> Obj | None:
    """A draft for what waits and for these items' present periods; None when there is nothing on it.

    Changes the subscription (its latest invoice, its discounts, what its items remember) and leaves the
    writing of it to the caller.
    """
    customer = world.known("customer", subscription["customer"])
    waiting = _waiting(world, subscription)
    lines = [_line(world, subscription, one) for one in waiting]
    own = [(item, drafting.regular_line(world, subscription, item, free=free)) for item in regular]
    lines += [line for _, line in own]
    if not lines:
        return None
    discounts = discounting.live(world, subscription["discounts"], world.now)
    invoice = drafting.draft(
        world,
        customer,
        lines,
        reason=reason,
        currency=subscription["currency"],
        period=period,
        subscription=subscription,
        discounts=discounts,
        **more,
    )
    _remember(world, subscription, invoice, waiting, own)
    _spend(world, subscription, invoice)
    subscription["latest_invoice"] = invoice["id"]
    world.tell("invoice.created", invoice)
    return invoice


def _remember(
    world: World, subscription: Obj, invoice: Obj, waiting: list[Obj], own: list[tuple[Obj, Obj]]
) -> None:
    for item, line in own:
        item["_debit"] = items.debited(item, line)
    by_item = {_origin(line): line for line in invoice["lines"]["data"]}
    for one in waiting:
        one.update(invoice=invoice["id"], _waiting=False)
        world.save(one)
        for item in subscription["items"]["data"]:
            if (item.get("_debit") or {}).get("item") == one["id"] and one["id"] in by_item:
                item["_debit"].update(invoice=invoice["id"], line=by_item[one["id"]]["id"])


def _origin(line: Obj) -> str | None:
    parent = line["parent"]
    details = parent[parent["type"]]
    origin: str | None = details["invoice_item"]
    return origin


def _spend(world: World, subscription: Obj, invoice: Obj) -> None:
    """A discount that is good once leaves when an invoice has used it; one that ended leaves too."""
    used = {part["discount"] for part in invoice["total_discount_amounts"]}
    for id in list(subscription["discounts"]):
        discount = world.known("discount", id)
        coupon = world.known("coupon", discount["source"]["coupon"])
        over = discount["end"] is not None and world.now >= discount["end"]
        if over or (coupon["duration"] == "once" and id in used):
            subscription["discounts"].remove(id)
            world.tell("customer.discount.deleted", discount)


def _waiting(world: World, subscription: Obj) -> list[Obj]:
    found = world.store.find("invoiceitem", oldest_first=True, _subscription=subscription["id"])
    return [one for one in found if one["_waiting"]]


def _line(world: World, subscription: Obj, one: Obj) -> Obj:
    price = world.peek("price", (one["pricing"] or {}).get("price_details", {}).get("price"))
    return drafting.line(
        world,
        amount=one["amount"],
        currency=one["currency"],
        period=(one["period"]["start"], one["period"]["end"]),
        description=one["description"],
        price=price,
        quantity=one["quantity"],
        subscription=subscription["id"],
        item=one["_item"],
        invoice_item=one["id"],
        proration=one["proration"],
        credited=one["_credited"],
        discountable=one["discountable"],
    )
