"""The AWS cost and usage report, as FOCUS: legacy columns and those of CUR 2.0.

What a line truly costs (EffectiveCost) follows AWS's own rule for amortised cost: a covered line bears its
share of the commitment, and a commitment's own line bears what of it went unused.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from portal.costs.focus import NOTHING, NoBill, Unfit

NEEDED = (
    "bill_billing_period_start_date", "line_item_usage_start_date", "line_item_line_item_type",
    "line_item_unblended_cost",
)  # fmt: skip
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
TAG = re.compile(r"resourceTags/(?:user:|aws:)?(.+)|resource_tags_(?:user_|aws_)?(.+)")
CATEGORIES = {
    "Tax": "Tax",
    "Credit": "Credit",
    "Refund": "Credit",
    "Fee": "Purchase",
    "RIFee": "Purchase",
    "SavingsPlanUpfrontFee": "Purchase",
    "SavingsPlanRecurringFee": "Purchase",
}
COVERED = {"DiscountedUsage": "Used", "SavingsPlanCoveredUsage": "Used"}
UNCOUNTED = ("SavingsPlanNegation", "SavingsPlanUpfrontFee")
HEADER = (
    "ProviderName", "BillingAccountId", "SubAccountId", "BillingPeriodStart", "ChargePeriodStart",
    "ChargePeriodEnd", "BillingCurrency", "ServiceName", "ChargeCategory", "ChargeDescription", "RegionId",
    "ResourceId", "SkuId", "ConsumedQuantity", "ConsumedUnit", "ListCost", "CommitmentDiscountId",
    "CommitmentDiscountStatus", "BilledCost", "EffectiveCost", "Tags",
)  # fmt: skip


@dataclass(frozen=True)
class Translator:
    """Turns lines of one report into lines under HEADER."""

    places: dict[str, int]
    tags: dict[str, int]
    width: int

    def line(self, line: Sequence[str]) -> list[str]:
        """A line of the report in FOCUS columns; Unfit when it cannot be counted."""
        if len(line) != self.width:
            raise Unfit(f"It has {len(line)} fields where the first line has {self.width}.")
        get = self._getter(line)
        kind = get("line_item_line_item_type")
        plan = get("savings_plan_savings_plan_a_r_n") or get("savings_plan_savings_plan_arn")
        reserved = get("reservation_reservation_a_r_n") or get("reservation_reservation_arn")
        product = _map(get("product"))
        return [
            "AWS",
            get("bill_payer_account_id"),
            get("line_item_usage_account_id"),
            get("bill_billing_period_start_date"),
            get("line_item_usage_start_date"),
            get("line_item_usage_end_date"),
            get("line_item_currency_code"),
            get("product_product_name") or product.get("product_name", "") or get("line_item_product_code"),
            CATEGORIES.get(kind, "Adjustment" if kind.endswith("Discount") else "Usage"),
            get("line_item_line_item_description"),
            get("product_region_code") or get("product_region") or product.get("region", ""),
            get("line_item_resource_id"),
            get("product_sku"),
            get("line_item_usage_amount"),
            get("pricing_unit"),
            get("pricing_public_on_demand_cost"),
            plan or reserved,
            COVERED.get(kind, ""),
            get("line_item_unblended_cost"),
            _effective(kind, get, reserved),
            self._tags(line, get),
        ]

    def _getter(self, line: Sequence[str]) -> Callable[[str], str]:
        places = self.places

        def get(name: str) -> str:
            place = places.get(name)
            return "" if place is None or line[place] in NOTHING else line[place]

        return get

    def _tags(self, line: Sequence[str], get: Callable[[str], str]) -> str:
        if whole := get("resource_tags"):
            return json.dumps(
                {
                    name.removeprefix("user_").removeprefix("user:"): value
                    for name, value in _map(whole).items()
                }
            )
        found = {name: line[place] for name, place in self.tags.items() if line[place] not in NOTHING}
        return json.dumps(found) if found else ""


def is_report(header: Sequence[str]) -> bool:
    """Whether a header is that of a cost and usage report."""
    return "line_item_unblended_cost" in {_snake(name) for name in header}


def translator(header: Sequence[str]) -> Translator:
    """A translator of lines under this header; NoBill when a column is missing that everything hangs on."""
    places = {_snake(name): place for place, name in enumerate(header)}
    if lacking := [name for name in NEEDED if name not in places]:
        raise NoBill(f"it has no column {' and no '.join(lacking)}")
    tags = {
        found[1] or found[2]: place
        for place, name in enumerate(header)
        if (found := TAG.fullmatch(name.strip()))
    }
    return Translator(places, tags, len(header))


def _snake(name: str) -> str:
    return CAMEL.sub("_", name.strip().replace("/", "_").replace(":", "_")).lower()


def _effective(kind: str, get: Callable[[str], str], reserved: str) -> str:
    if kind == "SavingsPlanCoveredUsage":
        return get("savings_plan_savings_plan_effective_cost")
    if kind in UNCOUNTED or (kind == "Fee" and reserved):
        return "0"
    if kind == "SavingsPlanRecurringFee":
        committed = get("savings_plan_total_commitment_to_date")
        return str(_decimal(committed) - _decimal(get("savings_plan_used_commitment")))
    if kind == "DiscountedUsage":
        return get("reservation_effective_cost")
    if kind == "RIFee":
        upfront = get("reservation_unused_amortized_upfront_fee_for_billing_period")
        return str(_decimal(upfront) + _decimal(get("reservation_unused_recurring_fee")))
    return get("line_item_unblended_cost")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text or "0")
    except InvalidOperation:
        raise Unfit(f"A commitment's cost is no number: {text[:40]}.") from None


def _map(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {str(k): str(v) for k, v in found.items() if v is not None} if isinstance(found, dict) else {}
