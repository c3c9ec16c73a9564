"""Collecting: invoices finalized, paid, voided or given up."""

from collections.abc import Callable

from sandbox.stripe import ACCOUNT, ids
from sandbox.stripe.billing import buyers, charging, drafting, methods
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.store import Obj
from sandbox.stripe.world import DUE, World

ON_PAID: list[Callable[[World, Obj], None]] = []
ON_FAILED: list[Callable[[World, Obj], None]] = []
ON_GONE: list[Callable[[World, Obj], None]] = []
ON_LATE: list[Callable[[World, Obj], None]] = []
"""What else follows when an invoice was paid, could not be paid, was voided or given up, or is being paid."""

DRAFT_SECONDS = 3600
RETRY_DAYS = (3, 5, 7, 14)
"""Days after the first attempt on which a failed payment is tried again. After two weeks it is given up."""

DAY = 24 * 3600


def finalize(world: World, invoice: Obj) -> None:
    """Give a draft its number and open it; one with nothing to pay is paid."""
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    customer = world.known("customer", invoice["customer"])
    drafting.add_up(world, invoice, customer)
    _take_balance(world, invoice, customer)
    invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1
    if customer["currency"] is None:
        customer["currency"] = invoice["currency"]
    world.save(customer)
    page = f"{world.base}/invoices/{ACCOUNT}/{invoice['id']}"
    invoice.update(
        status="open",
        effective_at=invoice["effective_at"] or world.now,
        automatically_finalizes_at=None,
        hosted_invoice_url=page,
        invoice_pdf=f"{page}/pdf",
    )
    if invoice["rendering"] and invoice["rendering"]["pdf"]["page_size"] == "auto":
        invoice["rendering"]["pdf"]["page_size"] = "letter"
    invoice["status_transitions"]["finalized_at"] = world.now
    if invoice["amount_due"] > 0:
        intent = charging.intend(
            world,
            amount=invoice["amount_due"],
            currency=invoice["currency"],
            customer=invoice["customer"],
            description=_description(invoice),
            invoice=invoice["id"],
            recurring=invoice["_subscription"] is not None,
            method=None,
        )
        _payment(world, invoice, intent)
    world.save(invoice)
    world.tell("invoice.finalized", invoice)
    if invoice["amount_due"] <= 0:
        _paid(world, invoice)


def intent_of(world: World, invoice: Obj) -> Obj | None:
    """The payment intent of an open invoice."""
    return world.peek("payment_intent", invoice.get("_intent"))


def pay(
    world: World,
    invoice: Obj,
    method: Obj,
    *,
    off_session: bool,
    authenticated: bool = False,
    automatic: bool = False,
) -> str | None:
    """Attempt an open invoice. None when paid, on its way or waiting for the customer; else the decline."""
    intent = intent_of(world, invoice)
    assert intent is not None and invoice["status"] == "open", invoice["id"]
    invoice["attempted"] = True
    invoice["attempt_count"] += 1
    world.save(invoice)
    decline = charging.confirm(world, intent, method, off_session=off_session, authenticated=authenticated)
    if decline is None:
        if intent["status"] == "succeeded":
            settle(world, invoice, intent)
        elif intent["status"] == "requires_action":
            world.tell("invoice.payment_action_required", invoice)
        else:
            with world.changing(invoice, "invoice.updated"):
                invoice["next_payment_attempt"] = None
            for follow in ON_LATE:
                follow(world, invoice)
        return None
    _failed(world, invoice, decline, automatic=automatic)
    return decline


def settle(world: World, invoice: Obj, intent: Obj) -> None:
    """The money for an invoice came."""
    payment = world.known("invoice_payment", invoice["_payment"])
    payment.update(status="paid", amount_paid=intent["amount_received"])
    payment["status_transitions"]["paid_at"] = world.now
    world.save(payment)
    invoice["amount_paid"] += intent["amount_received"]
    _paid(world, invoice)
    world.tell("invoice_payment.paid", payment)


def pay_out_of_band(world: World, invoice: Obj) -> None:
    """Somebody paid by other means."""
    _cancel_intent(world, invoice, "void_invoice")
    invoice["amount_paid"] = invoice["amount_due"]
    invoice["amount_paid_off_stripe"] = invoice["amount_due"]
    _paid(world, invoice)


def lessen(world: World, invoice: Obj) -> None:
    """Less is due of an open invoice than was: its payment asks for less, or it is paid."""
    intent = intent_of(world, invoice)
    if invoice["amount_due"] == 0:
        _cancel_intent(world, invoice, "void_invoice")
        _paid(world, invoice)
    elif intent is not None:
        intent["amount"] = invoice["amount_due"]
        world.save(intent)
        payment = world.known("invoice_payment", invoice["_payment"])
        payment["amount_requested"] = invoice["amount_due"]
        world.save(payment)


def fall_through(world: World, invoice: Obj, decline: str) -> None:
    """Money that was on its way did not come."""
    _failed(world, invoice, decline, automatic=True)


