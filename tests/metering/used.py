"""Calls that were settled, without a gate."""

from portal import metering, plans
from portal.metering import ledger


def use(session, account_id, calls, at, *, now, endpoint="", meter="calls"):
    """Bring calls of the hour that begins `at` into the ledger, in the account's window of `now`."""
    window = metering.open_windows(session, plans.current(session, account_id, now=now), now=now).live
    hour = int(at.timestamp()) // 3_600
    ledger.book_lines(
        session, [ledger.Line(None, account_id, window.id, "k", meter, endpoint, hour, calls, calls)]
    )
