"""Stripe, as met outside: the one place that speaks its library.

Every answer is turned into `values` here, and every failure into one of a few refusals, so that
nothing else knows how Stripe's objects look or how they changed from version to version.
"""

from portal.billing.gateway.client import Stripe, open_stripe
from portal.billing.gateway.sandbox import tick
from portal.billing.gateway.shelf import Shelf
from portal.billing.gateway.speaking import Declined, Refused, StripeAway
from portal.billing.gateway.webhooks import BadWebhook, Incoming, read_event, read_webhook

__all__ = [
    "BadWebhook",
    "Declined",
    "Incoming",
    "Refused",
    "Shelf",
    "Stripe",
    "StripeAway",
    "open_stripe",
    "read_event",
    "read_webhook",
    "tick",
]
