"""Subscribing: how a subscription begins."""

from sandbox.stripe import ids
from sandbox.stripe.billing import (
    collecting,
    discounting,
    drafting,
    invoicing,
    items,
    methods,
    periods,
    prorating,
)
from sandbox.stripe.billing.buyers import settle_currency
from sandbox.stripe.errors import StripeError, exclusive, invalid
from sandbox.stripe.rendering import listed
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider adding a "
    "default "
    "payment method. For more information, visit "
    "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority."
)
DAY = 24 * 3600


def subscribe(
    world: World,
    customer: Obj,
    params: Obj,
    *,
    behavior: str = "allow_incomplete",
    authenticated: bool = False,
    off_session: bool = False,
) -> Obj:
    """Begin a subscription and bill its first period. Raises StripeError as Stripe refuses.

    `behavior` is Stripe's payment_behavior, or `preview`, which collects nothing.
    """
    subscription = _make(world, customer, params)
    trialing = subscription["trial_end"] is not None
    method = methods.default_for(world, customer, subscription)
    world.save(subscription)
    if given := params.get("discounts"):
        subscription["discounts"] = discounting.redeem(
            world,
            given,
            "discounts",
            customer=customer["id"],
            currency=subscription["currency"],
            subscription=subscription["id"],
        )
    regular = subscription["items"]["data"]
    invoice = invoicing.bill(
        world,
        subscription,
        [] if subscription["_no_first_bill"] else regular,
        reason="subscription_create",
        period=(world.now, world.now),
        free=trialing,
    )
    if invoice is not None and subscription["_first_part"]:
        _prorate(world, subscription, invoice)
    world.save(subscription)
    if behavior == "preview":
        return subscription
    due = 0 if invoice is None else invoice["amount_due"]
    if due > 0 and method is None and behavior != "default_incomplete":
        raise StripeError(NO_METHOD, code="resource_missing")
    world.tell("customer.subscription.created", subscription)
    if invoice is None:
        start(world, subscription)
        return subscription
    collecting.finalize(world, invoice)
    if invoice["status"] == "paid":
        return world.known("subscription", subscription["id"])
    if behavior == "default_incomplete":
        return subscription
    assert method is not None
    decline = collecting.pay(world, invoice, method, off_session=off_session, authenticated=authenticated)
    if behavior == "error_if_incomplete":
        _insist(world, invoice, decline)
    return world.known("subscription", subscription["id"])


def start(world: World, subscription: Obj) -> None:
    """The first invoice is paid, or on its way: the subscription runs."""
    with world.changing(subscription, "customer.subscription.updated"):
        trialing = subscription["trial_end"] is not None and subscription["trial_end"] > world.now
        subscription["status"] = "trialing" if trialing else "active"


def _insist(world: World, invoice: Obj, decline: str | None) -> None:
    intent = collecting.intent_of(world, invoice)
    if decline:
        raise methods.declined(decline)
    if intent is not None and intent["status"] == "requires_action":
        raise StripeError(
            "Payment for this subscription requires additional user action before it can be completed "
            "successfully. "
            "Payment can be completed using the PaymentIntent associated with `subscription.latest_invoice`.",
            status=402,
            kind="card_error",
            code="subscription_payment_intent_requires_action",
        )


