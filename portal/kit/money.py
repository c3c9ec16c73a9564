"""Money: integer minor units with a currency, never a float."""

from dataclasses import dataclass

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

    def _written(self, *, cents: bool) -> str:
        digits = MINOR_DIGITS.get(self.currency, 2)
        whole, part = divmod(abs(self.amount), 10**digits)
        text = f"{whole:,}" + (f".{part:0{digits}d}" if digits and (part or cents) else "")
        sign = SIGNS.get(self.currency)
        shown = f"{sign}{text}" if sign else f"{text} {self.currency.upper()}"
        return f"-{shown}" if self.amount < 0 else shown
