"""Scheduling: subscriptions that change by themselves when a phase ends."""

from sandbox.stripe import ids
from sandbox.stripe.billing import changing, discounting, ending, items, periods
from sandbox.stripe.due import MOVES
from sandbox.stripe.errors import absent, exclusive, invalid
from sandbox.stripe.rendering import render
from sandbox.stripe.store import Obj
from sandbox.stripe.world import DUE, World, difference, merged

OPEN = ("not_started", "active")


def from_subscription(world: World, subscription: Obj) -> Obj:
    """A schedule whose one phase is what the subscription is now."""
    if subscription["status"] in ("canceled", "incomplete", "incomplete_expired"):
        raise invalid(
            f"You cannot create a schedule from a subscription that is {subscription['status']}.",
            "from_subscription",
        )
    if subscription["schedule"]:
        raise invalid(
            "You cannot migrate a subscription that is already attached to a schedule: "
            f"{subscription['schedule']}.",
            "from_subscription",
        )
    start = min(item["current_period_start"] for item in subscription["items"]["data"])
    end = max(item["current_period_end"] for item in subscription["items"]["data"])
    held = [
        {"price": item["price"]["id"], "quantity": item["quantity"], "metadata": item["metadata"]}
        for item in subscription["items"]["data"]
    ]
    discounts = [{"discount": id} for id in discounting.live(world, subscription["discounts"], world.now)]
    schedule: Obj = {
        "id": ids.new("subscription_schedule"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": subscription["billing_mode"],
        "canceled_at": None,
        "completed_at": None,
        "created": world.now,
        "current_phase": {"end_date": end, "start_date": start},
        "customer": subscription["customer"],
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {"account_tax_ids": None, "days_until_due": None, "issuer": {"type": "self"}},
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "phases": [_phase(subscription["currency"], start, end, held, {"discounts": discounts})],
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": subscription["test_clock"],
    }
    if subscription["cancel_at"]:
        schedule["end_behavior"] = "cancel"
        schedule["phases"][0]["end_date"] = schedule["current_phase"]["end_date"] = subscription["cancel_at"]
    world.save(schedule)
    world.tell("subscription_schedule.created", schedule)
    with world.changing(subscription, "customer.subscription.updated"):
        subscription.update(
            schedule=schedule["id"], cancel_at=None, cancel_at_period_end=False, canceled_at=None
        )
        subscription["cancellation_details"]["reason"] = None
    return schedule


def update(world: World, schedule: Obj, params: Obj) -> None:
    """Write other phases. Those that began stand as they are; the present one may change and then does."""
    if schedule["status"] not in OPEN:
        raise invalid(
            f"You cannot update a subscription schedule that is currently in the `{schedule['status']}` "
            "status."
        )
    with world.changing(schedule, "subscription_schedule.updated"):
        if "phases" in params:
            schedule["phases"] = _phases(world, schedule, params["phases"])
            now = _current(schedule, world.now)
            schedule["current_phase"] = {"end_date": now["end_date"], "start_date": now["start_date"]}
        if "end_behavior" in params:
            schedule["end_behavior"] = params["end_behavior"]
        if "metadata" in params:
            schedule["metadata"] = merged(schedule["metadata"], params["metadata"])
    if "phases" in params:
        subscription = world.known("subscription", schedule["subscription"])
        behavior = params.get("proration_behavior", "create_prorations")
        _take_on(world, subscription, _current(schedule, world.now), behavior)


def release(world: World, schedule: Obj) -> None:
    """Leave the subscription as it is, and be done with it."""
    if schedule["status"] not in OPEN:
        raise invalid(
            "You cannot release a subscription schedule that is currently in the "
            f"`{schedule['status']}` status. It must be in `active` or `not_started` status."
        )
    subscription = world.known("subscription", schedule["subscription"])
    with world.changing(subscription, "customer.subscription.updated"):
        subscription["schedule"] = None
    schedule.update(
        status="released",
        released_at=world.now,
        released_subscription=schedule["subscription"],
        subscription=None,
        current_phase=None,
    )
    world.save(schedule)
    world.tell("subscription_schedule.released", schedule)


def cancel(world: World, schedule: Obj, *, prorate: bool = False, invoice_now: bool = False) -> None:
    """End the schedule and its subscription."""
    if schedule["status"] not in OPEN:
        raise invalid(
            "You cannot cancel a subscription schedule that is currently in the "
            f"`{schedule['status']}` status. It must be in `active` or `not_started` status."
        )
    subscription = world.known("subscription", schedule["subscription"])
    schedule.update(status="canceled", canceled_at=world.now, current_phase=None)
    world.save(schedule)
    world.tell("subscription_schedule.canceled", schedule)
    ending.cancel_now(world, subscription, prorate=prorate, invoice_now=invoice_now)


def advance(world: World, schedule: Obj) -> None:
    """The present phase has ended: the next one begins, or the schedule is over."""
    now = schedule["current_phase"]
    coming = next((one for one in schedule["phases"] if one["start_date"] >= now["end_date"]), None)
    if coming is None:
        _finish(world, schedule)
        return
    with world.changing(schedule, "subscription_schedule.updated"):
        schedule["current_phase"] = {"end_date": coming["end_date"], "start_date": coming["start_date"]}
    subscription = world.known("subscription", schedule["subscription"])
    _take_on(world, subscription, coming, coming["proration_behavior"])


def ends_by(world: World, subscription: Obj) -> Obj | None:
    """The schedule of a subscription when its present phase is over."""
    schedule = world.peek("subscription_schedule", subscription["schedule"])
    moment = _due(schedule) if schedule else None
    return schedule if moment is not None and moment <= world.now else None


def _take_on(world: World, subscription: Obj, phase: Obj, behavior: str) -> None:
    """Make the subscription what the phase says; nothing when it is so already."""
    _discount(world, subscription, phase)
    wanted = {one["price"]: one["quantity"] for one in phase["items"]}
    held = {item["price"]["id"]: item for item in subscription["items"]["data"]}
    if wanted == {price: item["quantity"] for price, item in held.items()}:
        return
    boundary = all(item["current_period_end"] <= world.now for item in held.values())
    if boundary and len(wanted) == len(held) == 1:
        _exchange(world, subscription, *wanted.items())
        return
    leaving = [item for price, item in held.items() if price not in wanted]
    given: list[Obj] = []
    for price, quantity in wanted.items():
        known = held.get(price) or (leaving.pop() if leaving else None)
        given.append({"price": price, "quantity": quantity, **({"id": known["id"]} if known else {})})
    given += [{"id": item["id"], "deleted": True} for item in leaving]
    params = {"items": given, "proration_behavior": behavior, "off_session": True}
    changing.change_items(world, subscription, params)


def _discount(world: World, subscription: Obj, phase: Obj) -> None:
    """The discounts of a phase are those that it names, whatever the subscription had before."""
    wanted = discounting.redeem(
        world,
        phase["discounts"],
        "discounts",
        customer=subscription["customer"],
        currency=subscription["currency"],
        subscription=subscription["id"],
    )
    if wanted != subscription["discounts"]:
        with world.changing(subscription, "customer.subscription.updated"):
            subscription["discounts"] = wanted


def _exchange(world: World, subscription: Obj, new: tuple[str, int]) -> None:
    """At the end of a period: another price from the next one on. Another interval moves the anchor."""
    item = subscription["items"]["data"][0]
    before = render(world, subscription)
    price = world.known("price", new[0])
    if price["recurring"] != item["price"]["recurring"]:
        subscription["billing_cycle_anchor"] = item["current_period_end"]
    item.update(price=render(world, price), quantity=new[1])
    world.save(subscription)
    previous = difference(before, render(world, subscription))
    world.tell("customer.subscription.updated", subscription, previous)


def _finish(world: World, schedule: Obj) -> None:
    if schedule["end_behavior"] == "cancel":
        subscription = world.known("subscription", schedule["subscription"])
        schedule.update(status="completed", completed_at=world.now, current_phase=None)
        world.save(schedule)
        world.tell("subscription_schedule.completed", schedule)
        ending.cancel_now(world, subscription)
        return
    release(world, schedule)


def _phases(world: World, schedule: Obj, given: list[Obj]) -> list[Obj]:
    """The phases that were asked for, checked; they must join."""
    if not given:
        raise absent("phases")
    present = schedule["current_phase"]
    currency = schedule["phases"][0]["currency"]
    past = [one for one in schedule["phases"] if one["end_date"] <= present["start_date"]]
    start: int = present["start_date"]
    made: list[Obj] = []
    for index, one in enumerate(given):
        param = f"phases[{index}]"
        if one.get("start_date") == "now":
            raise invalid("The sandbox takes `now` as no phase's start.", f"{param}[start_date]")
        if any(old["start_date"] == one.get("start_date") for old in past):
            continue
        if one.get("start_date", start) != start:
            raise invalid(
                "You can not modify the start date of the current phase."
                if not made
                else "Phases must be contiguous: each starts when the one before it ends.",
                f"{param}[start_date]",
            )
        prices = [items.price_for(world, line, f"{param}[items][{n}]") for n, line in enumerate(one["items"])]
        items.check_together(prices, currency)
        end = _end(one, start, param)
        if end <= world.now and not made:
            raise invalid("The end date of the current phase must be in the future.", f"{param}[end_date]")
        held = [
            {
                "price": price["id"],
                "quantity": line.get("quantity", 1),
                "metadata": line.get("metadata") or {},
            }
            for line, price in zip(one["items"], prices, strict=True)
        ]
        made.append(_phase(currency, start, end, held, one))
        start = end
    if not made:
        raise invalid("The current phase must be among the phases.", "phases")
    return past + made


def _end(phase: Obj, start: int, param: str) -> int:
    if "end_date" in phase and "duration" in phase:
        raise exclusive(f"{param}[end_date]", f"{param}[duration]")
    if "end_date" in phase:
        if phase["end_date"] <= start:
            raise invalid("A phase must end after it starts.", f"{param}[end_date]")
        return int(phase["end_date"])
    if "duration" not in phase:
        raise absent(f"{param}[end_date]")
    duration = phase["duration"]
    return periods.step(start, duration["interval"], duration.get("interval_count", 1), 1)


def _phase(currency: str, start: int, end: int, held: list[Obj], given: Obj) -> Obj:
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": currency,
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [
            {name: one.get(name) for name in ("coupon", "discount", "promotion_code")}
            for one in given.get("discounts") or []
        ],
        "end_date": end,
        "invoice_settings": None,
        "items": [
            {
                "billing_thresholds": None,
                "discounts": [],
                "metadata": one["metadata"],
                "price": one["price"],
                "quantity": one["quantity"],
                "tax_rates": [],
            }
            for one in held
        ],
        "metadata": merged({}, given.get("metadata") or {}),
        "on_behalf_of": None,
        "proration_behavior": given.get("proration_behavior", "create_prorations"),
        "start_date": start,
        "transfer_data": None,
        "trial_end": None,
    }


def _current(schedule: Obj, now: int) -> Obj:
    for phase in schedule["phases"]:
        if phase["start_date"] <= now < phase["end_date"]:
            return dict(phase)
    raise invalid("No phase covers the present moment.", "phases")


def _due(schedule: Obj) -> int | None:
    present = schedule["current_phase"]
    return int(present["end_date"]) if schedule["status"] == "active" and present else None


DUE["subscription_schedule"] = _due
MOVES["subscription_schedule"] = advance
