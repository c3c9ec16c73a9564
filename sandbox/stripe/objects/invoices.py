"""Invoices, as asked for."""

from sandbox.stripe.billing import buyers, collecting, discounting, drafting, methods, previewing
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.expanding import ON_REQUEST
from sandbox.stripe.fields import METADATA, Currency
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.objects import invoice_items
from sandbox.stripe.objects.subscriptions import DISCOUNTS, PRORATIONS
from sandbox.stripe.rendering import listed, render
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Boolean, Choice, Hash, Integer, Moment, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

STATUSES = ("draft", "open", "paid", "uncollectible", "void")


@route(
    "POST",
    "/v1/invoices",
    {
        "customer": Text(required=True),
        "auto_advance": Boolean(),
        "collection_method": Choice("charge_automatically", "send_invoice"),
        "currency": Currency(),
        "days_until_due": Integer(0, 365),
        "default_payment_method": Text(),
        "description": Text(most=1500),
        "discounts": DISCOUNTS,
        "due_date": Moment(),
        "footer": Text(),
        "pending_invoice_items_behavior": Choice("exclude", "include"),
        **METADATA,
    },
)
def create(world: World, params: Obj) -> Obj:
    customer = buyers.find(world, params["customer"], "customer", status=400)
    currency = params.get("currency") or customer["currency"] or "usd"
    buyers.settle_currency(world, customer, currency)
    sent = params.get("collection_method") == "send_invoice"
    due = params.get("due_date")
    if sent and due is None:
        due = world.now + params.get("days_until_due", 30) * 24 * 3600
    discounts = discounting.redeem(
        world, params.get("discounts") or [], "discounts", customer=customer["id"], currency=currency
    )
    include = params.get("pending_invoice_items_behavior") == "include"
    waiting = invoice_items.waiting(world, customer["id"]) if include else []
    lines = [invoice_items.line_for(world, one) for one in waiting]
    auto = params.get("auto_advance", False)
    invoice = drafting.draft(
        world,
        customer,
        lines,
        reason="manual",
        currency=currency,
        period=(world.now, world.now),
        discounts=discounts,
        auto_advance=auto,
        automatically_finalizes_at=world.now + collecting.DRAFT_SECONDS if auto else None,
        collection_method=params.get("collection_method", "charge_automatically"),
        description=params.get("description"),
        due_date=due,
        footer=params.get("footer"),
        metadata=merged({}, params.get("metadata") or {}),
        rendering={
            "amount_tax_display": None,
            "pdf": {"page_size": "auto"},
            "template": None,
            "template_version": None,
        },
    )
    for one in waiting:
        one.update(invoice=invoice["id"], _waiting=False)
        world.save(one)
    world.tell("invoice.created", invoice)
    return invoice


@route(
    "POST",
    "/v1/invoices/create_preview",
    {
        "customer": Text(),
        "subscription": Text(),
        "currency": Currency(),
        "discounts": DISCOUNTS,
        "preview_mode": Choice("next"),
        "subscription_details": Hash(previewing.details(PRORATIONS)),
    },
)
def create_preview(world: World, params: Obj) -> Obj:
    return previewing.preview(world, params)


@route("GET", "/v1/invoices/{invoice}")
def retrieve(world: World, params: Obj, invoice: str) -> Obj:
    return find(world, invoice)


@route(
    "POST",
    "/v1/invoices/{invoice}",
    {
        "auto_advance": Boolean(),
        "default_payment_method": Text(clear=True),
        "description": Text(most=1500, clear=True),
        "discounts": DISCOUNTS,
        "due_date": Moment(),
        "footer": Text(clear=True),
        **METADATA,
    },
)
def update(world: World, params: Obj, invoice: str) -> Obj:
    found = find(world, invoice)
    final = set(params) - {"auto_advance", "metadata", "default_payment_method"}
    if found["status"] != "draft" and final:
        raise invalid(
            "Finalized invoices can't be updated in this way.", sorted(final)[0], "invoice_not_editable"
        )
    with world.changing(found, "invoice.updated"):
        for name, value in params.items():
            if name == "metadata":
                found[name] = merged(found[name], value)
            elif name == "discounts":
                found[name] = discounting.redeem(
                    world, value or [], "discounts", customer=found["customer"], currency=found["currency"]
                )
                drafting.add_up(world, found, world.known("customer", found["customer"]))
            else:
                found[name] = value
        if found["status"] == "draft" and found["auto_advance"] and not found["automatically_finalizes_at"]:
            found["automatically_finalizes_at"] = world.now + collecting.DRAFT_SECONDS
    return found


@route("DELETE", "/v1/invoices/{invoice}")
def delete(world: World, params: Obj, invoice: str) -> Obj:
    found = find(world, invoice)
    if found["status"] != "draft" or found["_subscription"]:
        raise invalid("You can only delete draft invoices that do not belong to a subscription.")
    world.tell("invoice.deleted", found)
    world.store.drop(invoice)
    return {"id": invoice, "object": "invoice", "deleted": True}


@route("POST", "/v1/invoices/{invoice}/finalize", {"auto_advance": Boolean()})
def finalize(world: World, params: Obj, invoice: str) -> Obj:
    found = find(world, invoice)
    if "auto_advance" in params:
        found["auto_advance"] = params["auto_advance"]
    collecting.finalize(world, found)
    return found


