"""What AWS gives for nothing, as it tells it: credits that are left, and what of the free tier is used."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from portal.costs.gateway.speaking import Aws, Gone


@dataclass(frozen=True)
class Plan:
    """How an account stands with AWS: `kind` FREE or PAID and its `status`, in AWS's words.

    `credits` are left, in units of `currency`, and `ends_at` is when the plan ends; None: AWS tells of none.
    """

    kind: str
    status: str
    credits: float | None
    currency: str
    ends_at: datetime | None


@dataclass(frozen=True)
class Allowance:
    """So much of something is free each month, or was for a year, by `kind` in AWS's words; of it is used
    `actual` so far and, AWS expects, `forecast` by the month's end, in `unit`."""

    service: str
    usage: str
    region: str
    kind: str
    unit: str
    actual: float
    forecast: float
    limit: float

    @property
    def share(self) -> float:
        """Which part of it will be used by the month's end, as AWS expects; 1 is all of it."""
        return max(self.forecast, self.actual) / self.limit if self.limit > 0 else 0.0

    @property
    def words(self) -> tuple[str, str, str]:
        """Used so far, forecast with its share, and limit, as people read them."""
        used, forecast, limit = (
            f"{amount:,.{0 if amount >= 100 else 2}f}" for amount in (self.actual, self.forecast, self.limit)
        )
        return used, f"{forecast} ({100 * self.share:.0f} %)", f"{limit} {self.unit}".strip()


def plan(aws: Aws) -> Plan | None:
    """How the account stands; None for one that is older than such plans."""
    try:
        told = aws.ask("freetier", "GetAccountPlanState")
    except Gone:
        return None
    left, ends_at = told.get("accountPlanRemainingCredits"), told.get("accountPlanExpirationDate")
    return Plan(
        told["accountPlanType"],
        told["accountPlanStatus"],
        float(left["amount"]) if left else None,
        left["unit"].lower() if left else "usd",
        ends_at.astimezone(UTC) if ends_at else None,
    )


def allowances(aws: Aws) -> Iterator[Allowance]:
    """What of the free tier the account uses, in the order in which AWS tells it."""
    for page in aws.pages("freetier", "GetFreeTierUsage", "nextToken"):
        yield from map(_allowance, page["freeTierUsages"])


def _allowance(told: Mapping[str, Any]) -> Allowance:
    return Allowance(
        told.get("service") or "",
        told.get("usageType") or "",
        told.get("region") or "",
        told.get("freeTierType") or "",
        told.get("unit") or "",
        told.get("actualUsageAmount") or 0.0,
        told.get("forecastedUsageAmount") or 0.0,
        told.get("limit") or 0.0,
    )
