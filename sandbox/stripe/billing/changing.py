"""Changing: how a running subscription becomes another one, to the cent and to the second."""

import copy

from sandbox.stripe.billing import collecting, invoicing, items, methods, prorating
from sandbox.stripe.billing.subscribing import NO_METHOD
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.rendering import render
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, difference, merged

PENDING_SECONDS = 23 * 3600
KEPT_BY_PENDING = ("items", "billing_cycle_anchor", "trial_end", "_debit")


def change_items(world: World, subscription: Obj, params: Obj) -> None:
    """Change what a subscription consists of, bill what is to be billed now, and collect it.

    `params`: items, proration_behavior, proration_date, payment_behavior, billing_cycle_anchor, trial_end,
    off_session. Writes the subscription.
    """
    behavior = params.get("payment_behavior", "allow_incomplete")
    original = copy.deepcopy(subscription)
    invoice = rearrange(world, subscription, params)
    if behavior == "pending_if_incomplete" and invoice is not None and invoice["total"] > 0:
        _attempt_first(world, original, subscription, invoice, params)
        return
    world.save(subscription)
    previous = difference(render(world, original), render(world, subscription))
    if previous:
        world.tell("customer.subscription.updated", subscription, previous)
    if invoice is None:
        return
    collecting.finalize(world, invoice)
    if invoice["status"] != "open":
        return
    if behavior == "default_incomplete":
        _past_due(world, subscription)
        return
    decline = collecting.pay(
        world, invoice, _method(world, subscription), off_session=params.get("off_session", False)
    )
    intent = collecting.intent_of(world, invoice)
    waits = intent is not None and intent["status"] == "requires_action"
    if behavior == "error_if_incomplete" and (decline or waits):
        raise methods.declined(decline or "authentication_required")
    if waits:
        _past_due(world, world.known("subscription", subscription["id"]))


def rearrange(world: World, subscription: Obj, params: Obj) -> Obj | None:
    """Change the items and their periods in memory; the draft of what is to be billed now, if anything."""
    at = _moment(world, subscription, params)
    reset = params.get("billing_cycle_anchor") == "now"
    trialing = subscription["trial_end"] is not None and subscription["trial_end"] > world.now
    if trialing and params.get("trial_end") == "now":
        subscription["trial_end"], reset, trialing = world.now, True, False
        subscription["status"] = "active"
    elif isinstance(params.get("trial_end"), int):
        _try_longer(world, subscription, params["trial_end"], at)
        return None
    prorates = params.get("proration_behavior", "create_prorations") != "none" and not trialing
    if reset:
        subscription["billing_cycle_anchor"] = world.now
    kept, changed, removed = _merge(world, subscription, params.get("items") or [])
    touched = kept + changed if reset else changed
    before = {
        item["id"]: (item["current_period_start"], item["current_period_end"]) for item in kept + changed
    }
    if prorates:
        for item in [*removed, *touched]:
            prorating.credit(world, subscription, item.get("_was", item), at)
    longer = False
    for item in touched:
        old = item.pop("_was", None)
        item["price"] = item.pop("_price", item["price"])
        if trialing:
            continue
        start, end = items.period_of(item["price"], subscription["billing_cycle_anchor"], world.now)
        if reset or old is None or old["price"]["recurring"] != item["price"]["recurring"]:
            longer = longer or (old is not None and before.get(item["id"]) != (start, end))
            item["current_period_start"], item["current_period_end"] = start, end
        if prorates and not reset:
            prorating.debit(world, subscription, item, at)
    subscription["items"]["data"] = sorted(kept + changed, key=lambda item: item["created"])
    subscription["items"]["total_count"] = len(subscription["items"]["data"])
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = max(i["current_period_end"] for i in subscription["items"]["data"])
    always = params.get("proration_behavior") == "always_invoice"
    if not (reset or always or (longer and prorates)):
        return None
    start = min((period[0] for period in before.values()), default=world.now)
    return invoicing.bill(
        world,
        subscription,
        subscription["items"]["data"] if reset and not trialing else [],
        reason="subscription_update",
        period=(world.now if reset else start, world.now),
    )


def carry_out_pending(world: World, subscription: Obj) -> None:
    """The payment that a change waited for came: the change holds."""
    pending = subscription["_pending"]
    if pending is None:
        return
    with world.changing(subscription, "customer.subscription.updated"):
        subscription.update(copy.deepcopy(pending["becomes"]))
        subscription.update(pending_update=None, _pending=None, latest_invoice=pending["invoice"])
    world.tell("customer.subscription.pending_update_applied", subscription)


def drop_pending(world: World, subscription: Obj) -> None:
    """The payment never came: the change is forgotten, and its invoice void."""
    pending = subscription["_pending"]
    if pending is None:
        return
    with world.changing(subscription, "customer.subscription.updated"):
        subscription.update(pending_update=None, _pending=None)
    world.tell("customer.subscription.pending_update_expired", subscription)
    invoice = world.known("invoice", pending["invoice"])
    if invoice["status"] == "open":
        collecting.void(world, invoice)


