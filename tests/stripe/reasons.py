"""Why the sandbox answers otherwise than the recordings: each difference with its reason."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """Explains findings of one kind whose request and path match."""

    kind: str
    path: str
    reason: str
    request: str = ""

    def explains(self, finding):
        return (
            finding.kind == self.kind
            and re.search(self.request, finding.request) is not None
            and re.search(self.path, finding.path) is not None
        )

    @property
    def shown(self):
        """Where, for people to read."""
        where = " ".join(filter(None, (self.request, self.path))) or "anywhere"
        return re.sub(r"\\b|[\\^$]", "", where).replace("|", " or ")


LEGACY = "left out on purpose: no longer described by Stripe, so our code must not lean on it"
NEWER = "younger than the recording (2025-10-29.clover)"
CARDS_ONLY = (
    "the sandbox knows cards and one late method (us_bank_account); others are refused, not simulated"
)
CONNECT = "Connect is not simulated"
ONE_OFF = "intents outside invoices serve tests of refunds and disputes: no manual capture, no shipping"
BANK = "there is no card network behind the sandbox"

REASONS = (
    Reason("refused", "", CARDS_ONLY, r"^POST /v1/payment_methods \("),
    Reason("refused", "", CONNECT, r"^POST /v1/transfers"),
    Reason("refused", "", f"{ONE_OFF}; {CONNECT}", r"^POST /v1/payment_intents$"),
    Reason("value", r"\bpayment_method_types(\.length)?$", CARDS_ONLY),
    Reason("left out", r"\bpayment_method_options\.(acss_debit|cashapp|link|us_bank_account)$", CARDS_ONLY),
    Reason("left out", r"^(plan|quantity|items\.data\.plan)$", LEGACY, r"/v1/subscription"),
    Reason("left out", r"^((latest_charge|payment_intent)\.)*(source|order|dispute|destination)$", LEGACY),
    Reason("new", r"\ballowed_payment_method_types$", "new in endive"),
    Reason("new", r"\b(amount_paid_off_stripe|billing_schedules|quantity_decimal|net_amount)$", NEWER),
    Reason("new", r"\blines\.data\.subtotal$", NEWER),
    Reason("new", r"^lines\.data\.metadata$", NEWER, r"^POST /v1/credit_notes$"),
    Reason("value", r"\baccount_name$", "the account's own name"),
    Reason("value", r"\bcalculated_statement_descriptor$", "the account's own name"),
    Reason("value", r"\bapplication$", CONNECT),
    Reason("value", r"\bcard\.(network_transaction_id|authorization_code)$", BANK),
    Reason(
        "value",
        r"^latest_charge\.balance_transaction$",
        "captured a moment later at Stripe, at once in the sandbox",
        r"^POST /v1/payment_intents$",
    ),
    Reason("value", r"\bpricing$", "Stripe makes a hidden price for a bare amount, the sandbox none"),
    Reason("value", r"\bcoupon\.times_redeemed$", "the recorded coupon had been used before"),
    Reason("moment", r"\b(price|coupon)\.created$", "made for the replay, long before the recording"),
)