def _make(world: World, customer: Obj, params: Obj) -> Obj:
    given = params.get("items") or []
    prices = [items.price_for(world, one, f"items[{index}]") for index, one in enumerate(given)]
    currency = items.check_together(prices, params.get("currency"))
    settle_currency(world, customer, currency)
    id = ids.new("subscription")
    trial_end = _trial_end(world, params)
    anchor = trial_end or params.get("billing_cycle_anchor") or world.now
    subscription: Obj = {
        "id": id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": anchor,
        "billing_cycle_anchor_config": None,
        "billing_mode": {
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": world.now,
        },
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": world.now,
        "currency": currency,
        "customer": customer["id"],
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": params.get("description"),
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": listed([], f"/v1/subscription_items?subscription={id}", total=len(prices)),
        "latest_invoice": None,
        "livemode": False,
        "metadata": merged({}, params.get("metadata") or {}),
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
            **params.get("payment_settings", {}),
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": world.now,
        "status": "incomplete",
        "test_clock": customer["test_clock"],
        "transfer_data": None,
        "trial_end": trial_end,
        "trial_settings": params.get("trial_settings")
        or {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": world.now if trial_end else None,
        "_first_part": False,
        "_no_first_bill": False,
        "_pending": None,
    }
    own_anchor = params.get("billing_cycle_anchor")
    if own_anchor is not None:
        _check_anchor(world, prices, own_anchor, trial_end)
        subscription["_first_part"] = params.get("proration_behavior") != "none"
        subscription["_no_first_bill"] = params.get("proration_behavior") == "none"
    for one, price in zip(given, prices, strict=True):
        if trial_end or own_anchor:
            period = (world.now, anchor)
        else:
            period = items.period_of(price, anchor, world.now)
        subscription["items"]["data"].append(items.make(world, id, one, price, period))
    if method := params.get("default_payment_method"):
        subscription["default_payment_method"] = own_method(world, customer, method)["id"]
    set_end(world, subscription, params)
    return subscription


def own_method(world: World, customer: Obj, id: str) -> Obj:
    """A payment method of this customer; StripeError when it is somebody else's."""
    method = methods.find(world, id, "default_payment_method", status=400)
    if method["customer"] != customer["id"]:
        raise invalid(
            f"The customer does not have a payment method with the ID {id}. The payment method must be "
            "attached to "
            "the customer.",
            "default_payment_method",
            "resource_missing",
        )
    return method


def set_end(world: World, subscription: Obj, params: Obj) -> None:
    """Write `cancel_at` and `cancel_at_period_end`; both empty when the cancellation is taken back."""
    if params.get("cancel_at") is not None and params.get("cancel_at_period_end"):
        raise exclusive("cancel_at", "cancel_at_period_end")
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    if params.get("cancel_at_period_end"):
        wanted: int | None = max(ends)
    elif params.get("cancel_at") in ("max_period_end", "min_period_end"):
        wanted = max(ends) if params["cancel_at"] == "max_period_end" else min(ends)
    elif params.get("cancel_at") is not None:
        wanted = params["cancel_at"]
        if wanted <= world.now:
            raise invalid("`cancel_at` must be a timestamp in the future.", "cancel_at")
    elif "cancel_at" in params or params.get("cancel_at_period_end") is False:
        wanted = None
    else:
        return
    if (
        wanted == subscription["cancel_at"]
        and bool(params.get("cancel_at_period_end")) == (subscription["cancel_at_period_end"])
    ):
        return
    subscription["cancel_at"] = wanted
    subscription["cancel_at_period_end"] = bool(params.get("cancel_at_period_end"))
    subscription["canceled_at"] = world.now if wanted else None
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if wanted else None


def _trial_end(world: World, params: Obj) -> int | None:
    if "trial_end" in params and "trial_period_days" in params:
        raise exclusive("trial_end", "trial_period_days")
    if params.get("trial_period_days"):
        return int(world.now + params["trial_period_days"] * DAY)
    end = params.get("trial_end")
    if end is None or end == "now":
        return None
    if end <= world.now:
        raise invalid("`trial_end` must be in the future.", "trial_end")
    if end > world.now + 730 * DAY:
        raise invalid("`trial_end` cannot be more than 730 days in the future.", "trial_end")
    return int(end)


def _check_anchor(world: World, prices: list[Obj], anchor: int, trial_end: int | None) -> None:
    if trial_end:
        raise exclusive("billing_cycle_anchor", "trial_end")
    first = min(
        periods.step(world.now, price["recurring"]["interval"], price["recurring"]["interval_count"], 1)
        for price in prices
    )
    if not world.now < anchor <= first:
        raise invalid(
            "`billing_cycle_anchor` must be in the future and cannot be later than the next natural "
            "billing date "
            f"({first}).",
            "billing_cycle_anchor",
        )


def _prorate(world: World, subscription: Obj, invoice: Obj) -> None:
    """A first period that is shorter than a whole one costs its share."""
    for item, line in zip(subscription["items"]["data"], invoice["lines"]["data"], strict=True):
        whole = items.period_of(item["price"], subscription["billing_cycle_anchor"], world.now)
        share = prorating.share(line["amount"], whole, world.now)
        line.update(amount=share, subtotal=share)
        line["parent"]["subscription_item_details"]["proration"] = True
    drafting.add_up(world, invoice, world.known("customer", subscription["customer"]))
    for item, line in zip(subscription["items"]["data"], invoice["lines"]["data"], strict=True):
        item["_debit"] = items.debited(item, line)
    world.save(invoice)