def _merge(world: World, subscription: Obj, given: list[Obj]) -> tuple[list[Obj], list[Obj], list[Obj]]:
    """The items that stay as they are, those that change or are new, and those that go."""
    present = {item["id"]: item for item in subscription["items"]["data"]}
    changed: list[Obj] = []
    removed: list[Obj] = []
    for index, one in enumerate(given):
        param = f"items[{index}]"
        if not one.get("id"):
            changed.append(_added(world, subscription, one, param))
            continue
        item = present.pop(one["id"], None)
        if item is None:
            raise StripeError(
                f"No such subscription_item: '{one['id']}'", code="resource_missing", param=f"{param}[id]"
            )
        if one.get("deleted"):
            removed.append(item)
            continue
        if "metadata" in one:
            item["metadata"] = merged(item["metadata"], one["metadata"])
        price = items.price_for(world, one, param) if one.get("price") or one.get("plan") else None
        quantity = one.get("quantity", item["quantity"])
        if (price is None or price["id"] == item["price"]["id"]) and quantity == item["quantity"]:
            present[item["id"]] = item
            continue
        old = copy.deepcopy(item)
        item.update(_was=old, quantity=quantity, _price=render(world, price) if price else item["price"])
        changed.append(item)
    kept = list(present.values())
    everything = [item.get("_price", item["price"]) for item in kept + changed]
    if not everything:
        raise invalid(
            "A subscription must have at least one active item. To cancel the subscription, please use "
            "the cancel "
            "API endpoint.",
            "items",
        )
    items.check_together(everything, subscription["currency"])
    return kept, changed, removed


def _added(world: World, subscription: Obj, one: Obj, param: str) -> Obj:
    if one.get("deleted"):
        raise invalid("You must pass the `id` of the item to delete.", f"{param}[id]")
    price = items.price_for(world, one, param)
    trial = subscription["trial_end"]
    if trial and trial > world.now:
        period = (world.now, trial)
    else:
        period = items.period_of(price, subscription["billing_cycle_anchor"], world.now)
    return items.make(world, subscription["id"], one, price, period)


def _attempt_first(world: World, original: Obj, changed: Obj, invoice: Obj, params: Obj) -> None:
    """`pending_if_incomplete`: the change holds once it is paid, and is forgotten after 23 hours."""
    becomes = {name: changed[name] for name in KEPT_BY_PENDING if name in changed}
    pending = {
        **original,
        "latest_invoice": invoice["id"],
        "discounts": changed["discounts"],
        "pending_update": {
            "billing_cycle_anchor": changed["billing_cycle_anchor"]
            if changed["billing_cycle_anchor"] != original["billing_cycle_anchor"]
            else None,
            "discount": None,
            "discounts": None,
            "expires_at": world.now + PENDING_SECONDS,
            "metadata": None,
            "subscription_items": changed["items"]["data"],
            "trial_end": None,
            "trial_from_plan": None,
        },
        "_pending": {"becomes": becomes, "invoice": invoice["id"]},
    }
    invoice["_pending_update"] = True
    world.save(invoice)
    world.save(pending)
    collecting.finalize(world, invoice)
    if invoice["status"] == "open":
        method = _method(world, pending)
        collecting.pay(world, invoice, method, off_session=params.get("off_session", False))
    after = world.known("subscription", original["id"])
    if after["_pending"] is not None:
        previous = difference(render(world, original), render(world, after))
        world.tell("customer.subscription.updated", after, previous)


def _method(world: World, subscription: Obj) -> Obj:
    customer = world.known("customer", subscription["customer"])
    method = methods.default_for(world, customer, subscription)
    if method is None:
        raise StripeError(NO_METHOD, code="resource_missing")
    return method


def _past_due(world: World, subscription: Obj) -> None:
    if subscription["status"] == "active":
        with world.changing(subscription, "customer.subscription.updated"):
            subscription["status"] = "past_due"


def _moment(world: World, subscription: Obj, params: Obj) -> int:
    """When the change counts from: now, or a moment of the present period."""
    at = params.get("proration_date")
    if at is None:
        return world.now
    start = min(item["current_period_start"] for item in subscription["items"]["data"])
    end = max(item["current_period_end"] for item in subscription["items"]["data"])
    if not start <= at < end:
        raise invalid(
            "The subscription proration date specified must be inside the current period of the "
            "subscription.",
            "proration_date",
        )
    return int(at)


def _try_longer(world: World, subscription: Obj, end: int, at: int) -> None:
    """A trial that begins or goes on: nothing is charged until it ends."""
    if end <= world.now:
        raise invalid("`trial_end` must be in the future.", "trial_end")
    if subscription["status"] == "active":
        for item in subscription["items"]["data"]:
            prorating.credit(world, subscription, item, at)
            item["_debit"] = None
    subscription.update(
        trial_end=end,
        trial_start=subscription["trial_start"] or world.now,
        billing_cycle_anchor=end,
        status="trialing",
    )
    for item in subscription["items"]["data"]:
        item["current_period_end"] = end
    return
