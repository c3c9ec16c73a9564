"""Costs, as told."""

from dataclasses import dataclass

from portal.kit.outbox import Fact


@dataclass(frozen=True)
class CostReached(Fact):
    """A month (`2026-11`) reached an alert's amount: what it costs so far (`actual`), or what it will."""

    month: str
    amount: int
    currency: str
    kind: str
