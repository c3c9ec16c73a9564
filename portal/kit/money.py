"""Money: integer minor units with a currency, never a float."""

import re
from dataclasses import dataclass
from decimal import Decimal

from portal.kit.errors import Invalid

MINOR_DIGITS = {"usd": 2, "eur": 2, "gbp": 2, "jpy": 0}
SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


@dataclass(frozen=True, order=True)
class Money:
    """An amount in minor units (cents) of an ISO 4217 currency in lower case."""

    amount: int
    currency: str = "usd"

    def __str__(self) -> str:
        """As people write it: `$19`, `$19.50`, `-$3`."""
        return self._written(cents=False)

    @property
    def exact(self) -> str:
        """As invoices write it: `$19.00`, `-$3.00`, `¥500`."""
        return self._written(cents=True)

    @property
    def whole(self) -> int:
        """In whole units of the currency, rounded, for charts; never below zero."""
        unit: int = 10 ** MINOR_DIGITS.get(self.currency, 2)
        return max(0, (2 * self.amount + unit) // (2 * unit))

    def _written(self, *, cents: bool) -> str:
        digits = MINOR_DIGITS.get(self.currency, 2)
        whole, part = divmod(abs(self.amount), 10**digits)
        text = f"{whole:,}" + (f".{part:0{digits}d}" if digits and (part or cents) else "")
        sign = SIGNS.get(self.currency)
        shown = f"{sign}{text}" if sign else f"{text} {self.currency.upper()}"
        return f"-{shown}" if self.amount < 0 else shown


def small(amount: Decimal, currency: str) -> str:
    """An amount in units of its currency that may be tiny, to two digits that say something: `$0.0041`."""
    digits = MINOR_DIGITS.get(currency, 2)
    if abs(amount) >= 1 or not amount:
        return Money(round(amount.scaleb(digits)), currency).exact
    text = f"{abs(amount):.{max(digits, 1 - amount.adjusted())}f}"
    sign = SIGNS.get(currency)
    shown = f"{sign}{text}" if sign else f"{text} {currency.upper()}"
    return f"-{shown}" if amount < 0 else shown


WRITTEN = re.compile(r"(\d{1,12})(?:[.,](\d{1,2}))?")
THOUSANDS = re.compile(r"(?<=\d)[,' ](?=\d{3}(?!\d))")


def read(text: str, currency: str, *, field: str = "amount") -> Money:
    """What people write: `1,250`, `25.5`, `25,50`, `$19`. Invalid, at `field`, when it is no such amount."""
    currency = currency.lower()
    digits = MINOR_DIGITS.get(currency, 2)
    bare = THOUSANDS.sub("", text.strip().strip(SIGNS.get(currency, "$")).strip())
    found = WRITTEN.fullmatch(bare)
    if found is None or (found[2] and not digits):
        raise Invalid(f"Give an amount such as {Money(25 * 10**digits, currency)}.", field=field)
    return Money(int(found[1]) * 10**digits + int((found[2] or "").ljust(digits, "0") or 0), currency)
