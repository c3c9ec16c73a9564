"""Fields: parameters that several endpoints know alike."""

from sandbox.stripe.errors import malformed
from sandbox.stripe.shapes import Hash, Kind, Metadata, Text

ADDRESS = Hash(
    {name: Text(clear=True) for name in ("city", "country", "line1", "line2", "postal_code", "state")},
    clear=True,
)
METADATA: dict[str, Kind] = {"metadata": Metadata()}
EMPTY_ADDRESS = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}
CURRENCIES = (
    "usd",
    "eur",
    "gbp",
    "cad",
    "aud",
    "chf",
    "jpy",
    "nzd",
    "sek",
    "nok",
    "dkk",
    "sgd",
    "pln",
    "czk",
)


class Currency(Text):
    """A currency that the sandbox knows."""

    def value(self, value: object, name: str) -> str:
        text = super().value(value, name).lower()
        if text not in CURRENCIES:
            raise unknown_currency(text, name)
        return text


def unknown_currency(text: str, name: str) -> Exception:
    return malformed(
        f"Invalid currency: {text}. Stripe currently supports these currencies: {', '.join(CURRENCIES)}", name
    )
