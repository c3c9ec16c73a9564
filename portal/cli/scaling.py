"""Scaling, from the command line: what each way of promising capacity would have cost."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from portal import scaling
from portal.kit.errors import Refusal


@click.group("scaling")
def scaling_group() -> None:
    """Try the advice about capacity on demand that really was."""


@scaling_group.command("backtest")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option(
    "--beta", type=float, default=0.7, show_default=True, help="Promised price over on-demand price."
)
@click.option("--history-weeks", type=int, default=13, show_default=True, help="Weeks known before a window.")
@click.option(
    "--caution", type=float, default=1.0, show_default=True, help="The part of the advice followed."
)
@click.option("--json", "as_json", is_flag=True, help="All of it, by series and by policy.")
def backtest_files(
    files: tuple[Path, ...], beta: float, history_weeks: int, caution: float, as_json: bool
) -> None:
    """Follow the advice, and what others would advise, through FILES of hourly demand.

    A file's first line is `start_utc=2026-01-01 00:00:00 step=1h unit=calls`, then one number an hour.
    Regret is cost over the least that anybody could have paid with hindsight, less 1.
    """
    _check(beta, history_weeks, caution)
    tried, short = [], []
    for path in files:
        try:
            demand = scaling.read_demand(path)
        except Refusal as refusal:
            raise click.ClickException(refusal.sentence) from None
        found = scaling.backtest(
            demand.name, demand.hours, beta=beta, history_weeks=history_weeks, caution=caution
        )
        if found is None:
            short.append(demand.name)
        else:
            tried.append(found)
    if not tried:
        weeks = history_weeks + scaling.LEAST_WEEKS
        raise click.ClickException(f"None of these files has the {weeks} weeks of demand that a trial needs.")
    show = _as_json if as_json else _as_table
    click.echo(show(tried, short))


def _check(beta: float, history_weeks: int, caution: float) -> None:
    if not 0 < beta < 1:
        raise click.ClickException("--beta must lie between 0 and 1: a promise costs less than on-demand.")
    if history_weeks < 1:
        raise click.ClickException("--history-weeks must be at least 1.")
    if not 0 < caution <= 1:
        raise click.ClickException("--caution must be more than 0 and at most 1.")


def _as_json(tried: list[scaling.Tried], short: list[str]) -> str:
    series = [
        {
            "name": one.name,
            "windows": len(one.weeks),
            "weeks": list(one.weeks),
            "policies": {name: asdict(found) for name, found in scaling.summarise([one]).items()},
        }
        for one in tried
    ]
    overall = {name: asdict(found) for name, found in scaling.summarise(tried).items()}
    return json.dumps({"overall": overall, "series": series, "too_short": short}, indent=2)


def _as_table(tried: list[scaling.Tried], short: list[str]) -> str:
    lines = [f"{'':24}{'mean regret':>12}{'95th':>8}{'worst bill':>12}{'losing':>9}"]
    for name, found in scaling.summarise(tried).items():
        lines.append(
            f"{name:24}{found.mean_regret:12.2%}{found.p95_regret:8.1%}"
            f"{found.worst_of_on_demand:12.1%}{found.losing:9.1%}"
        )
    windows = sum(len(one.weeks) for one in tried)
    lines.append(
        f"{windows} windows of {len(tried)} series; the worst bill is a share of the on-demand bill."
    )
    if short:
        lines.append(f"Too short to be tried: {', '.join(short)}.")
    return "\n".join(lines)


groups = (scaling_group,)
