"""Sustainability, as decided: how long the cash lasts, and in which words that is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from portal.kit.errors import Invalid
from portal.kit.money import MINOR_DIGITS, Money

STALE = timedelta(days=62)
IN_YEARS, TOO_FAR = 24, 120
TERM_MONTHS = 12


@dataclass(frozen=True)
class Runway:
    """For how many whole months the cash lasts, rounded down; None when it does not shrink."""

    months: int | None

    @property
    def words(self) -> str:
        """As people say it: no decimals, and beyond two years no single months."""
        if self.months is None:
            return "Covered by revenue"
        if self.months == 0:
            return "Less than a month"
        if self.months >= TOO_FAR:
            return f"More than {TOO_FAR // 12} years"
        if self.months >= IN_YEARS:
            return f"About {self.months // 12} years"
        return "About 1 month" if self.months == 1 else f"About {self.months} months"


@dataclass(frozen=True)
class Month:
    """A calendar month, by its first moment: what it cost, what came in, and what is left of that."""

    at: datetime
    cost: Money
    revenue: Money

    @property
    def net(self) -> Money:
        """Below zero when more went out than came in."""
        return minus(self.revenue, self.cost)


def runway(cash: Money, cost: Money, revenue: Money) -> Runway:
    """How long `cash` lasts when each month costs `cost` and brings `revenue`, all in one currency."""
    burnt = minus(cost, revenue)
    if burnt.amount <= 0:
        return Runway(None)
    assert cash.currency == burnt.currency, "two currencies do not add up"
    return Runway(max(0, cash.amount) // burnt.amount)


def minus(left: Money, right: Money) -> Money:
    """The difference of two amounts in one currency."""
    assert left.currency == right.currency, "two currencies do not add up"
    return Money(left.amount - right.amount, left.currency)


def apportion(
    monthly: Decimal, calls: Mapping[str, int], busiest: int, hours: int
) -> tuple[dict[str, Decimal], Decimal]:
    """What each account's calls cost a month, and what nobody used (idle); together the whole.

    What the platform runs on is as large as its `busiest` hour needs: a call costs its part of what that
    hour could have carried in every one of these `hours`, and the rest is idle.
    """
    carried = busiest * hours
    if carried <= 0:
        return {}, monthly
    shares = {account: monthly * count / carried for account, count in calls.items() if count}
    return shares, monthly - sum(shares.values(), Decimal())


def odds(percent: int, runway: Runway | None) -> tuple[float, ...]:
    """The odds for each month of a year that the platform still runs.

    Each month it closes with a chance of `percent`. Where the cash does not reach, half of what is left is
    taken off: a platform whose cash ends may find more, or not.
    """
    reach = TERM_MONTHS if runway is None or runway.months is None else runway.months
    lives = [(1 - percent / 100) ** month for month in range(1, TERM_MONTHS + 1)]
    return tuple(one if month <= reach else one / 2 for month, one in enumerate(lives, 1))


def check_hazard(percent: int) -> None:
    """Refuse what is no chance."""
    if not 0 <= percent <= 100:
        raise Invalid("Give a whole number of percent, 0 to 100.", field="percent")


def is_stale(counted_at: datetime, now: datetime) -> bool:
    """Whether cash was counted too long ago to say much."""
    return counted_at + STALE <= now


def check_cash(amount: Money) -> None:
    """Refuse what nobody can have in hand."""
    if amount.currency not in MINOR_DIGITS:
        known = ", ".join(code.upper() for code in MINOR_DIGITS)
        raise Invalid(f"Choose one of these currencies: {known}.", field="currency")
    if not 0 <= amount.amount < 10**14:
        raise Invalid("Give what you have in hand, zero or more.", field="amount")
