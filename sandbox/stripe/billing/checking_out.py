"""Checking out: what a customer does on the hosted page of a session."""

from decimal import Decimal
from typing import Any

from sandbox.stripe.billing import buyers, charging, collecting, discounting, methods, subscribing
from sandbox.stripe.due import MOVES
from sandbox.stripe.errors import StripeError
from sandbox.stripe.fields import EMPTY_ADDRESS
from sandbox.stripe.store import Obj
from sandbox.stripe.world import DUE, World

FROM_DATA = (
    "billing_cycle_anchor",
    "description",
    "metadata",
    "proration_behavior",
    "trial_end",
    "trial_period_days",
    "trial_settings",
)


class NeedsAuthentication(Exception):
    """The bank wants to hear from the customer first."""


def add_up(world: World, session: Obj) -> None:
    """Write a session's sums from its lines and discounts. Nothing is redeemed yet."""
    trial = {"trial_end", "trial_period_days"} & session["_subscription_data"].keys()
    subtotal = sum(line["amount_subtotal"] for line in session["_lines"])
    off = 0
    for line in session["_lines"]:
        line["amount_discount"] = 0
    for one in session["discounts"] or []:
        coupon = _coupon(world, one)
        left = subtotal
        for line in session["_lines"]:
            if coupon["percent_off"] is not None:
                part = discounting.rounded(
                    Decimal(str(coupon["percent_off"])) * line["amount_subtotal"] / 100
                )
            else:
                whole = min(coupon["amount_off"], subtotal)
                part = discounting.rounded(Decimal(whole - off) * line["amount_subtotal"] / max(left, 1))
                left -= line["amount_subtotal"]
            line["amount_discount"] = part
            off += part
    for line in session["_lines"]:
        line["amount_total"] = 0 if trial else line["amount_subtotal"] - line["amount_discount"]
    session["amount_subtotal"] = 0 if trial else subtotal
    session["amount_total"] = 0 if trial else subtotal - off
    session["total_details"] = {
        "amount_discount": 0 if trial else off,
        "amount_shipping": 0,
        "amount_tax": 0,
    }


