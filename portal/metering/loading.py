"""Load: how many calls the whole platform took, hour by hour and account by account."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.kit.period import midnight

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

_HOURS = text("""
    SELECT hour, CAST(sum(units) AS bigint)
    FROM usage_hour
    WHERE hour >= :since AND hour < :until AND meter = 'calls'
    GROUP BY hour
""")

# Whole days are read from the roll-up by the day, which is a tenth as long.
_ACCOUNTS = text("""
    SELECT account_id, CAST(sum(units) AS bigint)
    FROM (
        SELECT window_id, sum(units) AS units FROM usage_day
        WHERE day >= :first AND day < :last AND meter = 'calls' GROUP BY window_id
        UNION ALL
        SELECT window_id, sum(units) FROM usage_hour
        WHERE hour >= :since AND hour < :from_day AND meter = 'calls' GROUP BY window_id
        UNION ALL
        SELECT window_id, sum(units) FROM usage_hour
        WHERE hour >= :to_day AND hour < :until AND meter = 'calls' GROUP BY window_id
    ) AS used JOIN usage_window ON usage_window.id = used.window_id
    GROUP BY account_id
""")

_OF = text("""
    SELECT account_id, hour, CAST(sum(units) AS bigint)
    FROM usage_hour
    WHERE window_id IN (
        SELECT id FROM usage_window
        WHERE account_id = ANY(:accounts) AND ends_at > :since AND starts_at < :until)
      AND hour >= :since AND hour < :until AND meter = 'calls'
    GROUP BY account_id, hour
""")
_UNITS = text("""
    SELECT CAST(coalesce(sum(units), 0) AS bigint)
    FROM usage_hour
    WHERE hour >= :since AND hour < :until AND meter = :meter
""")


def load(session: Session, since: datetime, until: datetime) -> dict[datetime, int]:
    """The settled calls of all accounts in `[since, until)`, live and test, by hour that had any.

    Calls are counted as plans do: one of cost 5 is five.
    """
    hours = session.execute(_HOURS, {"since": since, "until": until})
    return {hour: int(calls) for hour, calls in hours}


def load_by_account(session: Session, since: datetime, until: datetime) -> dict[str, int]:
    """The same by account that had any. Both moments are full hours."""
    first = midnight(since + DAY - HOUR)
    last = max(first, midnight(until))
    asked = {"since": since, "until": until, "from_day": min(first, until), "to_day": last}
    days = {"first": first.date(), "last": last.date()}
    return {account_id: int(calls) for account_id, calls in session.execute(_ACCOUNTS, asked | days)}


def load_of(
    session: Session, account_ids: Sequence[str], since: datetime, until: datetime
) -> dict[str, dict[datetime, int]]:
    """The settled calls in `[since, until)` of each of these accounts, by hour that had any."""
    found: dict[str, dict[datetime, int]] = {}
    asked = {"accounts": list(account_ids), "since": since, "until": until}
    for account_id, hour, calls in session.execute(_OF, asked):
        found.setdefault(account_id, {})[hour] = calls
    return found


def units(session: Session, meter: str, since: datetime, until: datetime) -> int:
    """How many settled units of a meter there were in `[since, until)`, of all accounts."""
    return session.scalar(_UNITS, {"meter": meter, "since": since, "until": until}) or 0
