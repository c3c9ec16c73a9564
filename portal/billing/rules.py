"""Billing, as decided."""

OPEN = ("active", "trialing", "past_due", "unpaid", "paused", "incomplete")


def monthly(amount: int, interval: str) -> int:
    """A price in minor units as what it costs a month."""
    return amount if interval == "month" else round(amount / 12)
