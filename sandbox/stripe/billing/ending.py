"""Ending: how a subscription is cancelled."""

from sandbox.stripe.billing import collecting, invoicing, prorating
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World


def cancel_now(
    world: World,
    subscription: Obj,
    *,
    reason: str | None = "cancellation_requested",
    prorate: bool = False,
    invoice_now: bool = False,
) -> Obj:
    """End a subscription at this moment. Open invoices are no longer collected by themselves."""
    if prorate:
        for item in subscription["items"]["data"]:
            prorating.credit(world, subscription, item, world.now)
    invoice = None
    if invoice_now:
        invoice = invoicing.bill(
            world,
            subscription,
            [],
            reason="subscription_update",
            period=(min(i["current_period_start"] for i in subscription["items"]["data"]), world.now),
        )
    else:
        _drop_waiting(world, subscription, keep_credits=prorate)
    _drop_schedule(world, subscription)
    scheduled = subscription["cancel_at"] is not None
    subscription.update(
        status="canceled",
        ended_at=world.now,
        canceled_at=subscription["canceled_at"] if scheduled else world.now,
        pending_update=None,
        _pending=None,
    )
    if subscription["cancel_at"] is not None and subscription["cancel_at"] > world.now:
        subscription.update(cancel_at=None, cancel_at_period_end=False)
    if subscription["cancellation_details"]["reason"] is None or reason == "payment_failed":
        subscription["cancellation_details"]["reason"] = reason
    world.save(subscription)
    _stop_collecting(world, subscription)
    world.tell("customer.subscription.deleted", subscription)
    if invoice is not None:
        collecting.finalize(world, invoice)
        if invoice["status"] == "open":
            collecting.attempt(world, invoice)
    return subscription


def expire(world: World, subscription: Obj) -> None:
    """The first payment never came: the subscription never was."""
    with world.changing(subscription, "customer.subscription.updated"):
        subscription.update(status="incomplete_expired", ended_at=world.now)
    for invoice in list(world.store.find("invoice", _subscription=subscription["id"])):
        if invoice["status"] == "open":
            collecting.void(world, invoice)


def _drop_schedule(world: World, subscription: Obj) -> None:
    """A schedule does not outlive its subscription."""
    schedule = world.peek("subscription_schedule", subscription["schedule"])
    if schedule is not None and schedule["status"] in ("active", "not_started"):
        schedule.update(status="canceled", canceled_at=world.now, current_phase=None)
        world.save(schedule)
        world.tell("subscription_schedule.canceled", schedule)


def _drop_waiting(world: World, subscription: Obj, *, keep_credits: bool) -> None:
    """What waited for the next invoice has none to go to; credits asked for go to the customer's next one."""
    for one in list(world.store.find("invoiceitem", _subscription=subscription["id"])):
        if not one["_waiting"]:
            continue
        if keep_credits:
            one["_subscription"] = None
            world.save(one)
        else:
            world.tell("invoiceitem.deleted", one)
            world.store.drop(one["id"])


def _stop_collecting(world: World, subscription: Obj) -> None:
    for invoice in list(world.store.find("invoice", _subscription=subscription["id"])):
        if invoice["status"] in ("draft", "open") and invoice["auto_advance"]:
            with world.changing(invoice, "invoice.updated"):
                invoice.update(auto_advance=False, next_payment_attempt=None, automatically_finalizes_at=None)
