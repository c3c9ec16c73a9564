"""Test cards: Stripe's own, and how each behaves."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Card:
    ""

    ""
    """How a card behaves.

    It declines every charge after the first `decline_after`; it `asks` for authentication never, once or
    always; money by a `late` method arrives, or does not, after some days.
    """

    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: str | None = None
    decline_after: int = 0
    refused_when_attached: bool = False
    asks: str = "never"
    disputed: str | None = None
    late: str | None = None


_INSUFFICIENT = "insufficient_funds"

CARDS: dict[str, Card] = {
    "pm_card_visa": Card("4242424242424242"),
    "pm_card_visa_debit": Card("4000056655665556", funding="debit"),
    "pm_card_mastercard": Card("5555555555554444", "mastercard"),
    "pm_card_mastercard_debit": Card("5200828282828210", "mastercard", "debit"),
    "pm_card_amex": Card("378282246310005", "amex"),
    "pm_card_discover": Card("6011000990139424", "discover"),
    "pm_card_diners": Card("3056930009020004", "diners"),
    "pm_card_jcb": Card("3566002020360505", "jcb"),
    "pm_card_unionpay": Card("6200000000000005", "unionpay"),
    "pm_card_chargeDeclined": Card("4000000000000002", decline="generic_decline", refused_when_attached=True),
    "pm_card_visa_chargeDeclined": Card(
        "4000000000000002", decline="generic_decline", refused_when_attached=True
    ),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Card(
        "4000000000009995", decline=_INSUFFICIENT, refused_when_attached=True
    ),
    "pm_card_chargeDeclinedInsufficientFunds": Card(
        "4000000000009995", decline=_INSUFFICIENT, refused_when_attached=True
    ),
    "pm_card_visa_chargeDeclinedLostCard": Card(
        "4000000000009987", decline="lost_card", refused_when_attached=True
    ),
    "pm_card_visa_chargeDeclinedStolenCard": Card(
        "4000000000009979", decline="stolen_card", refused_when_attached=True
    ),
    "pm_card_chargeDeclinedExpiredCard": Card(
        "4000000000000069", decline="expired_card", refused_when_attached=True
    ),
    "pm_card_chargeDeclinedIncorrectCvc": Card(
        "4000000000000127", decline="incorrect_cvc", refused_when_attached=True
    ),
    "pm_card_chargeDeclinedProcessingError": Card(
        "4000000000000119", decline="processing_error", refused_when_attached=True
    ),
    "pm_card_chargeCustomerFail": Card("4000000000000341", decline="generic_decline"),
    "pm_card_authenticationRequired": Card("4000002760003184", asks="always"),
    "pm_card_authenticationRequiredOnSetup": Card("4000002500003155", asks="once"),
    "pm_card_authenticationRequiredSetupForOffSession": Card("4000003800000446"),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "4000008260003178", decline=_INSUFFICIENT, asks="always"
    ),
    "pm_card_threeDSecure2Required": Card("4000000000003220", asks="always"),
    "pm_card_createDispute": Card("4000000000000259", disputed="fraudulent"),
    "pm_card_createDisputeProductNotReceived": Card("4000000000002685", disputed="product_not_received"),
    "pm_card_createDisputeInquiry": Card("4000000000001976", disputed="inquiry"),
    "pm_usBankAccount_success": Card("000123456789", late="succeeds"),
    "pm_usBankAccount": Card("000123456789", late="succeeds"),
    "pm_usBankAccount_insufficientFunds": Card("000222222227", late="fails"),
}

ON_PAGES: dict[str, Card] = {
    "sandbox_worksOnce": Card("4000000000000341", decline_after=1, decline="generic_decline"),
}
"""Cards of our own, that only the hosted pages offer: Stripe knows none of these names."""

DECLINES: dict[str, tuple[str, str]] = {
    "generic_decline": ("card_declined", "Your card was declined."),
    "insufficient_funds": ("card_declined", "Your card has insufficient funds."),
    "lost_card": ("card_declined", "Your card was declined."),
    "stolen_card": ("card_declined", "Your card was declined."),
    "expired_card": ("expired_card", "Your card has expired."),
    "incorrect_cvc": ("incorrect_cvc", "Your card's security code is incorrect."),
    "processing_error": (
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    "authentication_required": (
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
}
"""For each decline code: the error code and the sentence."""


def by_number(number: str) -> Card | None:
    """The test card of this number; None when it is none."""
    digits = "".join(character for character in number if character.isdigit())
    found = next((card for card in CARDS.values() if card.number == digits and not card.late), None)
    return None if found is None else replace(found)
