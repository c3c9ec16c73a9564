"""Regret of the advice about promised capacity, beside what others would advise.

On the series of real demand in UPKEEP_DATA (else ../shared/data) when they are at hand, else on generated
ones. `cold` knows 13 weeks before a window, `warm` 60.
"""

import os
from pathlib import Path

import numpy as np

from portal import scaling

FOLDER = Path(os.environ.get("UPKEEP_DATA", "../shared/data")) / "demand"
CASES = (("cold", 13, 0.7, 1.0), ("warm", 60, 0.7, 1.0), ("cold, cautious", 13, 0.8, 0.5))


def main() -> None:
    files = sorted(FOLDER.glob("*.csv*"))
    series = [scaling.read_demand(path) for path in files]
    demands = {one.name: one.hours for one in series} or generated()
    print(f"{len(demands)} series, {'from ' + str(FOLDER) if files else 'generated'}")
    for name, weeks, beta, caution in CASES:
        tried = [
            found
            for title, hours in demands.items()
            if (found := scaling.backtest(title, hours, beta=beta, history_weeks=weeks, caution=caution))
        ]
        print(f"\n{name}: {weeks} weeks known, beta {beta}, {len(tried)} series")
        print(f"{'':24}{'mean regret':>12}{'95th':>8}{'worst bill':>12}{'losing':>9}")
        for policy, found in scaling.summarise(tried).items():
            print(
                f"{policy:24}{found.mean_regret:12.2%}{found.p95_regret:8.1%}"
                f"{found.worst_of_on_demand:12.1%}{found.losing:9.1%}"
            )


def generated() -> dict[str, scaling.Hours]:
    """Steady, growing, seasonal and collapsing demand of three and a half years."""
    hours, chance = np.arange(182 * 168), np.random.default_rng(7)
    day = 10 + 4 * np.sin(hours / 24 * 2 * np.pi) - 2 * (hours // 24 % 7 >= 5)
    shapes = {
        "steady": np.ones(len(hours)),
        "growing": 1 + 2 * hours / len(hours),
        "seasonal": 1 + 0.5 * np.sin(hours / 8736 * 2 * np.pi),
        "collapsing": np.where(hours < len(hours) * 0.6, 1.0, 0.25),
    }
    return {
        name: np.maximum(0, day * shape + chance.normal(0, 1, len(hours))) for name, shape in shapes.items()
    }


if __name__ == "__main__":
    main()
