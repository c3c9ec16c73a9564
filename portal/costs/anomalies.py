"""Unusual costs, as decided: a value far above what is usual at its place in the week, and worth a look.

Usual is the median of the values before it: those of the same place in the season when there are enough,
else all of them. What counts is how far above it lies, in robust spreads, as a share, and in money.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

ENOUGH, SEASONS = 12, 8
SPREADS, SHARE = 5.0, 0.3
NORMAL = 1.4826  # a median deviation as large as a standard deviation of normal values


@dataclass(frozen=True)
class Unusual:
    """A place in a series whose value lies above what was usual there."""

    at: int
    value: float
    usual: float


def unusual(series: Sequence[float], *, season: int = 7, least: float = 1.0) -> list[Unusual]:
    """Where something unusual for what came before begins; `least` is the smallest excess worth a look.

    What stays high is told once, and becomes usual as it goes on.
    """
    found, before = [], False
    for at, value in enumerate(series):
        usual = _usual(series[:at], season)
        now = usual is not None and value - usual[0] > max(SPREADS * usual[1], SHARE * usual[0], least)
        if now and not before and usual is not None:
            found.append(Unusual(at, value, usual[0]))
        before = now
    return found


def _usual(before: Sequence[float], season: int) -> tuple[float, float] | None:
    """The median at this place of the season, and the robust spread around it; None from too little."""
    if len(before) < ENOUGH:
        return None
    recent = before[-season * SEASONS :]
    alike = [before[at] for at in range(len(before) - season, -1, -season)][:SEASONS]
    if len(alike) < 4:
        alike = list(recent)
    level = median(alike)
    seasonal = [abs(one - other) for one, other in zip(recent[season:], recent[:-season], strict=True)]
    around = [abs(one - level) for one in alike]
    spread = NORMAL * median(seasonal) if len(seasonal) >= ENOUGH else NORMAL * median(around)
    return level, max(spread, NORMAL * median(around))
