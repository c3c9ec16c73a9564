"""Buyers: customers, their one currency and their balance."""

from sandbox.stripe import ids
from sandbox.stripe.errors import invalid
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World


def find(world: World, id: str, param: str = "id", *, status: int = 404) -> Obj:
    """A customer who is still there."""
    customer = world.get("customer", id, param, status=status)
    if customer.get("deleted"):
        raise invalid(f"No such customer: '{id}'", param, "resource_missing")
    return customer


def settle_currency(world: World, customer: Obj, currency: str) -> None:
    """A customer pays in one currency; StripeError when this is another."""
    if customer["currency"] is None:
        customer["currency"] = currency
        world.save(customer)
    elif customer["currency"] != currency:
        raise invalid(
            "You cannot combine currencies on a single customer. This customer has an active subscription, "
            "subscription schedule, discount, quote, or invoice item with currency "
            f"{customer['currency']}. If you "
            "intend to use multiple currencies on the same customer, see "
            "https://docs.stripe.com/billing/customer-credit.",
            "currency",
        )


def owe(
    world: World,
    customer: Obj,
    amount: int,
    type: str,
    *,
    invoice: str | None = None,
    description: str | None = None,
) -> Obj:
    """Move a customer's balance: negative is credit. Writes the customer and the transaction."""
    customer["balance"] += amount
    world.save(customer)
    transaction = {
        "id": ids.new("customer_balance_transaction"),
        "object": "customer_balance_transaction",
        "amount": amount,
        "checkout_session": None,
        "created": world.now,
        "credit_note": None,
        "currency": customer["currency"] or "usd",
        "customer": customer["id"],
        "description": description,
        "ending_balance": customer["balance"],
        "invoice": invoice,
        "livemode": False,
        "metadata": {},
        "type": type,
    }
    return world.save(transaction)


def make(world: World, *, email: str, name: str | None) -> Obj:
    """A new customer, as the hosted page makes one."""
    customer = blank(world)
    customer.update(email=email, name=name)
    world.save(customer)
    world.tell("customer.created", customer)
    return customer


def blank(world: World) -> Obj:
    """A customer of whom nothing is known, not yet written."""
    return {
        "id": ids.new("customer", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": world.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": ids.letters(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
