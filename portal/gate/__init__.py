"""The gate: may this key pass, right now?"""

from portal.gate.client import Gate
from portal.gate.desk import Batch, Count, Level, Peek, Sealed
from portal.gate.door import network
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
from portal.gate.wire import connect

__all__ = [
    "CODES",
    "COST_MAX",
    "AccountRecord",
    "Admission",
    "Allowance",
    "Batch",
    "Book",
    "Count",
    "Environment",
    "Gate",
    "Grant",
    "Level",
    "Peek",
    "Question",
    "QuotaState",
    "RateState",
    "Sealed",
    "Settled",
    "Settlement",
    "Span",
    "Terms",
    "Unavailable",
    "Verdict",
    "connect",
    "network",
]
