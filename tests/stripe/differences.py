"""Where Stripe's description and the pinned version differ, and why: the one list of what is let pass.

The description at hand is 2026-08-26.dahlia; we speak 2026-10-28.endive, as the inline types of
stripe 16.1.0 state it. What is listed here was read from those types, or from Stripe's own answers.
"""

import re
from dataclasses import dataclass

LEGACY = "answered and taken by Stripe, in the library's types, left out of the published description"
ENDIVE = "new in endive, by the types of stripe 16.1.0"
CLOVER = "recorded at 2025-10-29.clover, before the field existed"


@dataclass(frozen=True)
class Difference:
    """One thing that is let pass: on which side, where (an expression), how the problem begins."""

    side: str
    where: str
    what: str
    reason: str

    def explains(self, side, problem):
        return (
            side == self.side
            and problem.what.startswith(self.what)
            and re.search(self.where, problem.place) is not None
        )


DIFFERENCES = (
    Difference("request", r"^POST /v1/checkout/sessions: allowed_payment_method_types", "unknown", ENDIVE),
    Difference("request", r"^POST /v1/checkout/sessions: ui_mode$", "'form' is not one", ENDIVE),
    Difference("request", r": .*trial_settings\[end_behavior\]\[billing_cycle_anchor\]$", "unknown", ENDIVE),
    Difference("request", r"^POST /v1/billing_portal/\w+: .*subscription_pause", "unknown", ENDIVE),
    Difference("request", r"^POST /v1/billing_portal/sessions: after_expiration", "unknown", ENDIVE),
    Difference("request", r"^POST /v1/webhook_endpoints: api_version$", "'2026-10-28.endive' is not", ENDIVE),
    Difference("request", r"^POST .*\bitems\]?\[\d+\]\[plan\]$", "unknown", LEGACY),
    Difference("request", r"^POST /v1/prices: recurring\[trial_period_days\]$", "unknown", LEGACY),
    Difference("request", r"^POST /v1/products: (type|tax_details.*)$", "unknown", LEGACY),
    Difference("answer", r"\ballowed_payment_method_types$", "additional", ENDIVE),
    Difference("answer", r"\b(invoice|subscription)\b.*\bstatus_details", "additional", ENDIVE),
    Difference("answer", r"\btrial_settings\.end_behavior\.billing_cycle_anchor$", "additional", ENDIVE),
    Difference("answer", r"\btrial_settings\.end_behavior\.missing_payment_method$", "missing", ENDIVE),
    Difference("answer", r"\bpause_schedules$", "additional", ENDIVE),
    Difference("answer", r"\bcurrent_trial$", "additional", ENDIVE),
    Difference("answer", r"\bsubscription_pause\b", "additional", ENDIVE),
    Difference("answer", r"\bafter_expiration$", "additional", ENDIVE),
    Difference("answer", r"\bpersistent_token$", "additional", ENDIVE),
    Difference("answer", r"\bpayment_record$", "additional", ENDIVE),
    Difference("answer", r"\bnetwork_reason_code$", "additional", LEGACY),
    Difference("answer", r"\baccount_holder_type$", "additional", LEGACY),
    Difference("answer", r"^subscription(_item)?\b.*\bplan$", "additional", LEGACY),
    Difference("answer", r"^subscription: quantity$", "additional", LEGACY),
    Difference("answer", r"\brecurring\.trial_period_days$", "additional", LEGACY),
    Difference("answer", r"\b(payment_intent|charge|latest_charge)\b.*\bsource$", "additional", LEGACY),
    Difference("answer", r"\btotal_count$", "additional", LEGACY),
    Difference("answer", r"(^product:|\bproduct\.) ?(type|tax_details)$", "additional", LEGACY),
)
"""Let pass everywhere."""

OLDER = (
    Difference("answer", r"\bamount_paid_off_stripe$", "missing", CLOVER),
    Difference("answer", r"\blines\.data\.subtotal$", "missing", CLOVER),
    Difference("answer", r"^invoiceitem: quantity_decimal$", "missing", CLOVER),
    Difference("answer", r"^subscription: billing_schedules$", "missing", CLOVER),
    Difference("answer", r"\b(charge|latest_charge)\b.*\b(destination|dispute|order)$", "additional", LEGACY),
    Difference("answer", r"^payment_method: boleto.fingerprint$", "additional", LEGACY),
)
"""Let pass in recordings alone, which are older than the description."""

GONE = (
    (
        r"^POST /v1/(checkout/sessions|payment_intents|setup_intents): payment_method_types\b",
        "taken away in endive: 400 payment_method_types_no_longer_supported",
    ),
    (
        r"^POST /v1/customers/\{customer\}: (bank_account|card|default_(alipay_account|bank_account|card))\b",
        "in the description still, no longer in the types of stripe 16.1.0",
    ),
)
"""Described, and refused all the same: our requests must not hold these."""
