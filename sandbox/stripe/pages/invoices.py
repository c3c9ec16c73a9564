"""The hosted page of an invoice: what is owed, and how to pay it; receipts, and the page of a bank."""

from sandbox.stripe.billing import charging, collecting, methods
from sandbox.stripe.errors import StripeError
from sandbox.stripe.objects import setup_intents
from sandbox.stripe.pages import cards, paper
from sandbox.stripe.pages.serving import Answer, Visit, lead, page, show, words
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World


@page("GET", "/invoices/{account}/{id}")
def open_page(visit: Visit, account: str, id: str) -> Answer:
    with visit.sandbox.store.lock:
        world = visit.world()
        invoice = world.peek("invoice", id)
        if invoice is None or invoice["status"] == "draft":
            return words(404, "There is no such invoice.")
        return _show(visit, world, invoice)


@page("GET", "/invoices/{account}/{id}/pdf")
def pdf(visit: Visit, account: str, id: str) -> Answer:
    with visit.sandbox.store.lock:
        invoice = visit.world().peek("invoice", id)
        if invoice is None or invoice["status"] == "draft":
            return words(404, "There is no such invoice.")
        headers = {
            "Content-Type": "application/pdf",
            "Content-Disposition": f'attachment; filename="Invoice-{invoice["number"]}.pdf"',
        }
        return 200, headers, paper.invoice(invoice)


@page("POST", "/invoices/{account}/{id}")
def pay(visit: Visit, account: str, id: str) -> Answer:
    action = visit.form.get("action", "pay")
    problem = None
    with visit.sandbox.store.transaction():
        world = visit.world()
        invoice = world.peek("invoice", id)
        if invoice is None or invoice["status"] == "draft":
            return words(404, "There is no such invoice.")
        if invoice["status"] != "open" or _processing(world, invoice):
            return _show(visit, world, invoice)
        if action == "authentication-failed":
            problem = "We are unable to authenticate your payment method."
            return _show(visit, world, invoice, problem=problem)
        if action == "pay" and visit.form.get("card") == "on-file":
            customer = world.known("customer", invoice["customer"])
            subscription = world.peek("subscription", invoice["_subscription"])
            method = methods.default_for(world, customer, subscription)
        else:
            method, problem = _new(world, visit, invoice)
        if method is None:
            return _show(visit, world, invoice, problem=problem or "There is no card on file.")
        if action == "pay" and method["_asks"] != "never" and not method.get("_authenticated"):
            return _ask(visit, invoice)
        authenticated = action == "authenticated"
        decline = collecting.pay(world, invoice, method, off_session=False, authenticated=authenticated)
        if decline:
            problem = methods.declined(decline).message
        elif visit.form.get("keep") and method["customer"]:
            _keep(world, invoice, method)
        if problem:
            return _show(visit, world, world.known("invoice", id), problem=problem)
    return lead(f"/invoices/{account}/{id}")


@page("GET", "/receipts/{id}")
def receipt(visit: Visit, id: str) -> Answer:
    with visit.sandbox.store.lock:
        world = visit.world()
        intent = world.peek("payment_intent", id)
        if intent is None or intent["status"] != "succeeded":
            return words(404, "There is no such receipt.")
        charge = world.known("charge", intent["latest_charge"])
        method = world.peek("payment_method", charge["payment_method"])
        return show(visit, "receipt.html", charge=charge, method=method)


@page("GET", "/authenticate/{id}")
def ask(visit: Visit, id: str) -> Answer:
    """The bank's question, for a payment or a card that waits for it."""
    with visit.sandbox.store.lock:
        intent = _waiting(visit.world(), id)
        if intent is None:
            return words(404, "Nothing waits for authentication here.")
        return show(
            visit,
            "authenticate.html",
            action=f"/authenticate/{id}",
            hidden={},
            amount=intent.get("amount", 0),
            currency=intent.get("currency", "usd"),
        )


@page("POST", "/authenticate/{id}")
def answer(visit: Visit, id: str) -> Answer:
    with visit.sandbox.store.transaction():
        world = visit.world()
        intent = _waiting(world, id)
        if intent is None:
            return words(404, "Nothing waits for authentication here.")
        passed = visit.form.get("action") == "authenticated"
        method = world.known("payment_method", intent["payment_method"])
        if intent["object"] == "setup_intent":
            _set_up(world, intent, method, passed)
        elif not passed:
            charging.fail(world, intent, method, "authentication_required")
        elif invoice := world.peek("invoice", intent["_invoice"]):
            collecting.pay(world, invoice, method, off_session=False, authenticated=True)
        else:
            charging.confirm(world, intent, method, off_session=False, authenticated=True)
    return words(200, "Thank you. You may close this page.")


def _set_up(world: World, intent: Obj, method: Obj, passed: bool) -> None:
    if passed:
        method["_authenticated"] = True
        world.save(method)
        setup_intents.succeed(world, intent, method)
        return
    intent.update(status="requires_payment_method", next_action=None)
    world.save(intent)
    world.tell("setup_intent.setup_failed", intent)


def _new(world: World, visit: Visit, invoice: Obj) -> tuple[Obj | None, str | None]:
    """A card typed here, attached to the customer."""
    try:
        method = cards.read(world, visit.form)
        return methods.attach(world, method, invoice["customer"]), None
    except StripeError as refusal:
        return None, refusal.message


def _keep(world: World, invoice: Obj, method: Obj) -> None:
    customer = world.known("customer", invoice["customer"])
    with world.changing(customer, "customer.updated"):
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    subscription = world.peek("subscription", invoice["_subscription"])
    if subscription is not None and subscription["default_payment_method"]:
        with world.changing(subscription, "customer.subscription.updated"):
            subscription["default_payment_method"] = method["id"]


def _show(visit: Visit, world: World, invoice: Obj, *, problem: str | None = None) -> Answer:
    customer = world.known("customer", invoice["customer"])
    subscription = world.peek("subscription", invoice["_subscription"])
    return show(
        visit,
        "invoice.html",
        422 if problem else 200,
        invoice=invoice,
        processing=_processing(world, invoice),
        on_file=methods.default_for(world, customer, subscription),
        choices=cards.CHOICES,
        chosen=visit.form.get("card", "pm_card_visa"),
        form=visit.form,
        problem=problem,
    )


def _ask(visit: Visit, invoice: Obj) -> Answer:
    names = ("card", "number", "expiry", "cvc", "keep")
    return show(
        visit,
        "authenticate.html",
        action=f"/invoices/{invoice['_account']}/{invoice['id']}",
        hidden={name: visit.form.get(name, "") for name in names},
        amount=invoice["amount_remaining"],
        currency=invoice["currency"],
    )


def _processing(world: World, invoice: Obj) -> bool:
    intent = collecting.intent_of(world, invoice)
    return intent is not None and intent["status"] == "processing"


def _waiting(world: World, id: str) -> Obj | None:
    intent = world.peek("payment_intent", id) or world.peek("setup_intent", id)
    return intent if intent is not None and intent["status"] == "requires_action" else None