def void(world: World, invoice: Obj) -> None:
    """Nobody owes an open invoice any more."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(
            f"You can only pass in open or uncollectible invoices. This invoice is {invoice['status']}."
        )
    _cancel_intent(world, invoice, "void_invoice")
    with world.changing(invoice, "invoice.updated"):
        invoice.update(status="void", auto_advance=False, next_payment_attempt=None)
        invoice["status_transitions"]["voided_at"] = world.now
    world.tell("invoice.voided", invoice)
    for follow in ON_GONE:
        follow(world, invoice)


def give_up(world: World, invoice: Obj) -> None:
    """An open invoice will not be paid."""
    if invoice["status"] != "open":
        raise invalid(
            f"You can only mark open invoices as uncollectible. This invoice is {invoice['status']}."
        )
    with world.changing(invoice, "invoice.updated"):
        invoice.update(status="uncollectible", auto_advance=False, next_payment_attempt=None)
        invoice["status_transitions"]["marked_uncollectible_at"] = world.now
    world.tell("invoice.marked_uncollectible", invoice)
    for follow in ON_GONE:
        follow(world, invoice)


def move(world: World, invoice: Obj) -> None:
    """The moment of a draft, or of the next attempt, has come."""
    if invoice["status"] == "draft":
        finalize(world, invoice)
        invoice = world.known("invoice", invoice["id"])
        if invoice["status"] != "open" or invoice["collection_method"] != "charge_automatically":
            return
    attempt(world, invoice)


def attempt(world: World, invoice: Obj) -> None:
    """Try to collect an open invoice with what the customer has on file."""
    customer = world.known("customer", invoice["customer"])
    subscription = world.peek("subscription", invoice["_subscription"])
    method = world.peek("payment_method", invoice["default_payment_method"])
    method = method or methods.default_for(world, customer, subscription)
    if method is None:
        invoice["attempted"] = True
        invoice["attempt_count"] += 1
        _failed(world, invoice, None, automatic=True)
        return
    pay(world, invoice, method, off_session=True, automatic=True)


def refusal(world: World, invoice: Obj, decline: str) -> StripeError:
    """The 402 that a failed attempt answers. What happened stands."""
    intent = intent_of(world, invoice)
    refused = methods.declined(decline, charge=intent and intent["latest_charge"])
    refused.keep = True
    return refused


def _paid(world: World, invoice: Obj) -> None:
    with world.changing(invoice, "invoice.updated"):
        invoice.update(
            status="paid",
            amount_remaining=0,
            attempted=True,
            auto_advance=False,
            next_payment_attempt=None,
        )
        invoice["status_transitions"]["paid_at"] = world.now
    world.tell("invoice.paid", invoice)
    world.tell("invoice.payment_succeeded", invoice)
    customer = world.known("customer", invoice["customer"])
    if customer["delinquent"]:
        with world.changing(customer, "customer.updated"):
            customer["delinquent"] = False
    for follow in ON_PAID:
        follow(world, invoice)


def _failed(world: World, invoice: Obj, decline: str | None, *, automatic: bool) -> None:
    """After an attempt that brought nothing: when the next one is, and what follows."""
    invoice.setdefault("_first_attempt", world.now)
    left = [day for day in RETRY_DAYS if invoice["_first_attempt"] + day * DAY > world.now]
    retries = invoice["auto_advance"] and invoice["billing_reason"] != "subscription_create"
    retries = retries and not invoice.get("_pending_update")
    with world.changing(invoice, "invoice.updated"):
        invoice["next_payment_attempt"] = (
            invoice["_first_attempt"] + left[0] * DAY if retries and left else None
        )
    world.tell("invoice.payment_failed", invoice)
    if decline == "authentication_required":
        world.tell("invoice.payment_action_required", invoice)
    customer = world.known("customer", invoice["customer"])
    if not customer["delinquent"] and invoice["billing_reason"] != "subscription_create":
        with world.changing(customer, "customer.updated"):
            customer["delinquent"] = True
    for follow in ON_FAILED:
        follow(world, invoice)


def _take_balance(world: World, invoice: Obj, customer: Obj) -> None:
    """Use the customer's credit, or add what an invoice below nought gives back."""
    total, balance = invoice["total"], customer["balance"]
    ending = balance
    if total < 0 or balance != 0:
        ending = min(0, total + balance)
    due = max(0, total + balance)
    if 0 < due < charging.smallest(invoice["currency"]):
        ending, due = ending + due, 0  # too little to charge: it is owed until the next invoice
    if ending != balance:
        buyers.owe(world, customer, ending - balance, "applied_to_invoice", invoice=invoice["id"])
    invoice.update(starting_balance=balance, ending_balance=ending, amount_due=due, amount_remaining=due)


def _payment(world: World, invoice: Obj, intent: Obj) -> None:
    payment = {
        "id": ids.new("invoice_payment"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": intent["amount"],
        "created": world.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    world.save(payment)
    invoice["_intent"], invoice["_payment"] = intent["id"], payment["id"]


def _cancel_intent(world: World, invoice: Obj, reason: str) -> None:
    intent = intent_of(world, invoice)
    if intent is None or intent["status"] in ("succeeded", "canceled"):
        return
    charging.cancel(world, intent, reason)
    payment = world.known("invoice_payment", invoice["_payment"])
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = world.now
    world.save(payment)


def _description(invoice: Obj) -> str:
    return {"subscription_create": "Subscription creation", "subscription_update": "Subscription update"}.get(
        invoice["billing_reason"],
        "Subscription update" if invoice["_subscription"] else "Payment for Invoice",
    )


def _due(invoice: Obj) -> int | None:
    if not invoice["auto_advance"]:
        return None
    name = {"draft": "automatically_finalizes_at", "open": "next_payment_attempt"}.get(invoice["status"])
    due: int | None = invoice[name] if name else None
    return due


DUE["invoice"] = _due
