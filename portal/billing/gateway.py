"""Stripe, as met outside: the one place that speaks its library.

Every answer is turned into `values` here, and every failure into one of three refusals, so that
nothing else knows how Stripe's objects look or how they changed from version to version.
"""

from portal.kit.errors import Conflict, Invalid, Refusal
from portal.kit.settings import Payments, Settings


class StripeAway(Refusal):
    """Stripe did not answer, or could not: whatever it was may be tried again."""

    code = "stripe_away"


class Declined(Conflict):
    """A bank refused a payment; nothing was changed."""

    code = "payment_declined"


class BadWebhook(Invalid):
    """A webhook that Stripe did not send, or that makes no sense."""

    code = "bad_webhook"


class Stripe:
    """Stripe, with one key. Thread-safe; one per process is meant."""

    def __init__(self, payments: Payments) -> None:
        self.payments = payments


def open_stripe(settings: Settings) -> Stripe | None:
    """Stripe as the settings name it; None when payments are off. Nothing is connected to yet."""
    return Stripe(settings.payments) if settings.payments else None
