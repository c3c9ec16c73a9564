"""Invoice items: what waits for an invoice."""

from decimal import Decimal

from sandbox.stripe import ids
from sandbox.stripe.billing import buyers, discounting, drafting
from sandbox.stripe.errors import absent, exclusive, invalid
from sandbox.stripe.fields import METADATA, Currency
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Boolean, Hash, Integer, Many, Moment, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

DISCOUNTS = Many(Hash({"coupon": Text(), "promotion_code": Text(), "discount": Text()}), clear=True)


@route(
    "POST",
    "/v1/invoiceitems",
    {
        "customer": Text(required=True),
        "amount": Integer(),
        "currency": Currency(),
        "description": Text(),
        "discountable": Boolean(),
        "discounts": DISCOUNTS,
        "invoice": Text(),
        "period": Hash({"start": Moment(required=True), "end": Moment(required=True)}),
        "pricing": Hash({"price": Text()}),
        "quantity": Integer(1),
        **METADATA,
    },
)
def create(world: World, params: Obj) -> Obj:
    customer = buyers.find(world, params["customer"], "customer", status=400)
    invoice = None
    if "invoice" in params:
        invoice = world.get("invoice", params["invoice"], "invoice")
        if invoice["customer"] != customer["id"]:
            raise invalid("The invoice specified does not belong to this customer.", "invoice")
        if invoice["status"] != "draft":
            raise invalid("The specified invoice can no longer be edited.", "invoice", "invoice_not_editable")
    amount, price, quantity, currency = _amount(world, params, customer, invoice)
    buyers.settle_currency(world, customer, currency)
    id = ids.new("invoiceitem")
    period = params.get("period") or {"start": world.now, "end": world.now}
    item: Obj = {
        "id": id,
        "object": "invoiceitem",
        "amount": amount,
        "currency": currency,
        "customer": customer["id"],
        "date": world.now,
        "description": params.get("description"),
        "discountable": params.get("discountable", amount > 0),
        "discounts": discounting.redeem(
            world,
            params.get("discounts") or [],
            "discounts",
            customer=customer["id"],
            currency=currency,
            invoice_item=id,
        ),
        "invoice": invoice["id"] if invoice else None,
        "livemode": False,
        "metadata": merged({}, params.get("metadata") or {}),
        "net_amount": amount,
        "parent": None,
        "period": {"end": period["end"], "start": period["start"]},
        "pricing": price
        and {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "proration": False,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "tax_rates": [],
        "test_clock": None,
        "_subscription": None,
        "_item": None,
        "_credited": None,
        "_waiting": invoice is None,
    }
    world.save(item)
    world.tell("invoiceitem.created", item)
    if invoice is not None:
        with world.changing(invoice, "invoice.updated"):
            line = line_for(world, item)
            line["invoice"] = invoice["id"]
            invoice["lines"]["data"].append(line)
            drafting.add_up(world, invoice, customer)
    return item


@route("GET", "/v1/invoiceitems/{item}")
def retrieve(world: World, params: Obj, item: str) -> Obj:
    return world.get("invoiceitem", item, "invoiceitem", status=404)


@route("DELETE", "/v1/invoiceitems/{item}")
def delete(world: World, params: Obj, item: str) -> Obj:
    found = world.get("invoiceitem", item, "invoiceitem", status=404)
    if found["invoice"]:
        raise invalid(
            "You cannot delete an invoice item that is attached to an invoice.", code="invoice_not_editable"
        )
    world.tell("invoiceitem.deleted", found)
    world.store.drop(item)
    return {"id": item, "object": "invoiceitem", "deleted": True}


@route("GET", "/v1/invoiceitems", shape(customer=Text(), invoice=Text(), pending=Boolean(), created=Span()))
def index(world: World, params: Obj) -> Obj:
    return page(
        world,
        params,
        "invoiceitem",
        "/v1/invoiceitems",
        keep=lambda one: "pending" not in params or one["_waiting"] == params["pending"],
        customer=params.get("customer"),
        invoice=params.get("invoice"),
    )


def waiting(world: World, customer: str) -> list[Obj]:
    """What waits for this customer's next invoice that is not a subscription's."""
    found = world.store.find("invoiceitem", oldest_first=True, customer=customer)
    return [one for one in found if one["_waiting"] and one["_subscription"] is None]


def line_for(world: World, item: Obj) -> Obj:
    """The line that an item becomes."""
    details = (item["pricing"] or {}).get("price_details", {})
    return drafting.line(
        world,
        amount=item["amount"],
        currency=item["currency"],
        period=(item["period"]["start"], item["period"]["end"]),
        description=item["description"],
        price=world.peek("price", details.get("price")),
        quantity=item["quantity"],
        unit=(item["pricing"] or {}).get("unit_amount_decimal"),
        invoice_item=item["id"],
        proration=item["proration"],
        discountable=item["discountable"],
        discounts=item["discounts"],
        metadata=item["metadata"],
    )


def _amount(
    world: World, params: Obj, customer: Obj, invoice: Obj | None
) -> tuple[int, Obj | None, int, str]:
    quantity = params.get("quantity", 1)
    if price_id := params.get("pricing", {}).get("price"):
        if "amount" in params:
            raise exclusive("amount", "pricing")
        price = world.get("price", price_id, "pricing[price]")
        if price["type"] != "one_time":
            raise invalid(
                "The price specified is set to `type=recurring` but this field only accepts prices with "
                "`type=one_time`.",
                "pricing[price]",
            )
        amount = discounting.rounded(Decimal(price["unit_amount_decimal"]) * quantity)
        return amount, price, quantity, price["currency"]
    if "amount" not in params:
        raise absent("amount")
    currency = params.get("currency") or (invoice or {}).get("currency") or customer["currency"]
    if not currency:
        raise absent("currency")
    return params["amount"], None, 1, currency
