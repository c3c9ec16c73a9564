"""Objects: one file for each of Stripe's resources, imported here so that its routes are known."""

from sandbox.stripe.objects import (
    account,
    checkout,
    coupons,
    customers,
    events,
    invoice_items,
    invoices,
    payment_intents,
    payment_methods,
    prices,
    products,
    subscriptions,
)

__all__ = [
    "account",
    "checkout",
    "coupons",
    "customers",
    "events",
    "invoice_items",
    "invoices",
    "payment_intents",
    "payment_methods",
    "prices",
    "products",
    "subscriptions",
]
