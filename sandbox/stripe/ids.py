"""Names: random, with the prefixes that Stripe gives."""

import secrets
import string

_LETTERS = string.ascii_letters + string.digits

PREFIXES = {
    "customer": "cus",
    "product": "prod",
    "price": "price",
    "payment_method": "pm",
    "setup_intent": "seti",
    "payment_intent": "pi",
    "charge": "ch",
    "balance_transaction": "txn",
    "checkout.session": "cs_test",
    "subscription": "sub",
    "subscription_item": "si",
    "subscription_schedule": "sub_sched",
    "invoice": "in",
    "invoiceitem": "ii",
    "line_item": "il",
    "item": "li",
    "invoice_payment": "inpay",
    "coupon": "co",
    "promotion_code": "promo",
    "discount": "di",
    "billing_portal.session": "bps",
    "billing_portal.configuration": "bpc",
    "refund": "re",
    "dispute": "du",
    "credit_note": "cn",
    "credit_note_line_item": "cnli",
    "event": "evt",
    "webhook_endpoint": "we",
    "test_helpers.test_clock": "clock",
    "customer_balance_transaction": "cbtxn",
    "request": "req",
}


def new(kind: str, length: int = 24) -> str:
    """A name for a thing of this kind: `cus_...`."""
    return f"{PREFIXES[kind]}_{letters(length)}"


def letters(length: int) -> str:
    """Random letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
