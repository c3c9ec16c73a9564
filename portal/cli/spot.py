"""Spot capacity, from the command line: what stands in for it, and how often it is there."""

from datetime import UTC

import click

from portal import scaling
from portal.cli.base import house


@click.group("spot")
def spot_group() -> None:
    """What stands in for missing spot tasks on ECS (SPOT_PAIRS, SPOT_CONTROLLER)."""


@spot_group.command("show")
def show() -> None:
    """Show each pair of services: what is lent to the one on demand, and how often spot was there."""
    with house() as here:
        settings, rows = here.settings.aws, scaling.fallbacks(here.session)
    if not settings.spot_pairs:
        raise click.ClickException("SPOT_PAIRS names no services: set it to such as main/web-spot+web:1:4.")
    click.echo(f"SPOT_CONTROLLER is {settings.spot_mode}.")
    for pair in settings.spot_pairs:
        name = scaling.pair_name(pair)
        click.echo(f"{name}, {pair.base} to {pair.most} tasks: {_words(rows.get(name), settings.spot_mode)}")


def _words(row: scaling.SpotFallback | None, mode: str) -> str:
    if row is None or row.seen_at is None:
        return (row.problem if row else None) or "not looked at yet."
    lent = f"{row.lent} lent" if mode == "on" else f"{row.lent} lent, {row.imagined} would be"
    there = f"{100 - 100 * row.missing / row.watched:.1f} %" if row.watched else "not known to be"
    seen = f"looked at {row.seen_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{lent}; spot was there {there} of the time; {seen}." + (f" {row.problem}" if row.problem else "")


groups = (spot_group,)
