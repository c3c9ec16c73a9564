"""Drafting: invoices and their lines."""

from decimal import Decimal
from typing import Any

from sandbox.stripe import ACCOUNT, ids
from sandbox.stripe.billing import charging, discounting
from sandbox.stripe.rendering import listed
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

SIGNS = {
    "usd": "$",
    "eur": "€",
    "gbp": "£",
    "cad": "CA$",
    "aud": "A$",
    "jpy": "¥",
    "chf": "CHF ",
    "nzd": "NZ$",
}
NO_DECIMALS = ("jpy",)


def price_of(price: Obj, quantity: int) -> int:
    """What so many cost for one whole period."""
    return discounting.rounded(Decimal(price["unit_amount_decimal"]) * quantity)


def line(
    world: World,
    *,
    amount: int,
    currency: str,
    period: tuple[int, int],
    description: str | None,
    price: Obj | None = None,
    quantity: int | None = 1,
    unit: str | None = None,
    subscription: str | None = None,
    item: str | None = None,
    invoice_item: str | None = None,
    proration: bool = False,
    credited: Obj | None = None,
    discountable: bool = True,
    discounts: list[str] | None = None,
    metadata: Obj | None = None,
) -> Obj:
    """A line of an invoice, not yet on one."""
    about = {
        "proration": proration,
        "proration_details": {"credited_items": credited},
        "subscription": subscription,
    }
    own = item is not None
    pricing = price and {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": unit,
    }
    return {
        "id": ids.new("line_item"),
        "object": "line_item",
        "amount": amount,
        "currency": currency,
        "description": description,
        "discount_amounts": [],
        "discountable": discountable,
        "discounts": discounts or [],
        "invoice": None,
        "livemode": False,
        "metadata": metadata or {},
        "parent": {
            "invoice_item_details": None if own else {"invoice_item": invoice_item, **about},
            "subscription_item_details": {"invoice_item": invoice_item, "subscription_item": item, **about}
            if own
            else None,
            "type": "subscription_item_details" if own else "invoice_item_details",
        },
        "period": {"end": period[1], "start": period[0]},
        "pretax_credit_amounts": [],
        "pricing": pricing,
        "quantity": quantity,
        "quantity_decimal": None if quantity is None else str(quantity),
        "subtotal": amount,
        "taxes": [],
    }


def regular_line(world: World, subscription: Obj, item: Obj, *, free: bool = False) -> Obj:
    """What one item costs for its present period; nothing while on trial."""
    price, quantity = item["price"], item["quantity"]
    product = world.known("product", price["product"])
    what = f"{quantity} {product['unit_label'] + ' ' if product['unit_label'] else ''}× {product['name']}"
    each = money(Decimal(price["unit_amount_decimal"]), price["currency"])
    description = f"Free trial for {what}" if free else f"{what} (at {each} / {per(price['recurring'])})"
    return line(
        world,
        amount=0 if free else price_of(price, quantity),
        currency=price["currency"],
        period=(item["current_period_start"], item["current_period_end"]),
        description=description,
        price=price,
        quantity=quantity,
        unit="0" if free else price["unit_amount_decimal"],
        subscription=subscription["id"],
        item=item["id"],
        metadata=subscription["metadata"],
    )


def draft(
    world: World,
    customer: Obj,
    lines: list[Obj],
    *,
    reason: str,
    currency: str,
    period: tuple[int, int],
    subscription: Obj | None = None,
    discounts: list[str] | None = None,
    **more: Any,
) -> Obj:
    """A draft invoice, written and not yet told. It ends as a draft when somebody finalizes it."""
    id = ids.new("invoice")
    invoice: Obj = {
        "id": id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Simulated",
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": world.now,
        "currency": currency,
        "custom_fields": None,
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": None,
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": discounts or [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": listed(lines, f"/v1/invoices/{id}/lines", total=len(lines)),
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": period[1],
        "period_start": period[0],
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": customer["balance"],
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": 0,
        "test_clock": customer["test_clock"],
        "webhooks_delivered_at": None if _anybody_listens(world) else world.now,
        "_account": ACCOUNT,
        "_subscription": None,
        **more,
    }
    if subscription is not None:
        invoice["_subscription"] = subscription["id"]
        invoice["parent"] = {
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        }
    for one in lines:
        one["invoice"] = id
    add_up(world, invoice, customer)
    return world.save(invoice)


def _anybody_listens(world: World) -> bool:
    return any(one["status"] == "enabled" for one in world.store.find("webhook_endpoint"))


def add_up(world: World, invoice: Obj, customer: Obj) -> None:
    """Write an invoice's sums from its lines, its discounts and the customer's balance."""
    lines = invoice["lines"]["data"]
    invoice["lines"]["total_count"] = len(lines)
    totals = discounting.apply(world, lines, invoice["discounts"])
    own = sum(
        part["amount"]
        for one in lines
        for part in one["discount_amounts"]
        if part["discount"] in one["discounts"]
    )
    subtotal = sum(one["amount"] for one in lines) - own
    total = sum(discounting.left_of(one) for one in lines)
    balance = customer["balance"]
    due = max(0, total + balance)
    if due < charging.smallest(invoice["currency"]):
        due = 0  # too little to charge: it is owed until the next invoice
    invoice.update(
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal,
        total=total,
        total_excluding_tax=total,
        total_discount_amounts=totals,
        total_pretax_credit_amounts=[{**part, "type": "discount"} for part in totals],
        total_taxes=[],
        starting_balance=balance,
        amount_due=due,
        amount_remaining=due,
    )


def money(amount: Decimal, currency: str) -> str:
    """`$19.00`, for descriptions."""
    sign = SIGNS.get(currency, currency.upper() + " ")
    return f"{sign}{amount:,.0f}" if currency in NO_DECIMALS else f"{sign}{amount / 100:,.2f}"


def per(recurring: Obj) -> str:
    """`month`, `3 months`."""
    count = recurring["interval_count"]
    return recurring["interval"] if count == 1 else f"{count} {recurring['interval']}s"
