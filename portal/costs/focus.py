"""Bills, as read: a line in FOCUS columns (1.0 to 1.2) becomes a row, or is set aside with a reason."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

NOTHING = frozenset({"", "NULL", "null"})
UNNAMED = "Not named"
TEXTS = {
    "category": ("ChargeCategory",),
    "service_category": ("ServiceCategory",),
    "description": ("ChargeDescription",),
    "sub_account_id": ("SubAccountId",),
    "region": ("RegionId", "Region"),
    "resource_id": ("ResourceId",),
    "sku_id": ("SkuId",),
    "pricing_category": ("PricingCategory",),
    "pricing_unit": ("PricingUnit",),
    "consumed_unit": ("ConsumedUnit",),
    "commitment_id": ("CommitmentDiscountId",),
    "commitment_type": ("CommitmentDiscountType",),
    "commitment_status": ("CommitmentDiscountStatus",),
}
NUMBERS = {
    "list_cost": "ListCost",
    "contracted_cost": "ContractedCost",
    "pricing_quantity": "PricingQuantity",
    "consumed_quantity": "ConsumedQuantity",
}
COLUMNS = (
    "provider", "billing_account_id", "month", "currency", "service", "begins_at", "ends_at",
    "billed_cost", "effective_cost", "tags", *TEXTS, *NUMBERS,
)  # fmt: skip
"""What a row holds, in order. Numbers are texts as the file has them, tags are JSON, moments are UTC."""

Row = tuple[str | datetime | None, ...]
OVER_MIDNIGHT = re.compile(r"T(\d\d):")


class Unfit(Exception):
    """A line that cannot be counted; the text says why, to a person."""


class NoBill(Exception):
    """A file that is no bill at all; the text says what it lacks."""


@dataclass(frozen=True)
class Reader:
    """Reads lines of one file by its header. `source` stands for the account that a bill does not name."""

    places: Mapping[str, int]
    width: int
    source: str
    otherwise: str

    def row(self, line: Sequence[str]) -> Row:
        """A line as a row, in the order of COLUMNS; Unfit when it cannot be counted."""
        if len(line) != self.width:
            raise Unfit(f"It has {len(line)} fields where the first line has {self.width}.")
        if any("\0" in field for field in line):
            raise Unfit("It holds a zero byte.")
        get = self._getter(line)
        billed = _number(get("BilledCost"), "BilledCost")
        effective = _number(get("EffectiveCost"), "EffectiveCost")
        if billed is None or effective is None:
            raise Unfit(f"It has no {'BilledCost' if billed is None else 'EffectiveCost'}.")
        month = _moment(get("BillingPeriodStart"), "BillingPeriodStart")
        begins_at = _moment(get("ChargePeriodStart"), "ChargePeriodStart")
        if month is None or begins_at is None:
            raise Unfit(f"It has no {'BillingPeriodStart' if month is None else 'ChargePeriodStart'}.")
        currency = (get("BillingCurrency") or self.otherwise).lower()
        if len(currency) != 3 or not currency.isalpha():
            raise Unfit(f"BillingCurrency is no currency: {_short(currency)}.")
        return (
            _first(get, "ProviderName", "ServiceProviderName", "PublisherName", "InvoiceIssuerName")
            or UNNAMED,
            get("BillingAccountId") or self.source,
            month.replace(day=1, hour=0, minute=0, second=0, microsecond=0),
            currency,
            _first(get, "ServiceName", "ServiceCategory") or UNNAMED,
            begins_at,
            _moment(get("ChargePeriodEnd"), "ChargePeriodEnd"),
            billed,
            effective,
            _tags(get("Tags")),
            *(_first(get, *names) for names in TEXTS.values()),
            *(_number(get(name), name) for name in NUMBERS.values()),
        )

    def _getter(self, line: Sequence[str]) -> Callable[[str], str | None]:
        places = self.places

        def get(name: str) -> str | None:
            place = places.get(name)
            if place is None or (found := line[place]) in NOTHING:
                return None
            return found

        return get


def reader(header: Sequence[str], *, source: str, currency: str) -> Reader:
    """A reader of lines under this header; NoBill when a column is missing that everything hangs on.

    `currency` is that of lines that name none.
    """
    places = {name.strip(): place for place, name in enumerate(header)}
    needed = ("BilledCost", "EffectiveCost", "BillingPeriodStart", "ChargePeriodStart")
    if lacking := [name for name in needed if name not in places]:
        raise NoBill(f"it has no column {' and no '.join(lacking)}")
    return Reader(places, len(header), source, currency)


def _first(get: Callable[[str], str | None], *names: str) -> str | None:
    return next((found for name in names if (found := get(name)) is not None), None)


def _number(text: str | None, name: str) -> str | None:
    """The text of a number, so that not a digit of it is lost; 1e999999 is none, nor is NaN."""
    if text is None:
        return None
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise Unfit(f"{name} is no number: {_short(text)}.") from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise Unfit(f"{name} is no number that money can be: {_short(text)}.")
    return text.strip()


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    found = _read_moment(text)
    if found is None:
        raise Unfit(f"{name} is no moment: {_short(text)}.")
    return found


@lru_cache(maxsize=20_000)
def _read_moment(text: str) -> datetime | None:
    """A moment in UTC, which it is in unless it says otherwise; hours past midnight are the next day's."""
    past = OVER_MIDNIGHT.search(text)
    days = int(past[1]) // 24 if past else 0
    if past and days:
        text = f"{text[: past.start(1)]}{int(past[1]) % 24:02}{text[past.end(1) :]}"
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        return found + timedelta(days=days) if 1990 <= found.year <= 2200 else None
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=20_000)
def _tags(text: str | None) -> str:
    """Tags as a flat JSON object; what is no such object is none."""
    if text is None:
        return "{}"
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Unfit(f"Tags are no JSON: {_short(text)}.") from None
    if isinstance(found, list):  # some writers give pairs
        found = {one.get("key"): one.get("value") for one in found if isinstance(one, dict)}
    if not isinstance(found, dict):
        raise Unfit(f"Tags are no names with values: {_short(text)}.")
    flat = {str(name): str(value) for name, value in found.items() if value is not None}
    if "\0" in "".join((*flat, *flat.values())):
        raise Unfit("Tags hold a zero byte.")
    return json.dumps(flat)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
