"""Standing: how a subscription's status follows its invoices."""

from sandbox.stripe.billing import changing, collecting, ending, subscribing
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

AFTER_RETRIES = ("cancel", "unpaid", "past_due")
"""What happens to a subscription whose payment failed for the last time: the setting `after_retries`."""


def paid(world: World, invoice: Obj) -> None:
    """An invoice was paid: the subscription begins, or stands well again."""
    subscription = world.peek("subscription", invoice["_subscription"])
    if subscription is None:
        return
    _keep_method(world, subscription, invoice)
    if invoice.get("_pending_update"):
        changing.carry_out_pending(world, subscription)
    elif subscription["status"] == "incomplete" and invoice["billing_reason"] == "subscription_create":
        subscribing.start(world, subscription)
    elif subscription["status"] in ("past_due", "unpaid") and subscription["latest_invoice"] == invoice["id"]:
        _restore(world, subscription)


def failed(world: World, invoice: Obj) -> None:
    """An attempt failed: the subscription is past due, and after the last one what the setting says."""
    subscription = world.peek("subscription", invoice["_subscription"])
    if subscription is None or invoice.get("_pending_update"):
        return
    if subscription["status"] == "active":
        with world.changing(subscription, "customer.subscription.updated"):
            subscription["status"] = "past_due"
    if subscription["status"] != "past_due" or invoice["next_payment_attempt"] is not None:
        return
    if invoice["billing_reason"] == "subscription_create" or not invoice["auto_advance"]:
        return
    after = world.store.setting("after_retries") or "cancel"
    if after == "cancel":
        ending.cancel_now(world, subscription, reason="payment_failed")
    elif after == "unpaid":
        with world.changing(subscription, "customer.subscription.updated"):
            subscription["status"] = "unpaid"


def gone(world: World, invoice: Obj) -> None:
    """An invoice was voided or given up."""
    subscription = world.peek("subscription", invoice["_subscription"])
    if subscription is None:
        return
    if subscription["status"] == "incomplete" and invoice["billing_reason"] == "subscription_create":
        ending.expire(world, subscription)
    elif subscription["status"] in ("past_due", "unpaid") and subscription["latest_invoice"] == invoice["id"]:
        _restore(world, subscription)
    elif invoice.get("_pending_update"):
        changing.drop_pending(world, subscription)


def late(world: World, invoice: Obj) -> None:
    """A payment is on its way for days: a subscription that waited for it runs meanwhile."""
    subscription = world.peek("subscription", invoice["_subscription"])
    if subscription is not None and subscription["status"] == "incomplete":
        subscribing.start(world, subscription)


def _restore(world: World, subscription: Obj) -> None:
    with world.changing(subscription, "customer.subscription.updated"):
        subscription["status"] = "active"


def _keep_method(world: World, subscription: Obj, invoice: Obj) -> None:
    """`save_default_payment_method`: what paid once pays from now on."""
    if subscription["payment_settings"]["save_default_payment_method"] != "on_subscription":
        return
    intent = collecting.intent_of(world, invoice)
    if intent and intent["payment_method"] and not subscription["default_payment_method"]:
        subscription["default_payment_method"] = intent["payment_method"]
        world.save(subscription)


collecting.ON_PAID.append(paid)
collecting.ON_FAILED.append(failed)
collecting.ON_GONE.append(gone)
collecting.ON_LATE.append(late)
