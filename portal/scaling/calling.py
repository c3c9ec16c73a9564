"""Paying by the call, as decided: what calls cost on Lambda behind API Gateway, and when servers win.

What is paid is computed, never quoted: below some number of calls it is a few cents, above it dearer than
servers, and where that is hangs on how long a call takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from portal.scaling.figures import Calls

MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """In US dollars: of a million requests to Lambda and to its gateway, and of a GB for a second."""

    requests: float
    gateway: float
    gb_second: float
    free_requests: float
    free_gb_seconds: float


def prices(rates: Mapping[str, float], gateway: str) -> Prices:
    """The prices by the names of rates, with an `http` or a `rest` gateway."""
    return Prices(
        rates["lambda.million-requests"],
        rates[f"api.{gateway}.million-requests"],
        rates["lambda.gb-second"],
        rates["lambda.free-million-requests"] * MILLION,
        rates["lambda.free-gb-seconds"],
    )


def cost(calls: float, each: Calls, at: Prices) -> float:
    """What so many calls a month cost."""
    seconds = calls * each.milliseconds / 1000 * each.memory_mb / 1024
    requests = max(0.0, calls - at.free_requests) * at.requests + calls * at.gateway
    return requests / MILLION + max(0.0, seconds - at.free_gb_seconds) * at.gb_second


def even(monthly: float, each: Calls, at: Prices) -> int:
    """At how many calls a month both cost the same, servers `monthly`; the cost of calls only ever rises."""
    low, high = 0, 1
    while cost(high, each, at) < monthly:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle, each, at) < monthly else (low, middle)
    return low
