"""Prices of machines on demand, by the hour, in US dollars, from the table of rates.

They are list prices for us-east-1: other regions are up to a third dearer, so that savings are larger than
they are said to be. What is not listed has no price, and nothing is suggested for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from portal.scaling.rates import Rate, rates

SIZES = ("micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge")
"""Each costs twice as much as the one before it, and has twice its memory."""

BURSTING = ("t3", "t4g")
BASELINES = {"micro": 10, "small": 20, "medium": 20, "large": 30, "xlarge": 40, "2xlarge": 40}
"""What of its processors a bursting machine may use for long, in percent."""

MEMORY = {
    **dict.fromkeys(("db.t3", "db.t4g", "db.m5", "db.m6g", "db.m6i", "db.m7g"), 8.0),
    **dict.fromkeys(("db.r5", "db.r6g", "db.r6i", "db.r7g"), 16.0),
    **dict.fromkeys(("cache.t3", "cache.t4g"), 6.2),
    **dict.fromkeys(("cache.m5", "cache.m6g", "cache.m7g"), 6.38),
    **dict.fromkeys(("cache.r5", "cache.r6g", "cache.r7g"), 13.07),
}
"""What the large size of each family has, in GB."""

CACHE_MEMORY = {"micro": 0.5, "small": 1.37, "medium": 3.09}
"""Small caches keep part of their memory for themselves."""


@dataclass(frozen=True)
class Machine:
    """A type of machine, such as `db.t4g.small`: what it costs an hour, its memory in GB, and what of its
    processors it may use for long, in percent."""

    type: str
    hourly: float
    memory: float
    baseline: int


@dataclass(frozen=True)
class Prices:
    """What machines cost on demand, by rates of these names."""

    rates: Mapping[str, Rate]

    @property
    def words(self) -> str:
        """How sure they are, and since when."""
        at: date = min(one.as_of for one in self.rates.values())
        return f"AWS's list prices for us-east-1, as of {at:%B %Y}: no offer"

    @property
    def spot_ratio(self) -> float:
        """What spot costs of the price on demand, when it is dear."""
        return self.rates["fargate.spot"].value

    def valkey(self, hourly: float) -> float:
        """What a cache costs with Valkey instead of Redis."""
        return hourly * self.rates["cache.valkey"].value

    def task(self, cpu: int, memory: int, architecture: str) -> float:
        """What a task on Fargate costs an hour: cpu in 1024ths of a processor, memory in MB."""
        name = "fargate.arm64" if architecture == "ARM64" else "fargate.x86_64"
        return cpu / 1024 * self.rates[f"{name}.cpu"].value + memory / 1024 * self.rates[f"{name}.gb"].value

    def machine(self, kind: str) -> Machine | None:
        """A type of machine by its name; None when it has no price here."""
        family, _, size = kind.rpartition(".")
        if family not in MEMORY or size not in SIZES:
            return None
        bursts = family.endswith(BURSTING)
        step = SIZES.index(size) - SIZES.index("large")
        if (bursts and size not in BASELINES) or (step < 0 and not bursts):
            return None
        kept = CACHE_MEMORY.get(size) if family.startswith("cache") else None
        hourly, memory = self.rates[family].value * 2.0**step, kept or MEMORY[family] * 2.0**step
        return Machine(kind, hourly, memory, BASELINES[size] if bursts else 100)

    def smaller(self, kind: str) -> Machine | None:
        """The next smaller type of the same family; None when there is none, or it has no price here."""
        family, _, size = kind.rpartition(".")
        if size not in SIZES or not SIZES.index(size):
            return None
        return self.machine(f"{family}.{SIZES[SIZES.index(size) - 1]}")


def prices(session: Session) -> Prices:
    """What machines cost, as it is known now."""
    return Prices(rates(session))
