"""The gate: may this key pass, right now?"""

from portal.gate.client import Gate
from portal.gate.desk import Batch, Count, Level, Peek, Sealed
from portal.gate.door import Asked, Cold, Command, network, read_finish
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
from portal.gate.scripts import digest as script_digest
from portal.gate.wire import connect

__all__ = [
    "CODES",
    "COST_MAX",
    "AccountRecord",
    "Admission",
    "Allowance",
    "Asked",
    "Batch",
    "Book",
    "Cold",
    "Command",
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
    "read_finish",
    "script_digest",
]
