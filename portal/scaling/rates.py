"""Rates: prices and discounts, each with its date and source; what AWS told last holds over what is shipped.

Shipped ones lie in rates.toml. AWS is asked through whoever can ask it (`Asks`), outside of any transaction;
what it tells is noted afterwards.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.kit import ids
from portal.kit.money import small
from portal.scaling.models import RateTold

SHIPPED = Path(__file__).parent / "rates.toml"
YEAR_SECONDS = 31_536_000
PAGE = 1000
"""More rates than these AWS does not tell in one answer."""

SHARES = ("fargate.spot", "cache.valkey")
PLANS: Mapping[str, tuple[str, str, str, Mapping[str, str]]] = {
    "promise.compute": ("Compute", "AmazonECS", "Fargate-vCPU-Hours:perCPU", {"cputype": "perCPU"}),
    "promise.database-plan": (
        "Database",
        "AmazonRDS",
        "InstanceUsage:db.r7g.large",
        {"instanceType": "db.r7g.large", "databaseEngine": "PostgreSQL", "deploymentOption": "Single-AZ"},
    ),
}
"""By rate: the plan's type, and the usage whose price in and out of the plan is compared: the dearest in it
with the cheapest out of it, so that the discount is never said to be more than it is."""


@dataclass(frozen=True)
class Rate:
    """A price in US dollars, or a share of one. What is `assumed` is nobody's published price."""

    name: str
    label: str
    value: float
    as_of: date
    source: str
    assumed: bool = False

    @property
    def shown(self) -> str:
        """Its value as people read it."""
        if self.name.startswith("promise.") or self.name in SHARES:
            return f"{round(100 * self.value)} %"
        if ".free-" in self.name:
            return f"{self.value:,.0f}"
        exact = Decimal(repr(self.value))
        shown = small(exact, "usd")  # two digits that say something, or as many as the price has
        return (
            shown
            if abs(exact) >= 1 or exact.adjusted() < -3
            else f"${max(f'{exact:f}', f'{exact:.2f}', key=len)}"
        )

    @property
    def words(self) -> str:
        """How sure it is, and since when."""
        sure = "assumed, no offer" if self.assumed else f"from {self.source}"
        return f"{sure}, as of {self.as_of.day} {self.as_of:%B %Y}"


class Asks(Protocol):
    """Asks AWS one operation of a service, by its name in AWS's own words."""

    def ask(
        self, service: str, operation: str, /, *, region: str | None = None, **what: Any
    ) -> Mapping[str, Any]:
        """The answer."""

    def pages(
        self, service: str, operation: str, token: str, given: str | None = None, /, **what: Any
    ) -> Iterator[Mapping[str, Any]]:
        """One answer after the other; `token` names the next one."""


@cache
def shipped() -> Mapping[str, Rate]:
    """What the project ships, by name."""
    rows = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["rate"]
    return {row["name"]: Rate(**row) for row in rows}


def rates(session: Session) -> dict[str, Rate]:
    """Every rate as it holds now, by name."""
    found = dict(shipped())
    for row in session.scalars(select(RateTold).order_by(RateTold.told_at)):
        if row.name in found:
            found[row.name] = replace(
                found[row.name],
                value=float(row.value),
                as_of=row.told_at.date(),
                source=row.source,
                assumed=False,
            )
    return found


def refresh(asks: Asks, region: str, *, now: datetime) -> list[Rate]:
    """What AWS tells of the plans' rates in a region, for `note`; what it does not tell of is left out.

    Raises what `asks` raises: credentials that may not, or AWS away.
    """
    found = []
    for name, (plan, service, usage, which) in PLANS.items():
        promised = max(_promised(asks, region, plan, service, usage), default=None)
        full = min(_on_demand(asks, region, service, usage, which), default=None)
        if promised and full and promised < full:
            source = f"AWS's savings plans and price list, {region}"
            found.append(Rate(name, shipped()[name].label, round(promised / full, 4), now.date(), source))
    return found


def note(session: Session, told: Sequence[Rate], *, now: datetime) -> None:
    """Keep what AWS told: it holds from now on. Earlier rows stay."""
    for one in told:
        session.add(
            RateTold(id=ids.new("rate"), name=one.name, value=one.value, source=one.source, told_at=now)
        )
    session.flush()


def _promised(asks: Asks, region: str, plan: str, service: str, usage: str) -> list[float]:
    """What an hour of this usage costs in plans of a year with nothing upfront, in US dollars."""
    answers = asks.pages(
        "savingsplans",
        "DescribeSavingsPlansOfferingRates",
        "nextToken",
        savingsPlanTypes=[plan],
        savingsPlanPaymentOptions=["No Upfront"],
        serviceCodes=[service],
        filters=[{"name": "region", "values": [region]}],
        maxResults=PAGE,
    )
    return [
        float(one["rate"])
        for answer in answers
        for one in answer.get("searchResults", ())
        if one["usageType"].endswith(usage)
        and one["savingsPlanOffering"]["durationSeconds"] == YEAR_SECONDS
        and one["savingsPlanOffering"]["currency"] == "USD"
    ]


def _on_demand(asks: Asks, region: str, service: str, usage: str, which: Mapping[str, str]) -> list[float]:
    """What an hour of it costs on demand, in US dollars."""
    fields = {"regionCode": region, **which}
    answer = asks.ask(
        "pricing",
        "GetProducts",
        region="us-east-1",
        ServiceCode=service,
        Filters=[{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in fields.items()],
    )
    return [
        float(price)
        for product in map(json.loads, answer.get("PriceList", ()))
        if product["product"]["attributes"].get("usagetype", "").endswith(usage)
        for price in _prices(product)
    ]


def _prices(product: Mapping[str, Any]) -> Iterator[str]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            if "USD" in dimension["pricePerUnit"]:
                yield dimension["pricePerUnit"]["USD"]