@route(
    "POST",
    "/v1/invoices/{invoice}/pay",
    {"payment_method": Text(), "off_session": Boolean(), "paid_out_of_band": Boolean(), "forgive": Boolean()},
)
def pay(world: World, params: Obj, invoice: str) -> Obj:
    found = find(world, invoice)
    if found["status"] == "paid":
        raise invalid("Invoice is already paid")
    if found["status"] in ("void", "uncollectible") and not params.get("paid_out_of_band"):
        raise invalid(f"This invoice is {found['status']} and cannot be paid.", code="invoice_not_editable")
    if found["status"] == "draft":
        collecting.finalize(world, found)
        if found["status"] == "paid":
            return found
    if params.get("paid_out_of_band"):
        collecting.pay_out_of_band(world, found)
        return found
    customer = world.known("customer", found["customer"])
    subscription = world.peek("subscription", found["_subscription"])
    intent = collecting.intent_of(world, found)
    if intent is not None and intent["status"] == "processing":
        raise invalid(
            "This invoice is being paid: its payment is processing.",
            code="invoice_payment_intent_requires_action",
        )
    if given := params.get("payment_method"):
        method = methods.find(world, given, status=400)
        if method["customer"] not in (None, customer["id"]):
            raise invalid(f"The payment method {given} belongs to another customer.", "payment_method")
    else:
        default = world.peek("payment_method", found["default_payment_method"])
        held = default or methods.default_for(world, customer, subscription)
        if held is None:
            raise invalid(
                "There is no `default_payment_method` set on this Customer or Invoice. Please set a "
                "default_payment_method.",
                code="missing",
            )
        method = held
    decline = collecting.pay(world, found, method, off_session=params.get("off_session", True))
    if decline:
        raise collecting.refusal(world, found, decline)
    if (intent := collecting.intent_of(world, found)) and intent["status"] == "requires_action":
        raise StripeError(
            "This payment requires additional user action before it can be completed successfully. "
            "Payment can be "
            "completed using the PaymentIntent associated with the invoice.",
            status=402,
            kind="card_error",
            code="invoice_payment_intent_requires_action",
            keep=True,
        )
    return world.known("invoice", invoice)


@route("POST", "/v1/invoices/{invoice}/send")
def send(world: World, params: Obj, invoice: str) -> Obj:
    found = find(world, invoice)
    if found["collection_method"] != "send_invoice":
        raise invalid("You can only manually send an invoice if its collection method is 'send_invoice'.")
    if found["status"] == "draft":
        collecting.finalize(world, found)
    world.tell("invoice.sent", found)
    return found


@route("POST", "/v1/invoices/{invoice}/void")
def void(world: World, params: Obj, invoice: str) -> Obj:
    found = find(world, invoice)
    collecting.void(world, found)
    return found


@route("POST", "/v1/invoices/{invoice}/mark_uncollectible")
def mark_uncollectible(world: World, params: Obj, invoice: str) -> Obj:
    found = find(world, invoice)
    collecting.give_up(world, found)
    return found


@route("GET", "/v1/invoices/{invoice}/lines", shape())
def lines(world: World, params: Obj, invoice: str) -> Obj:
    found = find(world, invoice)
    data = found["lines"]["data"]
    names = [line["id"] for line in data]
    start = names.index(params["starting_after"]) + 1 if params.get("starting_after") in names else 0
    limit = params.get("limit", 10)
    more = len(data) > start + limit
    return listed(data[start : start + limit], f"/v1/invoices/{invoice}/lines", has_more=more)


@route(
    "GET",
    "/v1/invoices",
    shape(
        customer=Text(),
        subscription=Text(),
        status=Choice(*STATUSES),
        collection_method=Choice("charge_automatically", "send_invoice"),
        created=Span(),
        due_date=Span(),
    ),
)
def index(world: World, params: Obj) -> Obj:
    if "customer" in params:
        world.get("customer", params["customer"], "customer")
    if "subscription" in params:
        world.get("subscription", params["subscription"], "subscription")
    return page(
        world,
        params,
        "invoice",
        "/v1/invoices",
        customer=params.get("customer"),
        _subscription=params.get("subscription"),
        status=params.get("status"),
        collection_method=params.get("collection_method"),
    )


@route("GET", "/v1/invoice_payments/{payment}")
def payment(world: World, params: Obj, payment: str) -> Obj:
    return world.get("invoice_payment", payment, "invoice_payment", status=404)


@route(
    "GET",
    "/v1/invoice_payments",
    shape(
        invoice=Text(),
        status=Choice("canceled", "open", "paid"),
        created=Span(),
        payment=Hash(
            {"type": Choice("payment_intent", required=True), "payment_intent": Text()},
        ),
    ),
)
def payments(world: World, params: Obj) -> Obj:
    wanted = params.get("payment", {}).get("payment_intent")
    return page(
        world,
        params,
        "invoice_payment",
        "/v1/invoice_payments",
        keep=lambda one: wanted in (None, one["payment"]["payment_intent"]),
        invoice=params.get("invoice"),
        status=params.get("status"),
    )


def find(world: World, id: str) -> Obj:
    """An invoice, or Stripe's 404."""
    return world.get("invoice", id, "invoice", status=404)


def _payments(world: World, shown: Obj) -> Obj:
    held = [render(world, one) for one in world.store.find("invoice_payment", invoice=shown["id"])]
    return listed(held, "/v1/invoices/payments")


def _secret(world: World, shown: Obj) -> Obj | None:
    intent = collecting.intent_of(world, world.peek("invoice", shown["id"]) or {})
    return intent and {"client_secret": intent["client_secret"], "type": "payment_intent"}


ON_REQUEST["invoice", "payments"] = _payments
ON_REQUEST["invoice", "confirmation_secret"] = _secret
