"""Payments, from the command line: the catalogue at Stripe, what it lacks, and the sandbox's clock."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import click

from portal import billing
from portal.cli.base import House, house
from portal.cli.plans import plans_group
from portal.kit import clock
from portal.kit.period import add_months

SIGNS = {"create": "+", "update": "~", "keep": "=", "wrong": "!"}
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
OFF = "Payments are off: set STRIPE_SECRET_KEY, or start `make run`, whose sandbox takes them."


@plans_group.command("sync")
@click.option("--apply", is_flag=True, help="Do it; otherwise only what would be done is shown.")
def sync_plans(apply: bool) -> None:
    """Bring products and prices of the plans on offer to Stripe. Doing it twice does nothing more."""
    with _stripe() as (here, stripe):
        steps = billing.sync_catalogue(here.session, stripe, apply=apply)
    for step in steps:
        click.echo(f"{SIGNS[step.verb]} {step.text}")
    if wrong := [step for step in steps if step.verb == "wrong"]:
        raise click.ClickException(
            f"{len(wrong)} prices at Stripe were changed there: mend their lookup keys."
        )
    changed = sum(step.verb != "keep" for step in steps)
    if not changed:
        click.echo("Stripe has all of it already.")
    else:
        click.echo(f"{changed} made." if apply else f"{changed} to be made: run it again with --apply.")


@click.group("stripe")
def stripe_group() -> None:
    """Look at what payments need."""


@stripe_group.command("check")
def check() -> None:
    """Say what the key, the webhooks and the catalogue at Stripe lack; exit 1 when anything does."""
    with _stripe() as (here, stripe):
        found = billing.check(here.session, stripe, public_url=here.settings.public_url)
        mode = stripe.payments.mode
    click.echo(f"The key is one of mode {mode}.")
    for finding in found:
        click.echo(f"{'ok ' if finding.good else 'NOT'} {finding.text}")
        if not finding.good:
            click.echo(f"    {finding.advice}")
    if lacking := sum(not finding.good for finding in found):
        raise click.ClickException(f"{lacking} of {len(found)} are not as they should be.")


@click.group("clock")
def clock_group() -> None:
    """Move the one clock of a sandbox."""


@clock_group.command("advance")
@click.argument("duration", nargs=-1, required=True)
def advance(duration: tuple[str, ...]) -> None:
    """Move time forwards by DURATION, such as 90m, 2h, 31d, 2w, "1 month" or "1 year".

    The web, the worker, the gate and the sandbox move together; what became due at the sandbox
    happens. Refused unless payments are simulated.
    """
    with _stripe() as (here, stripe):
        path = here.settings.clock_file
        if path is None:
            raise click.ClickException("Time can be moved only where payments are simulated.")
        clock.advance(path, _read(" ".join(duration), here.now))
        now = clock.now()
        billing.tick(stripe.payments)
    click.echo(f"It is {now:%d %B %Y, %H:%M:%S} UTC now.")


groups = (stripe_group, clock_group)


@contextmanager
def _stripe() -> Iterator[tuple[House, billing.Stripe]]:
    """The house and Stripe; what Stripe said is shown in full, because an operator reads it."""
    with house() as here:
        if (stripe := billing.open_stripe(here.settings)) is None:
            raise click.ClickException(OFF)
        try:
            yield here, stripe
        except (billing.StripeAway, billing.Refused) as refusal:
            raise click.ClickException(refusal.detail) from None


def _read(text: str, now: datetime) -> timedelta:
    """A duration in words; months and years are as long as they are from `now`."""
    found = re.fullmatch(r"(\d{1,5})\s*([a-z]+)", text.strip().lower())
    count, unit = (int(found[1]), found[2]) if found else (0, "")
    if count > 0:
        if unit in ("month", "months", "mo"):
            return add_months(now, count) - now
        if unit in ("year", "years", "y"):
            return add_months(now, 12 * count) - now
        for name in UNITS.values():
            if unit in (name[0], name, name[:-1]):
                return timedelta(**{name: count})
    raise click.ClickException(f"{text!r} is no duration: write 90m, 2h, 31d, 2w, 1 month or 1 year.")