def complete(
    world: World,
    session: Obj,
    method: Obj | None,
    *,
    email: str,
    name: str | None,
    authenticated: bool = False,
) -> Obj:
    """The customer pays. StripeError when the card is declined, NeedsAuthentication when the bank asks.

    Call it inside `supposing` or a transaction that is undone when it raises.
    """
    if session["status"] != "open":
        raise StripeError("This Checkout Session is no longer open.")
    if method is not None and _asks(method) and not authenticated:
        raise NeedsAuthentication
    _let_go(world, session)
    customer = _customer(world, session, email, name)
    if method is not None:
        method["billing_details"] = {**method["billing_details"], "email": email, "name": name}
        world.save(method)
        if authenticated:
            method["_authenticated"] = True
        methods.attach(world, method, customer["id"])
    if session["mode"] == "subscription":
        _subscribe(world, session, customer, method, authenticated)
    else:
        _pay_once(world, session, customer, method, authenticated)
    session = world.known("checkout.session", session["id"])
    session.update(status="complete", url=None, customer=customer["id"])
    session["customer_details"] = {
        "address": dict(EMPTY_ADDRESS),
        "business_name": None,
        "email": customer["email"] or email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
    world.save(session)
    world.tell("checkout.session.completed", session)
    return session


def decline(world: World, session: Obj, method: Obj, code: str) -> None:
    """The bank said no: nothing was bought, and the attempt stays on record as a failed charge."""
    intent = world.peek("payment_intent", session.get("_tried"))
    if intent is None:
        is_subscription = session["mode"] == "subscription"
        intent = charging.intend(
            world,
            amount=session["amount_total"],
            currency=session["currency"],
            customer=session["customer"],
            description="Subscription creation" if is_subscription else None,
            setup_future_usage="off_session" if is_subscription else None,
            _session=session["id"],
        )
        session["_tried"] = intent["id"]
        world.save(session)
    intent["amount"] = session["amount_total"]
    charging.fail(world, intent, method, code)


def expire(world: World, session: Obj) -> None:
    """Nobody came."""
    _let_go(world, session)
    session.update(status="expired", url=None)
    world.save(session)
    world.tell("checkout.session.expired", session)


def check_code(world: World, session: Obj, code: Obj) -> None:
    """Whether this customer may redeem a promotion code here; StripeError when not."""
    given = {"promotion_code": code["id"]}
    discounting.check(
        world, given, "discounts[0]", customer=session["customer"], currency=session["currency"]
    )


def apply_code(world: World, session: Obj, code: Obj | None) -> None:
    """The customer typed a promotion code, or took it off again."""
    session["discounts"] = [{"coupon": None, "promotion_code": code["id"]}] if code else None
    add_up(world, session)
    world.save(session)


def _let_go(world: World, session: Obj) -> None:
    """What was declined is not tried again."""
    intent = world.peek("payment_intent", session.get("_tried"))
    if intent is not None and intent["status"] != "canceled":
        charging.cancel(world, intent, "abandoned")


def _subscribe(world: World, session: Obj, customer: Obj, method: Obj | None, authenticated: bool) -> None:
    data = session["_subscription_data"]
    params: dict[str, Any] = {name: data[name] for name in FROM_DATA if name in data}
    params["items"] = [
        {"price": line["price"]["id"], "quantity": line["quantity"]} for line in session["_lines"]
    ]
    params["discounts"] = [
        {name: value for name, value in one.items() if value} for one in session["discounts"] or []
    ]
    if method is not None:
        params["default_payment_method"] = method["id"]
    subscription = subscribing.subscribe(
        world, customer, params, behavior="error_if_incomplete", authenticated=authenticated
    )
    invoice = world.known("invoice", subscription["latest_invoice"])
    status = {"paid": "paid"}.get(invoice["status"], "unpaid")
    if session["amount_total"] == 0 and invoice["amount_due"] == 0:
        status = "no_payment_required" if subscription["trial_end"] else "paid"
    session.update(subscription=subscription["id"], invoice=invoice["id"], payment_status=status)
    world.save(session)
    if status == "unpaid":
        invoice["_session"] = session["id"]
        world.save(invoice)


def _pay_once(world: World, session: Obj, customer: Obj, method: Obj | None, authenticated: bool) -> None:
    data = session["_payment_intent_data"]
    if session["amount_total"] == 0:
        session["payment_status"] = "no_payment_required"
        world.save(session)
        return
    assert method is not None
    intent = charging.intend(
        world,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=customer["id"],
        description=data.get("description"),
        metadata=data.get("metadata") or {},
        receipt_email=data.get("receipt_email"),
        _session=session["id"],
    )
    decline = charging.confirm(world, intent, method, off_session=False, authenticated=authenticated)
    if decline:
        raise methods.declined(decline)
    paid = intent["status"] == "succeeded"
    session.update(payment_intent=intent["id"], payment_status="paid" if paid else "unpaid")
    world.save(session)


def _customer(world: World, session: Obj, email: str, name: str | None) -> Obj:
    if session["customer"]:
        return buyers.find(world, session["customer"], "customer", status=400)
    return buyers.make(world, email=email, name=name)


def _coupon(world: World, one: Obj) -> Obj:
    if one["promotion_code"]:
        return world.known(
            "coupon", world.known("promotion_code", one["promotion_code"])["promotion"]["coupon"]
        )
    return world.known("coupon", one["coupon"])


def _asks(method: Obj) -> bool:
    return method["_asks"] != "never" and not method.get("_authenticated")


def _late(world: World, invoice: Obj, type: str, status: str) -> None:
    session = world.peek("checkout.session", invoice.get("_session"))
    if session is None or session["payment_status"] != "unpaid":
        return
    session["payment_status"] = status
    world.save(session)
    world.tell(type, session)


collecting.ON_PAID.append(
    lambda world, invoice: _late(world, invoice, "checkout.session.async_payment_succeeded", "paid")
)
collecting.ON_FAILED.append(
    lambda world, invoice: _late(world, invoice, "checkout.session.async_payment_failed", "unpaid")
)
DUE["checkout.session"] = lambda session: session["expires_at"] if session["status"] == "open" else None
MOVES["checkout.session"] = expire
