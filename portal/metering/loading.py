"""Load: how many calls the whole platform took, hour by hour and account by account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_CALLS = text("""
    SELECT hour, account_id, CAST(sum(units) AS bigint)
    FROM usage_hour
    WHERE window_id IN (SELECT id FROM usage_window WHERE ends_at > :since AND starts_at < :until)
      AND hour >= :since AND hour < :until AND meter = 'calls'
    GROUP BY GROUPING SETS ((hour), (account_id))
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
    WHERE window_id IN (SELECT id FROM usage_window WHERE ends_at > :since AND starts_at < :until)
      AND hour >= :since AND hour < :until AND meter = :meter
""")


@dataclass(frozen=True)
class Load:
    """Calls of a span as plans count them (one of cost 5 is five): by hour that had any, and by account."""

    hours: dict[datetime, int]
    accounts: dict[str, int]

    @property
    def calls(self) -> int:
        """All of them."""
        return sum(self.accounts.values())

    @property
    def busiest(self) -> int:
        """The calls of the busiest hour."""
        return max(self.hours.values(), default=0)


def load(session: Session, since: datetime, until: datetime) -> Load:
    """The settled calls of all accounts in `[since, until)`, in live and in test."""
    hours: dict[datetime, int] = {}
    accounts: dict[str, int] = {}
    for hour, account_id, calls in session.execute(_CALLS, {"since": since, "until": until}):
        if account_id is None:
            hours[hour] = calls
        else:
            accounts[account_id] = calls
    return Load(hours, accounts)


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
