"""Sharing machines, as decided: how many tasks tenants need each for itself, and how many together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from portal.scaling.rules import Hours

QUANTILE = 0.999
FREE = 1.25
"""A task is full at four fifths of what it carries."""

LEAST_SHARED = 2
"""One of a shared service may fail."""


@dataclass(frozen=True)
class Shared:
    """Tasks that tenants need apart from each other, and together; week by week, the newest last."""

    apart: tuple[int, ...]
    together: tuple[int, ...]

    @property
    def freed(self) -> list[int]:
        """How many fewer, in each week."""
        return [one - other for one, other in zip(self.apart, self.together, strict=True)]


def share(tenants: Sequence[Hours], calls_an_hour: int, week_hours: int = 168) -> Shared:
    """Simulated on the hours of whole weeks of these tenants, all as long."""
    weeks = range(0, len(tenants[0]) // week_hours * week_hours, week_hours)
    apart, together = [], []
    for at in weeks:
        hours = [one[at : at + week_hours] for one in tenants]
        apart.append(sum(max(1, tasks(one, calls_an_hour)) for one in hours))
        together.append(max(LEAST_SHARED, tasks(np.sum(hours, axis=0), calls_an_hour)))
    return Shared(tuple(apart), tuple(together))


def tasks(hours: Hours, calls_an_hour: int) -> int:
    """How many carry the busiest hours of these, with room left."""
    return math.ceil(float(np.quantile(hours, QUANTILE)) * FREE / calls_an_hour)
