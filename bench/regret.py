"""The advice about promised capacity against its goals: its regret beside what others would advise, whether
its ranges hold, and what it costs a platform that may close. Into docs/regret.md.

On the series of real demand in UPKEEP_DATA (else ../shared/data) when they are at hand; else on generated
ones, which are printed only. `cold` knows 13 weeks before a window, `warm` 60.
"""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from portal import scaling
from portal.costs import forecasting
from portal.kit.period import add_months, calendar_month
from portal.scaling import backtesting, hindsight, proving, ranges

FOLDER = Path(os.environ.get("UPKEEP_DATA", "../shared/data")) / "demand"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "regret.md"
BEGIN, END = "<!-- written by make bench: begin -->", "<!-- end -->"
COLD, WARM = 13, 60
CASES = (
    ("cold", COLD, 0.7, 1.0),
    ("warm", WARM, 0.7, 1.0),
    ("cold, cautious", COLD, 0.8, 0.5),
    ("warm, cautious", WARM, 0.8, 0.5),
)
BETAS, HAZARDS = (0.6, 0.7, 0.8), (0.01, 0.03, 0.05)
OURS, USUAL = "agreement", "look-back 60 d monthly"
GENERATED_FROM = datetime(2023, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Goal:
    """What must be reached, and what was; shares, written as percent."""

    name: str
    least: float | None
    most: float | None
    measured: float

    def line(self) -> str:
        must = " to ".join(f"{one:.1%}" for one in (self.least, self.most) if one is not None)
        words = (
            must if None not in (self.least, self.most) else ("at most " if self.most else "at least ") + must
        )
        below = max(0.0, self.least - self.measured) if self.least is not None else 0.0
        above = max(0.0, self.measured - self.most) if self.most is not None else 0.0
        verdict = f"missed by {100 * (below + above):.2f} points" if round(below + above, 5) else "met"
        return f"| {self.name} | {words} | {self.measured:.2%} | {verdict} |"


def main() -> None:
    began = time.monotonic()
    files = sorted(FOLDER.glob("*.csv*"))
    series = [scaling.read_demand(path) for path in files] or generated()
    tried = {name: trials_of(series, weeks, beta, caution) for name, weeks, beta, caution in CASES}
    followed = [
        (one.name, beta, trial)
        for one in series
        for beta in BETAS
        for weeks in (COLD, WARM)
        for trial in proving.trials(one.hours, beta=beta, history_weeks=weeks)
    ]
    ahead = month_ends(series)
    lines = [f"{len(series)} series of {'real' if files else 'generated'} demand.", ""]
    lines += ["| goal | must | measured | |", "|---|---:|---:|---|"]
    lines += [one.line() for one in goals(series, tried, followed, ahead)]
    for name, weeks, beta, caution in CASES:
        lines += [
            "",
            f"{name.capitalize()}: {weeks} weeks known, a promise at {beta:.0%} of the on-demand price",
        ]
        lines[-1] += f", caution {caution}:" if caution < 1 else ":"
        lines += ["", *policies(tried[name])]
        if caution == 1:
            floor = best_constant(series, weeks, beta)
            lines.append(f"| the best constant level, with hindsight | {floor:.2%} | | | |")
    lines += ["", "Mean regret by series, with the number of windows:", "", *by_series(tried), ""]
    by = {year: f"{one.low:.2f}, {one.likely:.2f}, {one.high:.2f}" for year, one in moved(followed).items()}
    lines += [f"Ranges are moved by {by[False]} scales before a year is known and by {by[True]} after, as "
              f"measured here on {len(followed)} promises."]  # fmt: skip
    text = "\n".join(lines)
    print(text)
    print(f"\n{time.monotonic() - began:.0f} s")
    if files:
        page = PAGE.read_text()
        head, tail = page.split(BEGIN)[0], page.split(END)[1]
        PAGE.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}")


def trials_of(series, weeks, beta, caution):
    found = (
        scaling.backtest(one.name, one.hours, beta=beta, history_weeks=weeks, caution=caution)
        for one in series
    )
    return [one for one in found if one]


def goals(series, tried, followed, ahead):
    """Every goal with what was measured."""
    found = []
    for name, regret, p95 in (("cold", 0.02, 0.08), ("warm", 0.04, 0.06)):
        all_of_it = scaling.summarise(tried[name])
        ours = all_of_it[OURS]
        found += [
            Goal(f"{name}: mean regret", None, regret, ours.mean_regret),
            Goal(f"{name}: regret, 95th percentile of windows", None, p95, ours.p95_regret),
            Goal(f"{name}: dearest window, of its cost on demand", None, 1.0, ours.worst_of_on_demand),
            Goal(f"{name}: promised money in lots that lose", None, 0.05, ours.losing),
        ]
        for usual, least in ((USUAL, 0.4), ("look-back 60 d yearly", 0.15)):
            less = 1 - ours.mean_regret / all_of_it[usual].mean_regret
            found.append(Goal(f"{name}: less regret than {usual}", least, None, less))
    for name in ("cold, cautious", "warm, cautious"):
        worst = scaling.summarise(tried[name])[OURS].worst_of_on_demand
        found.append(Goal(f"{name} (0.8, half): dearest window, of its cost on demand", None, 1.03, worst))
    for beta in BETAS:
        share = left_out(followed, beta)
        found.append(Goal(f"range at {beta}: promises within, each series left out", 0.76, 0.84, share))
    shipped = float(np.mean(ranges.covered(trial for _, _, trial in followed)))
    found.append(Goal("range as shipped: promises within", 0.76, 0.84, shipped))
    for beta in BETAS[1:]:
        for hazard in HAZARDS:
            demands = [one.hours for one in series]
            cost = proving.closing(demands, beta=beta, monthly_hazard=hazard, history_weeks=COLD)
            found.append(
                Goal(f"closing {hazard:.0%} a month, at {beta}: cost, of on demand", None, 1.0, cost)
            )
    return [
        *found,
        Goal("month-end forecast on day 7: mean error", None, 0.06, ahead[0]),
        Goal("month-end forecast on day 7: months within the range", 0.78, None, ahead[1]),
    ]


