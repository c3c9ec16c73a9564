"""Costs, as decided: what counts in a month, what adds up, and what may be typed.

Wherever a cost comes from, it is read as a `Charge`: one that was typed, or what a provider's bill says of
a service, whose source is the provider.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import TypeVar

from portal.kit.errors import Conflict, Invalid
from portal.kit.money import MINOR_DIGITS, Money
from portal.kit.period import add_months, calendar_month

TYPED = "typed"
Key = TypeVar("Key", bound=Hashable)
NAME_LENGTH = 80
MOST_YEARS = 20
CURRENCIES = tuple(MINOR_DIGITS)


@dataclass(frozen=True)
class Charge:
    """What one thing cost in one calendar month, and where that is known from."""

    name: str
    service: str
    amount: Money
    source: str


@dataclass(frozen=True)
class ServiceCost:
    """What one service cost in a month, in one currency."""

    service: str
    amount: Money
    charges: tuple[Charge, ...]


@dataclass(frozen=True)
class Month:
    """A calendar month, by its first moment: its services, dearest first, and a total in each currency."""

    at: datetime
    services: tuple[ServiceCost, ...]
    totals: tuple[Money, ...]

    def total(self, currency: str) -> Money:
        """What the month cost in one currency; nothing is converted."""
        return next((one for one in self.totals if one.currency == currency), Money(0, currency))


@dataclass(frozen=True)
class Band:
    """What a platform of a kind usually costs a month, in US dollars."""

    name: str
    low: Money
    high: Money


BANDS = (
    Band("Development", Money(0), Money(50_00)),
    Band("Production", Money(100_00), Money(400_00)),
)


def band(total: Money) -> str:
    """Where a month's total in US dollars lies among the bands, as a sentence."""
    development, production = BANDS
    if total.amount <= development.high.amount:
        return f"Within what development usually costs, {development.low} to {development.high} a month."
    if total.amount < production.low.amount:
        return (
            f"Between what development ({development.low} to {development.high}) and production usually cost."
        )
    if total.amount <= production.high.amount:
        return f"Within what production usually costs, {production.low} to {production.high} a month."
    return f"Above what production usually costs, {production.low} to {production.high} a month."


def month(at: datetime, charges: Iterable[Charge]) -> Month:
    """Charges of one month, by service; amounts of two currencies are never added."""
    by_service: dict[tuple[str, str], list[Charge]] = {}
    for charge in charges:
        by_service.setdefault((charge.service, charge.amount.currency), []).append(charge)
    services = [
        ServiceCost(service, _sum(found, currency), tuple(sorted(found, key=_dearest)))
        for (service, currency), found in by_service.items()
    ]
    currencies = sorted({currency for _, currency in by_service})
    totals = [
        Money(sum(one.amount.amount for one in services if one.amount.currency == currency), currency)
        for currency in currencies
    ]
    return Month(at, tuple(sorted(services, key=_dearest)), tuple(totals))


def spread(exact: Mapping[Key, Decimal], currency: str) -> dict[Key, Money]:
    """Exact amounts in minor units that add up to their exact total, rounded once.

    Each is the next below or above what it is exactly; the largest remainders go up.
    """
    digits = MINOR_DIGITS.get(currency, 2)
    scaled = {key: amount.scaleb(digits) for key, amount in exact.items()}
    below = {key: int(amount.to_integral_value(ROUND_FLOOR)) for key, amount in scaled.items()}
    total = int(sum(scaled.values(), Decimal()).to_integral_value(ROUND_HALF_EVEN))
    up = sorted(scaled, key=lambda key: scaled[key] - below[key], reverse=True)[: total - sum(below.values())]
    return {key: Money(amount + (key in up), currency) for key, amount in below.items()}


def counts(begins_at: datetime, ends_at: datetime | None, at: datetime) -> bool:
    """Whether a cost of `[begins_at, ends_at)` counts in the month that begins `at`."""
    return begins_at <= at and (ends_at is None or at < ends_at)


def state_of(begins_at: datetime, ends_at: datetime | None, now: datetime) -> str:
    """`running`, `coming`, `ended`, or `withdrawn`: ended before it began."""
    if ends_at == begins_at:
        return "withdrawn"
    at = calendar_month(now)[0]
    if begins_at > at:
        return "coming"
    return "running" if counts(begins_at, ends_at, at) else "ended"


def check(
    name: str, service: str, amount: Money, begins_at: datetime, ends_at: datetime | None, now: datetime
) -> None:
    """Refuse what cannot be a monthly cost."""
    for field, text, called in (("name", name, "name"), ("service", service, "service")):
        if not 0 < len(text) <= NAME_LENGTH:
            raise Invalid(f"Give the {called} in 1 to {NAME_LENGTH} characters.", field=field)
    check_amount(amount)
    check_month(begins_at, now, field="first_month")
    if ends_at is not None and ends_at <= begins_at:
        raise Invalid("The last month must not lie before the first.", field="last_month")


def check_amount(amount: Money) -> None:
    """Refuse a currency that is not known and an amount that is not above zero."""
    if amount.currency not in CURRENCIES:
        known = ", ".join(code.upper() for code in CURRENCIES)
        raise Invalid(f"Choose one of these currencies: {known}.", field="currency")
    if not 0 < amount.amount < 10**12:
        raise Invalid("Give what it costs a month, above zero.", field="amount")


def check_month(at: datetime, now: datetime, *, field: str) -> None:
    """Refuse a month that is not one, or too far away to be meant."""
    assert at == calendar_month(at)[0], "a month is named by its first moment"
    if abs((at.year - now.year) * 12 + at.month - now.month) > MOST_YEARS * 12:
        raise Invalid(f"Give a month within {MOST_YEARS} years of now.", field=field)


def check_end(begins_at: datetime, ended: bool, ends_at: datetime) -> None:
    """Refuse to end what has ended, or to end it before it began; the month before withdraws it whole."""
    if ended:
        raise Conflict("This cost was ended already.")
    if ends_at < begins_at:
        earliest = add_months(begins_at, -1)
        raise Invalid(
            f"It begins in {begins_at:%B %Y}: its last month cannot lie before {earliest:%B %Y}.",
            field="last_month",
        )


def _sum(charges: Iterable[Charge], currency: str) -> Money:
    return Money(sum(charge.amount.amount for charge in charges), currency)


def _dearest(one: Charge | ServiceCost) -> tuple[str, int, str]:
    return one.amount.currency, -one.amount.amount, one.name if isinstance(one, Charge) else one.service
