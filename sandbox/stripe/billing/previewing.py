"""Previewing: what an invoice would be, found by doing it and undoing it."""

from typing import Any

from sandbox.stripe import ids
from sandbox.stripe.billing import buyers, changing, discounting, items, renewing, subscribing
from sandbox.stripe.errors import StripeError, absent, invalid
from sandbox.stripe.fields import METADATA
from sandbox.stripe.rendering import render
from sandbox.stripe.shapes import Boolean, Choice, Kind, Many, Moment
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

CHANGES = ("items", "billing_cycle_anchor", "trial_end")


def details(prorations: tuple[str, ...]) -> dict[str, Kind]:
    """The parameters of `subscription_details`."""
    return {
        "items": Many(items.CHANGED_ITEM),
        "billing_cycle_anchor": Moment("now", "unchanged"),
        "cancel_at": Moment("max_period_end", "min_period_end", clear=True),
        "cancel_at_period_end": Boolean(),
        "cancel_now": Boolean(),
        "proration_behavior": Choice(*prorations),
        "proration_date": Moment(),
        "start_date": Moment(),
        "trial_end": Moment("now"),
        **METADATA,
    }


def preview(world: World, params: Obj) -> Obj:
    """The invoice that would come next, or at once, if this were done. Nothing is written."""
    wanted = dict(params.get("subscription_details", {}))
    with world.store.supposing():
        if "subscription" in params:
            invoice = _of_subscription(world, params, wanted)
        elif "customer" in params:
            invoice = _of_customer(world, params, wanted)
        else:
            raise absent("customer")
        shown = render(world, invoice)
    id = f"upcoming_in_{ids.letters(24)}"
    shown.update(
        id=id,
        billing_reason="upcoming",
        number=None,
        status="draft",
        automatically_finalizes_at=None,
        hosted_invoice_url=None,
        invoice_pdf=None,
    )
    shown["lines"]["url"] = f"/v1/invoices/{id}/lines"
    for line in shown["lines"]["data"]:
        line["invoice"] = id
    return shown


def _of_subscription(world: World, params: Obj, wanted: Obj) -> Obj:
    subscription = world.get("subscription", params["subscription"], "subscription")
    if subscription["status"] in renewing.ENDED:
        raise invalid("You cannot preview the upcoming invoice of a canceled subscription.", "subscription")
    if params.get("customer") not in (None, subscription["customer"]):
        raise invalid("The subscription specified does not belong to this customer.", "subscription")
    if "discounts" in params:
        subscription["discounts"] = _discounts(world, params, subscription)
    if any(name in wanted for name in CHANGES):
        at_once = changing.rearrange(world, subscription, wanted)
        if at_once is not None:
            return at_once
    if "cancel_at" in wanted or "cancel_at_period_end" in wanted:
        subscribing.set_end(world, subscription, wanted)
    if wanted.get("cancel_now"):
        raise invalid("The sandbox does not preview `cancel_now`.", "subscription_details[cancel_now]")
    world.save(subscription)
    return _next(world, subscription)


def _next(world: World, subscription: Obj) -> Obj:
    """The invoice of the next renewal."""
    moments = [item["current_period_end"] for item in subscription["items"]["data"]]
    at = subscription["trial_end"] if subscription["status"] == "trialing" else min(moments)
    if subscription["cancel_at"] is not None and subscription["cancel_at"] <= at:
        raise _none(subscription["customer"])
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    then = World(world.store, at, world.base)
    invoice = renewing.renew(then, subscription)
    if invoice is None:
        raise _none(subscription["customer"])
    invoice["created"] = at
    invoice["next_payment_attempt"] = at + 3600
    return invoice


def _of_customer(world: World, params: Obj, wanted: Obj) -> Obj:
    customer = buyers.find(world, params["customer"], "customer", status=400)
    if not wanted.get("items"):
        held = [
            found
            for found in world.store.find("subscription", customer=customer["id"])
            if found["status"] not in (*renewing.ENDED, "incomplete")
        ]
        if not held:
            raise _none(customer["id"])
        return _next(world, held[0])
    given: dict[str, Any] = {
        name: wanted[name] for name in ("items", "trial_end", "metadata") if name in wanted
    }
    if "discounts" in params:
        given["discounts"] = params["discounts"]
    subscription = subscribing.subscribe(world, customer, given, behavior="preview")
    return world.known("invoice", subscription["latest_invoice"])


def _discounts(world: World, params: Obj, subscription: Obj) -> list[str]:
    return discounting.redeem(
        world,
        params["discounts"] or [],
        "discounts",
        customer=subscription["customer"],
        currency=subscription["currency"],
        subscription=subscription["id"],
    )


def _none(customer: str) -> StripeError:
    return StripeError(
        f"No upcoming invoices for customer: {customer}", status=404, code="invoice_upcoming_none"
    )
