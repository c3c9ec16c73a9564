"""Suggestions, from the command line: worked out, read and decided."""

import json
from collections.abc import Callable
from typing import Any

import click

from portal import plans, scaling, sustainability
from portal.cli.base import House, house


@click.group("suggestions")
def suggestions_group() -> None:
    """What would lower the costs, and what became of it."""


@suggestions_group.command("refresh")
def refresh() -> None:
    """Work them out now, from the bills that were imported."""
    with house() as here:
        fresh = sustainability.suggest(here.session, here.settings.payments, _currency(here), now=here.now)
    click.echo(f"{len(fresh)} new.")


@suggestions_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="All of it, amounts in minor units (cents).")
def list_all(as_json: bool) -> None:
    """List them, the newest first."""
    with house() as here:
        found = scaling.suggestions(here.session, _currency(here), now=here.now)
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found], indent=2))
        return
    for one in found:
        worth = f"{one.saving.words} a month, worst {one.worst.exact}"
        click.echo(f"{one.row.id}  {one.case.title}: {scaling.STATES[one.state].lower()}; {worth}")


@suggestions_group.command("show")
@click.argument("suggestion")
def show(suggestion: str) -> None:
    """Show SUGGESTION (its id) with the commands that carry it out and undo it."""
    with house() as here:
        one = scaling.suggestion(here.session, suggestion, now=here.now)
    click.echo(json.dumps(_as_json(one), indent=2))
    for name, text in (*one.steps, ("Undo", one.case.undo)) if not one.case.against else ():
        click.echo(f"\n# {name}\n{text}")


@suggestions_group.command("hazard")
@click.argument("percent", type=click.IntRange(0, 100))
def hazard(percent: int) -> None:
    """Note that the platform closes with a chance of PERCENT a month."""
    with house() as here:
        sustainability.type_hazard(here.session, percent, actor=here.actor, now=here.now)
    click.echo(f"Noted: {percent} % a month.")


def _decide(name: str, verb: Callable[..., None], help_text: str) -> None:
    @suggestions_group.command(name, help=help_text)
    @click.argument("suggestion")
    def decide(suggestion: str) -> None:
        with house() as here:
            verb(here.session, suggestion, actor=here.actor, now=here.now)
            state = scaling.suggestion(here.session, suggestion, now=here.now).state
        click.echo(f"{scaling.STATES[state]}.")


_decide("accept", scaling.accept, "Accept SUGGESTION: it stays as it is from now on.")
_decide("applied", scaling.apply, "Note that SUGGESTION was carried out: what it saves is measured.")
_decide("later", scaling.snooze, "Put SUGGESTION aside for 30 days.")
_decide("reverted", scaling.revert, "Note that SUGGESTION was undone.")


@suggestions_group.command("dismiss")
@click.argument("suggestion")
@click.argument("reason")
def dismiss(suggestion: str, reason: str) -> None:
    """Decide against SUGGESTION, because of REASON."""
    with house() as here:
        scaling.dismiss(here.session, suggestion, reason, actor=here.actor, now=here.now)
    click.echo("Dismissed.")


groups = (suggestions_group,)


def _currency(here: House) -> str:
    catalogue = plans.catalogue_or_none(here.session)
    return catalogue.currency if catalogue else "usd"


def _as_json(one: scaling.Shown) -> dict[str, Any]:
    return {
        "id": one.row.id,
        "kind": one.kind.slug,
        "subject": one.row.subject,
        "title": one.case.title,
        "state": one.state,
        "suggested": not one.case.against,
        "what": one.case.what,
        "why": one.case.against or one.case.why,
        "low": one.saving.low.amount,
        "likely": one.saving.likely.amount,
        "high": one.saving.high.amount,
        "worst": one.worst.amount,
        "worst_ends_at": one.ends_at.isoformat() if one.ends_at else None,
        "currency": one.row.currency,
        "saved": one.saved.amount,
        "measured_days": one.row.measured_days,
    }
