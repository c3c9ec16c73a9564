"""Prices of machines on demand, by the hour, in US dollars.

AWS's public list prices for us-east-1, dated, and no offer: other regions are up to a third dearer, so that
savings are larger than they are said to be. What is not listed has no price, and nothing is suggested for it.
"""

from dataclasses import dataclass

PRICES_OF = "November 2026"
PRICES_FROM = f"AWS's list prices for us-east-1, as of {PRICES_OF}: no offer"

FARGATE = {"X86_64": (0.04048, 0.004445), "ARM64": (0.03238, 0.00356)}
"""A processor, and a GB of memory."""

SPOT_RATIO = 0.5
"""What spot costs of the on-demand price, on the cautious side: it moves between 0.3 and 0.5."""

VALKEY_RATIO = 0.8
SIZES = ("micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge")
BURSTING = ("t3", "t4g")
BASELINES = {"micro": 10, "small": 20, "medium": 20, "large": 30, "xlarge": 40, "2xlarge": 40}
"""What of its processors a bursting machine may use for long, in percent."""

LARGE = {
    "db.t3": (0.145, 8),
    "db.t4g": (0.129, 8),
    "db.m5": (0.178, 8),
    "db.m6g": (0.159, 8),
    "db.m6i": (0.178, 8),
    "db.m7g": (0.168, 8),
    "db.r5": (0.25, 16),
    "db.r6g": (0.225, 16),
    "db.r6i": (0.25, 16),
    "db.r7g": (0.239, 16),
    "cache.t3": (0.136, 6.2),
    "cache.t4g": (0.13, 6.2),
    "cache.m5": (0.156, 6.38),
    "cache.m6g": (0.149, 6.38),
    "cache.m7g": (0.158, 6.38),
    "cache.r5": (0.216, 13.07),
    "cache.r6g": (0.206, 13.07),
    "cache.r7g": (0.219, 13.07),
}
"""The large size of each family: its price and its memory in GB. Each size is twice the one below it."""

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


def machine(kind: str) -> Machine | None:
    """A type of machine by its name; None when it has no price here."""
    family, _, size = kind.rpartition(".")
    if family not in LARGE or size not in SIZES:
        return None
    bursts = family.endswith(BURSTING)
    step = SIZES.index(size) - SIZES.index("large")
    if (step < 0 and not bursts) or (bursts and (size not in BASELINES or (step > 0 and "cache" in family))):
        return None
    price, memory = LARGE[family]
    kept = CACHE_MEMORY.get(size) if family.startswith("cache") else None
    return Machine(kind, price * 2.0**step, kept or memory * 2.0**step, BASELINES[size] if bursts else 100)


def smaller(kind: str) -> Machine | None:
    """The next smaller type of the same family; None when there is none, or it has no price here."""
    family, _, size = kind.rpartition(".")
    if size not in SIZES or not SIZES.index(size):
        return None
    return machine(f"{family}.{SIZES[SIZES.index(size) - 1]}")


def task(cpu: int, memory: int, architecture: str) -> float:
    """What a task on Fargate costs an hour: cpu in 1024ths of a processor, memory in MB."""
    processor, gigabyte = FARGATE.get(architecture, FARGATE["X86_64"])
    return cpu / 1024 * processor + memory / 1024 * gigabyte
