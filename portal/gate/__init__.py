"""The gate: may this key pass, right now?"""

from portal.gate.client import Gate
from portal.gate.desk import Batch, Count, Level, Peek, Sealed
from portal.gate.door import Asked, Cold, Command, network, read_finish
from portal.gate.grant import (
    CODES,
    COST_MAX,
    LEASE_MOST,
    LEASE_MS,
    AccountRecord,
    Admission,
    Allowance,
    Book,
    Environment,
    Grant,
    Lease,
    Question,
    QuotaState,
    RateState,
    Settled,
    Settlement,
    Span,
    Terms,
    Unavailable,
    Use,
    Verdict,
)
from portal.gate.masters import Address, Masters, Ranges, holder
from portal.gate.packing import bulk, packed
from portal.gate.scripts import digest as script_digest
from portal.gate.shares import SHARE_MS, Share, Shares
from portal.gate.wire import connect

__all__ = [
    "CODES",
    "COST_MAX",
    "LEASE_MOST",
    "LEASE_MS",
    "SHARE_MS",
    "AccountRecord",
    "Address",
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
    "Lease",
    "Level",
    "Masters",
    "Peek",
    "Question",
    "QuotaState",
    "Ranges",
    "RateState",
    "Sealed",
    "Settled",
    "Settlement",
    "Share",
    "Shares",
    "Span",
    "Terms",
    "Unavailable",
    "Use",
    "Verdict",
    "bulk",
    "connect",
    "holder",
    "network",
    "packed",
    "read_finish",
    "script_digest",
]
