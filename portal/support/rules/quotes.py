"""Quotes, as decided: what may be offered, and until when it can be accepted."""

from datetime import datetime

from portal.kit.errors import Conflict, Invalid
from portal.kit.money import Money

DEPLOYMENT = "deployment"
ONE_OFF = "custom-deployment"
"""What the catalogue calls the work that tickets of this kind ask for."""
VALID_DAYS, VALID_DAYS_MOST = 14, 90
TEXT_LENGTH, REASON_LENGTH = 5_000, 300
BEYOND = 10  # what is beyond ten times the highest amount is taken for a slip of the hand


def check_amount(amount: Money, low: Money | None, high: Money | None, reason: str) -> None:
    """Invalid when there is nothing to pay, or the amount is outside of the two without a reason."""
    if amount.amount <= 0:
        raise Invalid("Say what it costs.", field="amount")
    if low is None or high is None:
        return
    if amount.amount > high.amount * BEYOND:
        raise Invalid(f"That is more than {BEYOND} times {high}: look at the amount again.", field="amount")
    if not low.amount <= amount.amount <= high.amount and not reason:
        raise Invalid(f"The catalogue names {low} to {high}. Say why it is another amount.", field="reason")


def clean_reason(reason: str) -> str:
    """A reason for staff on one line, or none."""
    reason = " ".join(reason.split())
    if len(reason) > REASON_LENGTH:
        raise Invalid(f"Keep the reason within {REASON_LENGTH} characters.", field="reason")
    return reason


def check_valid_days(days: int) -> None:
    """Invalid unless a quote may stand for so many days."""
    if not 1 <= days <= VALID_DAYS_MOST:
        raise Invalid(f"Let it stand for 1 to {VALID_DAYS_MOST} days.", field="valid_days")


def check_quotable(kind: str, closed_at: datetime | None) -> None:
    """Conflict unless the ticket asks for such work and is open."""
    if kind != DEPLOYMENT:
        raise Conflict("Quotes are for tickets about a deployment.")
    if closed_at is not None:
        raise Conflict("This ticket is closed. Open it again before you offer a quote.")


def check_settled(is_settled: bool) -> None:
    """Conflict while something that was accepted is still to be paid: nobody pays twice for one wish."""
    if not is_settled:
        raise Conflict("A quote was accepted and is not paid yet. Withdraw it before you offer another.")


def check_offered(state: str, told: str) -> None:
    """Conflict unless a quote can still be accepted or declined; `told` says when it ended and by whom."""
    sentences = {
        "accepted": f"This quote was accepted {told}.",
        "declined": f"This quote was declined {told}.",
        "withdrawn": f"This quote was withdrawn {told}. Nothing is charged for it.",
        "expired": f"This quote could be accepted until {told}. Ask for a new one in the ticket.",
    }
    if state in sentences:
        raise Conflict(sentences[state])
