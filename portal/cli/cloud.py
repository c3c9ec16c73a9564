"""AWS, from the command line: asked what it charges, what runs there, and to watch over the bill."""

from datetime import timedelta

import click

from portal import accounts, costs
from portal.cli.base import house, refusing
from portal.cli.costs import MONTH, costs_group
from portal.kit.errors import Refusal

OUTCOMES = {
    "taken": "taken in",
    "same": "as it was",
    "bill": "left alone: its bill was imported, which tells more",
}


@costs_group.command("collect")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, and ask nothing.")
def collect(dry_run: bool) -> None:
    """Ask AWS Cost Explorer what each day and service cost, and take it in.

    A question costs $0.01, and at most two a day are asked. A month whose bill was imported keeps it. What
    is left of credits and of the free tier is asked too, at no cost.
    """
    with house() as here:
        sessions, settings, actor, now = here.sessions, here.settings.aws, here.actor, here.now
        asking = costs.asking(here.session, now=now)
    since, until = costs.to_ask(now)
    if dry_run:
        last, price = until - timedelta(days=1), costs.REQUEST_COST.exact
        click.echo(f"Would ask what each day from {since:%Y-%m-%d} to {last:%Y-%m-%d} cost, for {price}.")
        click.echo(f"Asked this month: {asking.requests} times, for {asking.cost.exact}.")
        return
    with refusing():
        done = costs.collect(sessions, costs.Aws(settings), actor=actor, now=now)
    assert done is not None, "it is asked whether due or not"
    for month, outcome in sorted(done.months.items()):
        click.echo(f"{month:{MONTH}}: {OUTCOMES[outcome]}.")
    cost = costs.REQUEST_COST.amount * done.requests / 100
    click.echo(f"AWS charges ${cost:.2f} for being asked, on the same bill.")
    try:
        click.echo(_given(costs.ask_given(sessions, costs.Aws(settings), now=now)))
    except Refusal as refusal:
        click.echo(refusal.sentence)


@costs_group.command("survey")
def survey() -> None:
    """See what runs at AWS (ECS, RDS, ElastiCache), and read how busy it was since the last time.

    The first time reads the 455 days that AWS keeps. It costs nothing.
    """
    with house() as here:
        sessions, settings, now = here.sessions, here.settings.aws, here.now
    with refusing():
        read = costs.survey(sessions, costs.Aws(settings), now=now)
    with house() as here:
        found = [f"{one.id}: {_words(one)}" for one in costs.resources(here.session)]
    for line in found:
        click.echo(line)
    click.echo(f"{len(found)} found, {read:,} hours read.")


@costs_group.command("guard")
@click.option("--mail", "mails", multiple=True, help="Who is written to; every operator unless given.")
@click.option("--apply", "is_meant", is_flag=True, help="Do it, instead of saying what would be done.")
def guard(mails: tuple[str, ...], is_meant: bool) -> None:
    """Let AWS watch over the bill too, at the amounts of `costs alerts`: a budget, and alarms on the bill.

    Says what it would make and take away; nothing is done without --apply. What stands is not made twice.
    """
    with house() as here:
        settings, levels = here.settings.aws, costs.levels(here.session, "usd")
        mails = mails or tuple(one.email for one in accounts.operators(here.session))
    aws = costs.Aws(settings)
    with refusing():
        steps = costs.guard(aws, [one.amount / 100 for one in levels], mails)
        if steps and is_meant:  # written down before it is done, because it may break off
            with house() as here:
                told = {"steps": [step.sentence for step in steps]}
                accounts.record(here.session, here.actor, "bill.guarded", now=here.now, data=told)
        for step in steps:
            click.echo(step.sentence)
            if is_meant:
                step.take(aws)
    if not steps:
        click.echo("All of it stands already.")
    elif is_meant:
        click.echo("Done.")
    else:
        click.echo("Nothing was done. With --apply it is.")


def _given(told: costs.Given) -> str:
    plan = told.plan
    left = f"${plan.credits:,.2f} of credits are left. " if plan and plan.credits is not None else ""
    return f"{left}Free tier: {len(told.nearly)} of {len(told.allowances)} limits are nearly used up."


def _words(one: costs.CloudResource) -> str:
    facts = one.facts
    if one.kind == "ecs":
        launch = facts["launch"] or " and ".join(each["name"] for each in facts["providers"])
        tasks = f"{facts['desired']} tasks, each with {facts['cpu'] / 1024:g} vCPU and {facts['memory']:,} MB"
        return f"{tasks}, {launch or 'default capacity'}"
    return f"{facts['type']}, {facts['engine']}, {facts['status']}"


groups: tuple[click.Group, ...] = ()  # its verbs stand among those of costs
