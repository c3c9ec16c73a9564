"""Credit notes, as far as they are simple: an amount, or lines of one's own, taken off one invoice."""

from sandbox.stripe import ids
from sandbox.stripe.billing import buyers, collecting
from sandbox.stripe.errors import absent, invalid
from sandbox.stripe.fields import METADATA
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.objects import refunds
from sandbox.stripe.rendering import listed
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Choice, Hash, Integer, Many, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

LINE = Hash(
    {
        "type": Choice("custom_line_item", required=True),
        "description": Text(),
        "quantity": Integer(1),
        "unit_amount": Integer(1, required=True),
    }
)


@route(
    "POST",
    "/v1/credit_notes",
    {
        "invoice": Text(required=True),
        "amount": Integer(1),
        "lines": Many(LINE),
        "memo": Text(),
        "out_of_band_amount": Integer(0),
        "credit_amount": Integer(0),
        "refund_amount": Integer(0),
        "reason": Choice("duplicate", "fraudulent", "order_change", "product_unsatisfactory"),
        **METADATA,
    },
)
def create(world: World, params: Obj) -> Obj:
    invoice = world.get("invoice", params["invoice"], "invoice")
    if invoice["status"] not in ("open", "paid"):
        raise invalid("You can only create a credit note for an open or paid invoice.", "invoice")
    lines = _lines(params)
    amount = sum(line["amount"] for line in lines)
    credited = invoice["pre_payment_credit_notes_amount"] + invoice["post_payment_credit_notes_amount"]
    if amount > invoice["total"] - credited:
        raise invalid("The amount of the credit note is greater than what is left of the invoice.", "amount")
    parts = [params.get(name, 0) for name in ("refund_amount", "credit_amount", "out_of_band_amount")]
    paid = invoice["status"] == "paid"
    if paid and sum(parts) != amount:
        raise invalid(
            "The sum of credit amount, refund amount and out of band amount must equal the credit note "
            "amount "
            f"({amount}).",
            "amount",
        )
    if not paid and sum(parts):
        raise invalid("An open invoice has nothing to give back.", "refund_amount")
    customer = world.known("customer", invoice["customer"])
    number = sum(1 for _ in world.store.find("credit_note", invoice=invoice["id"])) + 1
    id = ids.new("credit_note")
    refunded = _refund(world, invoice, parts[0]) if parts[0] else None
    given = None
    if parts[1]:
        given = buyers.owe(world, customer, -parts[1], "credit_note", invoice=invoice["id"])
    note: Obj = {
        "id": id,
        "object": "credit_note",
        "amount": amount,
        "amount_shipping": 0,
        "created": world.now,
        "currency": invoice["currency"],
        "customer": customer["id"],
        "customer_balance_transaction": given and given["id"],
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": world.now,
        "invoice": invoice["id"],
        "lines": listed(lines, f"/v1/credit_notes/{id}/lines"),
        "livemode": False,
        "memo": params.get("memo"),
        "metadata": merged({}, params.get("metadata") or {}),
        "number": f"{invoice['number']}-CN-{number:02d}",
        "out_of_band_amount": parts[2] or None,
        "pdf": f"{invoice['hosted_invoice_url']}/pdf",
        "post_payment_amount": amount if paid else 0,
        "pre_payment_amount": 0 if paid else amount,
        "pretax_credit_amounts": [],
        "reason": params.get("reason"),
        "refunds": [
            {
                "amount_refunded": refunded["amount"],
                "payment_record_refund": None,
                "refund": refunded["id"],
                "type": "refund",
            }
        ]
        if refunded
        else [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": amount,
        "subtotal_excluding_tax": amount,
        "total": amount,
        "total_excluding_tax": amount,
        "total_taxes": [],
        "type": "post_payment" if paid else "pre_payment",
        "voided_at": None,
    }
    world.save(note)
    _count(world, invoice, amount, paid)
    world.tell("credit_note.created", note)
    return note


@route("GET", "/v1/credit_notes/{note}")
def retrieve(world: World, params: Obj, note: str) -> Obj:
    return world.get("credit_note", note, "credit_note", status=404)


@route("GET", "/v1/credit_notes", shape(customer=Text(), invoice=Text(), created=Span()))
def index(world: World, params: Obj) -> Obj:
    fields = {name: params.get(name) for name in ("customer", "invoice")}
    return page(world, params, "credit_note", "/v1/credit_notes", fields=fields)


def _lines(params: Obj) -> list[Obj]:
    if ("amount" in params) == ("lines" in params):
        raise (
            absent("amount")
            if "amount" not in params
            else invalid("Give an amount or lines, not both.", "lines")
        )
    given = params.get("lines") or [{"unit_amount": params["amount"], "type": "custom_line_item"}]
    made = []
    for one in given:
        quantity = one.get("quantity", 1)
        amount = one["unit_amount"] * quantity
        made.append(
            {
                "id": ids.new("credit_note_line_item"),
                "object": "credit_note_line_item",
                "amount": amount,
                "description": one.get("description"),
                "discount_amount": 0,
                "discount_amounts": [],
                "livemode": False,
                "metadata": {},
                "pretax_credit_amounts": [],
                "quantity": quantity,
                "tax_rates": [],
                "taxes": [],
                "type": one["type"],
                "unit_amount": one["unit_amount"],
                "unit_amount_decimal": str(one["unit_amount"]),
            }
        )
    return made


def _refund(world: World, invoice: Obj, amount: int) -> Obj:
    intent = collecting.intent_of(world, invoice)
    charge = world.peek("charge", intent["latest_charge"]) if intent else None
    if charge is None or charge["amount_captured"] - charge["amount_refunded"] < amount:
        raise invalid("There is not so much left to refund of what was paid.", "refund_amount")
    return refunds.refund(world, charge, amount, None)


def _count(world: World, invoice: Obj, amount: int, paid: bool) -> None:
    with world.changing(invoice, "invoice.updated"):
        if paid:
            invoice["post_payment_credit_notes_amount"] += amount
            return
        invoice["pre_payment_credit_notes_amount"] += amount
        left = max(0, invoice["amount_remaining"] - amount)
        invoice.update(amount_due=left, amount_remaining=left)
    collecting.lessen(world, invoice)
