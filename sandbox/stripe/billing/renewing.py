"""Renewing: what time does to a subscription."""

from sandbox.stripe.billing import (
    changing,
    charging,
    collecting,
    ending,
    invoicing,
    items,
    methods,
    scheduling,
    standing,
)
from sandbox.stripe.due import MOVES
from sandbox.stripe.store import Obj
from sandbox.stripe.world import DUE, World

INCOMPLETE_SECONDS = 23 * 3600
NOTICE_SECONDS = 3 * 24 * 3600
ENDED = ("canceled", "incomplete_expired")

assert standing  # what follows from invoices is registered there


def due(subscription: Obj) -> int | None:
    """When the next thing happens to a subscription."""
    status = subscription["status"]
    if status in ENDED:
        return None
    if status == "incomplete":
        return int(subscription["created"] + INCOMPLETE_SECONDS)
    moments = [subscription["cancel_at"]]
    if subscription["pending_update"]:
        moments.append(subscription["pending_update"]["expires_at"])
    if status == "trialing":
        if not subscription.get("_trial_told"):
            moments.append(max(subscription["created"], subscription["trial_end"] - NOTICE_SECONDS))
        moments.append(subscription["trial_end"])
    elif status != "paused":
        moments.extend(item["current_period_end"] for item in subscription["items"]["data"])
    return min((moment for moment in moments if moment is not None), default=None)


def move(world: World, subscription: Obj) -> None:
    """The moment has come."""
    now = world.now
    if schedule := scheduling.ends_by(world, subscription):
        scheduling.advance(world, schedule)  # before the renewal that falls on the same moment
        return
    pending = subscription["pending_update"]
    if subscription["status"] == "incomplete":
        ending.expire(world, subscription)
    elif pending and pending["expires_at"] <= now:
        changing.drop_pending(world, subscription)
    elif subscription["cancel_at"] is not None and subscription["cancel_at"] <= now:
        ending.cancel_now(world, subscription)
    elif subscription["status"] == "trialing" and subscription["trial_end"] <= now:
        _end_trial(world, subscription)
    elif subscription["status"] == "trialing":
        subscription["_trial_told"] = True
        world.save(subscription)
        world.tell("customer.subscription.trial_will_end", subscription)
    else:
        renew(world, subscription)


def renew(world: World, subscription: Obj, *, draft_seconds: int = collecting.DRAFT_SECONDS) -> Obj | None:
    """Begin the next period of every item whose present one ends, and draft its invoice."""
    ending_now = [i for i in subscription["items"]["data"] if i["current_period_end"] <= world.now]
    start = min(item["current_period_start"] for item in ending_now)
    with world.changing(subscription, "customer.subscription.updated"):
        for item in ending_now:
            period = items.next_period(item, subscription["billing_cycle_anchor"])
            item["current_period_start"], item["current_period_end"] = period
        collected = subscription["status"] != "unpaid"
        return invoicing.bill(
            world,
            subscription,
            ending_now,
            reason="subscription_cycle",
            period=(start, world.now),
            auto_advance=collected,
            automatically_finalizes_at=world.now + draft_seconds if collected else None,
        )


def _end_trial(world: World, subscription: Obj) -> None:
    customer = world.known("customer", subscription["customer"])
    otherwise = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if otherwise != "create_invoice" and methods.default_for(world, customer, subscription) is None:
        if otherwise == "cancel":
            ending.cancel_now(world, subscription, reason=None)
            return
        with world.changing(subscription, "customer.subscription.updated"):
            subscription["status"] = "paused"
        world.tell("customer.subscription.paused", subscription)
        return
    with world.changing(subscription, "customer.subscription.updated"):
        subscription["status"] = "active"
    renew(world, subscription)


def _settle(world: World, intent: Obj) -> None:
    """A bank debit that was on its way has come, or has not."""
    method = world.known("payment_method", intent["payment_method"])
    invoice = world.peek("invoice", intent["_invoice"])
    if method.get("_late") == "fails":
        charging.fail(world, intent, method, "insufficient_funds")
        if invoice is not None:
            collecting.fall_through(world, invoice, "insufficient_funds")
        return
    charging.succeed(world, intent, method)
    if invoice is not None:
        collecting.settle(world, invoice, intent)


DUE["subscription"] = due
MOVES["subscription"] = move
MOVES["invoice"] = collecting.move
MOVES["payment_intent"] = _settle
