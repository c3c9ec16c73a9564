"""Plans, from the command line: publish and check a catalogue, give and end subscriptions."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from portal import accounts, plans
from portal.cli.base import House, house
from portal.kit.errors import Refusal


@click.group("plans")
def plans_group() -> None:
    """Publish the catalogue of plans, or check a file before."""


@plans_group.command()
def publish() -> None:
    """Publish what PLANS_FILE says, or catalogue.toml in the state folder.

    On the first start that file is copied from the one shipped. A plan that changed becomes a new
    version; those who hold the old one keep it.
    """
    with house() as here:
        path = _own_file(here)
        fresh = plans.sync(here.session, _read(path), here.now)
    for plan in fresh:
        click.echo(f"{plan.slug} version {plan.version}")
    click.echo(f"Published {path}." if fresh else f"Published {path}: no plan changed.")


@plans_group.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say what publishing FILE would offer, or which line of it is wrong. Changes nothing."""
    offered = _read(file)
    for plan in offered.plans:
        click.echo(plans.sentence(plan))
    click.echo(f"{file} can be published: {len(offered.plans)} plans.")


@click.group("subscriptions")
def subscriptions_group() -> None:
    """Give an account a plan without payment, or end it."""


@subscriptions_group.command()
@click.argument("account")
@click.argument("plan")
@click.option("--contract", is_flag=True, help="It is held by contract rather than given.")
@click.option(
    "--set",
    "terms",
    multiple=True,
    metavar="NAME=NUMBER",
    help="A term of the contract: rate, burst, keys, included.METER, test_included.METER, "
    "first_response_minutes, next_response_minutes or resolution_minutes.",
)
@click.option("--until", type=click.DateTime(), help="When it ends, in UTC; otherwise it stays.")
def grant(account: str, plan: str, contract: bool, terms: tuple[str, ...], until: datetime | None) -> None:
    """Give ACCOUNT the plan PLAN without payment, at once."""
    overrides = _terms(terms)
    with house() as here:
        plans.grant(
            here.session,
            account,
            plan,
            here.actor,
            here.now,
            source="contract" if contract else "grant",
            overrides=overrides,
            ends_at=until.replace(tzinfo=UTC) if until else None,
        )
        held = plans.current(
            here.session, account, line=plans.catalogue(here.session).plan(plan).line, now=here.now
        )
        name = accounts.get(here.session, account).name
        here.push(accounts.tag(here.session, account))
    click.echo(f"{name} now holds {held.name} (version {held.version}).")


@subscriptions_group.command()
@click.argument("account")
@click.argument("line")
@click.option("--with-month", is_flag=True, help="Let the running paid month end first.")
def end(account: str, line: str, with_month: bool) -> None:
    """End what ACCOUNT holds of LINE (api, hosting or support): it goes back to the free plan."""
    with house() as here:
        ends_at = plans.end(here.session, account, line, here.actor, here.now, with_month=with_month)
        name = accounts.get(here.session, account).name
        here.push(accounts.tag(here.session, account))
    when = f"ends on {ends_at:%d %B %Y, %H:%M} UTC" if with_month else "has ended"
    click.echo(f"The {line} subscription of {name} {when}.")


groups = (plans_group, subscriptions_group)


def _own_file(here: House) -> Path:
    """The operator's file; the default one is made from the shipped one when it is not there yet."""
    path = here.settings.plans_file
    if here.settings.plans_file_is_made:
        plans.make_file(path)
    return path


def _read(path: Path) -> plans.Catalogue:
    try:
        return plans.open_file(path, shipped=False).catalogue()
    except plans.CatalogueError as problem:
        raise click.ClickException(f"{path} cannot be published. {problem}") from None
    except Refusal as refusal:
        raise click.ClickException(refusal.sentence) from None


def _terms(terms: tuple[str, ...]) -> dict[str, Any]:
    """`rate=500` and `included.calls=5000000` as overrides."""
    found: dict[str, Any] = {}
    for term in terms:
        name, _, value = term.partition("=")
        try:
            number = int(value.replace("_", ""))
        except ValueError:
            raise click.ClickException(f"{term} is not a term: write NAME=NUMBER.") from None
        part, dot, meter = name.strip().partition(".")
        if dot:
            found.setdefault(part, {})[meter] = number
        else:
            found[part] = number
    return found