def left_out(followed, beta):
    """Which share of promises lay in a range that was measured without their own series."""
    within = []
    for name in sorted({name for name, _, _ in followed}):
        others = [one for one in followed if one[0] != name and one[1] == beta]
        mine = [trial for title, price, trial in followed if (title, price) == (name, beta)]
        within += ranges.covered(mine, moved(others))
    return float(np.mean(within))


def moved(followed):
    return ranges.moved([trial for _, _, trial in followed])


def policies(tried):
    """A table of every policy."""
    yield "| | mean regret | 95th | worst bill | losing |"
    yield "|---|---:|---:|---:|---:|"
    for policy, one in scaling.summarise(tried).items():
        yield (
            f"| {policy} | {one.mean_regret:.2%} | {one.p95_regret:.1%} | {one.worst_of_on_demand:.1%} "
            f"| {one.losing:.1%} |"
        )


def by_series(tried):
    """A table of ours beside the usual rule, by series."""
    yield f"| | {' | '.join(f'{case}: {who}' for case in ('cold', 'warm') for who in ('ours', '60 d'))} |"
    yield "|---|---:|---:|---:|---:|"
    alone = {case: {one.name: one for one in tried[case]} for case in ("cold", "warm")}
    for name in alone["cold"]:
        cells = []
        for case in ("cold", "warm"):
            one = alone[case].get(name)
            found = scaling.summarise([one]) if one else {}
            cells += [
                f"{found[who].mean_regret:.2%} ({len(one.weeks)})" if one else "" for who in (OURS, USUAL)
            ]
        yield f"| {name} | {' | '.join(cells)} |"


def best_constant(series, weeks, beta):
    """The mean regret of one level for the whole of each window, chosen with hindsight: no rule that keeps
    to one level can be better."""
    means = []
    for one in series:
        found = []
        for window in backtesting.windows(one.hours, weeks):
            hours = window.by_week
            levels = np.arange(int(hours.max()) + 1)
            above = np.maximum(0, hours.ravel()[:, None] - levels).sum(axis=0)
            least = hindsight.optimum(hours, beta, backtesting.TERM_WEEKS)
            found.append((beta * hours.size * levels + above).min() / least - 1)
        if found:
            means.append(np.mean(found))
    return float(np.mean(means))


def month_ends(series):
    """The mean error of a bill's forecast on day 7, and how many bills lay in the range: half of each bill
    is fixed, half follows demand."""
    errors, within = [], []
    for one in series:
        days = one.hours[: len(one.hours) // 24 * 24].reshape(-1, 24).sum(axis=1)
        costs = days / days.mean() + 1
        off, inside = [], []
        starts_at = add_months(calendar_month(one.starts_at)[0], 3)
        while (ends_at := add_months(starts_at, 1)) <= one.starts_at + len(days) * DAY:
            first, last = (starts_at - one.starts_at) // DAY, (ends_at - one.starts_at) // DAY
            known = range(max(0, first - 120), first + 7)
            usage = {starts_at + (at - first) * DAY: Decimal(repr(float(costs[at]))) for at in known}
            billed = sum((usage[starts_at + at * DAY] for at in range(7)), Decimal())
            found = forecasting.expect(forecasting.Days(usage, {}), billed, starts_at, ends_at)
            actual = float(costs[first:last].sum())
            off.append(abs(float(found.likely) / actual - 1))
            inside.append(float(found.low) <= actual <= float(found.high))
            starts_at = ends_at
        errors.append(np.mean(off))
        within.append(np.mean(inside))
    return float(np.mean(errors)), float(np.mean(within))


def generated():
    """Steady, growing, seasonal and collapsing demand of three and a half years."""
    hours, chance = np.arange(182 * 168), np.random.default_rng(7)
    day = 10 + 4 * np.sin(hours / 24 * 2 * np.pi) - 2 * (hours // 24 % 7 >= 5)
    shapes = {
        "steady": np.ones(len(hours)),
        "growing": 1 + 2 * hours / len(hours),
        "seasonal": 1 + 0.5 * np.sin(hours / 8736 * 2 * np.pi),
        "collapsing": np.where(hours < len(hours) * 0.6, 1.0, 0.25),
    }
    noise = chance.normal(0, 1, (len(shapes), len(hours)))
    return [
        scaling.Demand(name, GENERATED_FROM, "calls", np.maximum(0, day * shape + noise[number]))
        for number, (name, shape) in enumerate(shapes.items())
    ]


if __name__ == "__main__":
    main()
