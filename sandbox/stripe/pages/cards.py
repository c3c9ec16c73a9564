"""Cards, as typed on a page."""

import re
from datetime import UTC, datetime

from sandbox.stripe.billing import methods
from sandbox.stripe.billing.cards import CARDS, ON_PAGES, by_number
from sandbox.stripe.errors import StripeError
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

CHOICES = (
    ("pm_card_visa", "A card that works (4242 4242 4242 4242)"),
    ("sandbox_worksOnce", "A card that works once and is declined from then on"),
    ("pm_card_chargeDeclined", "A card that is declined (4000 0000 0000 0002)"),
    (
        "pm_card_authenticationRequiredOnSetup",
        "A card whose bank asks for authentication (4000 0025 0000 3155)",
    ),
    ("pm_usBankAccount_success", "Pay late: a bank debit that arrives after four days"),
    ("pm_usBankAccount_insufficientFunds", "Pay late: a bank debit that fails after four days"),
)
YEARS = 3
"""Until a card expires that was chosen from the list, without a date."""


def read(world: World, form: dict[str, str]) -> Obj:
    """The payment method that a form describes; StripeError when the number is none of the test cards."""
    number = form.get("number", "").strip()
    if not number:
        chosen = form.get("card", "pm_card_visa")
        card = ON_PAGES.get(chosen) or CARDS.get(chosen)
        if card is None:
            raise _wrong("Choose a card, or type the number of a test card.")
        return methods.make(world, card, expires=_expiry(form, world.now))
    card = by_number(number)
    if card is None:
        raise _wrong("Your card number is not one of Stripe's test cards. Real cards are not taken here.")
    return methods.make(world, card, expires=_expiry(form, world.now))


def _expiry(form: dict[str, str], now: int) -> tuple[int, int]:
    today = datetime.fromtimestamp(now, UTC)
    text = form.get("expiry", "").strip()
    if not text:
        return today.month, today.year + YEARS
    match = re.fullmatch(r"(\d{1,2})\s*/\s*(?:20)?(\d{2})", text)
    if match is None or not 1 <= int(match[1]) <= 12:
        raise _wrong("Give the expiry date as month and year: 12 / 34.")
    month, year = int(match[1]), 2000 + int(match[2])
    if (year, month) < (today.year, today.month):
        raise _wrong("Your card's expiration year is in the past.")
    return month, year


def _wrong(sentence: str) -> StripeError:
    return StripeError(sentence, status=402, kind="card_error", code="incorrect_number")
