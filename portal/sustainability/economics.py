"""Unit economics: what a thousand calls cost, and whether each account carries what it uses."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from portal import accounts, billing, costs, metering
from portal.kit.money import Money
from portal.kit.period import calendar_month
from portal.kit.settings import Payments
from portal.sustainability import rules

IDLE = ""
THOUSAND = 1000
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Margin:
    """What an account costs and brings a month. `calls` are those of the span that was measured."""

    account_id: str
    name: str
    calls: int
    cost: Money
    revenue: Money

    @property
    def left(self) -> Money:
        """Below zero when it costs more than it brings."""
        return rules.minus(self.revenue, self.cost)


@dataclass(frozen=True)
class Economics:
    """A month at the pace of `[starts_at, until)`: its cost is what accounts use and what is idle.

    `per_thousand` is the cost of a thousand calls with idle in it, `per_thousand_used` without; both in
    units of the currency, None when there were no calls. `rows` have those that cost more than they bring
    first.
    """

    starts_at: datetime
    until: datetime
    cost: Money
    idle: Money
    calls: int
    busiest: int
    per_thousand: Decimal | None
    per_thousand_used: Decimal | None
    rows: tuple[Margin, ...]

    @property
    def losing(self) -> int:
        """How many accounts cost more than they bring."""
        return sum(one.left.amount < 0 for one in self.rows)


def economics(session: Session, payments: Payments | None, currency: str, *, now: datetime) -> Economics:
    """Cost of a month as it was last measured, shared out by calls, beside what recurs a month."""
    measured = costs.measured(session, currency, now=now)
    span = measured.starts_at, measured.until
    used = metering.load_by_account(session, *span)
    busiest = max(metering.load(session, *span).values(), default=0)  # read later: never less than was used
    hours = max(1, round((measured.until - measured.starts_at) / HOUR))
    shares, idle = rules.apportion(measured.monthly, used, busiest, hours)
    shown = costs.spread({**shares, IDLE: idle}, currency)
    revenue = _recurring(session, payments, currency)
    names = accounts.names(session, {*shares, *revenue})
    rows = [
        Margin(
            account_id,
            names.get(account_id, account_id),
            used.get(account_id, 0),
            shown.get(account_id, Money(0, currency)),
            revenue.get(account_id, Money(0, currency)),
        )
        for account_id in {*shares, *revenue}
    ]
    month = calendar_month(measured.starts_at)
    pace = Decimal((month[1] - month[0]) / HOUR) / hours
    calls = sum(used.values())
    return Economics(
        measured.starts_at,
        measured.until,
        Money(sum(one.amount for one in shown.values()), currency),
        shown[IDLE],
        calls,
        busiest,
        _each_thousand(measured.monthly, calls, pace),
        _each_thousand(measured.monthly - idle, calls, pace),
        tuple(sorted(rows, key=lambda one: (one.left.amount, -one.calls, one.name))),
    )


def _recurring(session: Session, payments: Payments | None, currency: str) -> dict[str, Money]:
    found = billing.recurring_by_account(session, payments) if payments else {}
    return {
        account_id: Money(sum(one.amount for one in amounts if one.currency == currency), currency)
        for account_id, amounts in found.items()
    }


def _each_thousand(monthly: Decimal, calls: int, pace: Decimal) -> Decimal | None:
    return monthly * THOUSAND / (calls * pace) if calls else None
