"""The gate: may this key pass, right now?"""

from portal.gate.client import Gate
from portal.gate.grant import (
    CODES,
    COST_MAX,
    AccountRecord,
    Admission,
    Allowance,
    Book,
    Environment,
    Grant,
    Question,
    QuotaState,
    RateState,
    Settled,
    Settlement,
    Span,
    Terms,
    Unavailable,
    Verdict,
)

__all__ = [
    "CODES",
    "COST_MAX",
    "AccountRecord",
    "Admission",
    "Allowance",
    "Book",
    "Environment",
    "Gate",
    "Grant",
    "Question",
    "QuotaState",
    "RateState",
    "Settled",
    "Settlement",
    "Span",
    "Terms",
    "Unavailable",
    "Verdict",
]
