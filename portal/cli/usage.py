"""Usage, from the command line: settled, shown and proven."""

import json
from dataclasses import asdict
from typing import Any

import click

from portal import accounts, metering, plans
from portal.cli.base import House, house
from portal.gate import Unavailable

AWAY = "Redis does not answer, or the gate is too busy to say. Try again in a moment."


@click.group("usage")
def usage_group() -> None:
    """Settle what was counted, show it, and prove that the books balance."""


@usage_group.command()
def settle() -> None:
    """Bring the counts of all past minutes into the ledger, as the worker does by itself."""
    with house() as here:
        try:
            done = metering.settle(here.sessions, here.gate, now=here.now)
        except Unavailable:
            raise click.ClickException(AWAY) from None
    looked, settled = _many(done.tags, "account"), _many(done.batches, "minute")
    click.echo(f"{looked} looked at, {settled} settled, {_many(done.notices, 'notice')} told.")


@usage_group.command()
@click.argument("account")
@click.option("--env", "environment", type=click.Choice(["live", "test"]), default="live", show_default=True)
@click.option("--last", is_flag=True, help="The billing month before the present one.")
@click.option("--json", "as_json", is_flag=True, help="All of it, by day, by key and by endpoint.")
def show(account: str, environment: str, last: bool, as_json: bool) -> None:
    """Show what ACCOUNT used in its billing month, to the last counted call."""
    with house() as here:
        accounts.get(here.session, account)
        months = metering.months(here.session, account, environment, now=here.now)
        if last and len(months) < 2:
            raise click.ClickException("This account has no earlier billing month.")
        month = months[1 if last else 0]
        reports = _reports(here, account, month)
    if any(report.partial for report in reports):
        raise click.ClickException(AWAY)
    if as_json:
        click.echo(json.dumps(_as_json(account, environment, month, reports), indent=2))
    else:
        _print(environment, month, reports)


@usage_group.command()
@click.option("--account", metavar="ID", help="This account alone.")
@click.option("--json", "as_json", is_flag=True, help="One object for each account, billing month and meter.")
def reconcile(account: str | None, as_json: bool) -> None:
    """Prove that the gate's counters are what the ledger and the buckets say; exit 1 on any difference."""
    with house() as here:
        try:
            lines = metering.reconcile(here.sessions, here.gate, account_id=account, now=here.now)
        except Unavailable:
            raise click.ClickException(AWAY) from None
    wrong = [line for line in lines if not line.balanced]
    if as_json:
        click.echo(json.dumps([asdict(line) for line in lines], indent=2, default=str))
    else:
        for line in wrong or lines:
            click.echo("  ".join(f"{name}={value}" for name, value in asdict(line).items()))
        differ = "1 differs" if len(wrong) == 1 else f"{len(wrong)} differ"
        click.echo(f"{_many(len(lines), 'counter')} looked at, {differ}.")
    if wrong:
        raise SystemExit(1)


groups = (usage_group,)


def _many(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"


def _reports(here: House, account_id: str, month: metering.Month) -> list[metering.Report]:
    """A report for each meter that was used, the calls always."""
    every = [
        metering.report(here.session, account_id, month, meter.slug, gate=here.gate, now=here.now)
        for meter in plans.catalogue(here.session).meters
    ]
    return [report for report in every if report.used or report.meter == "calls"]


def _as_json(
    account_id: str, environment: str, month: metering.Month, reports: list[metering.Report]
) -> dict[str, Any]:
    return {
        "account": account_id,
        "environment": environment,
        "starts_at": month.starts_at.isoformat(),
        "ends_at": month.ends_at.isoformat(),
        "meters": {
            report.meter: {
                "limit": report.limit,
                "used": report.used,
                "held": report.held,
                **asdict(report.total),
                "days": {day.isoformat(): asdict(tally) for day, tally in report.days.items()},
                "keys": {name: asdict(tally) for name, tally in report.keys.items()},
                "endpoints": {name: asdict(tally) for name, tally in report.endpoints.items()},
            }
            for report in reports
        },
    }


def _print(environment: str, month: metering.Month, reports: list[metering.Report]) -> None:
    click.echo(f"{environment}, {month.starts_at:%Y-%m-%d %H:%M} to {month.ends_at:%Y-%m-%d %H:%M} UTC")
    for report in reports:
        limit = f" of {report.limit:,}" if report.limit is not None else ""
        click.echo(f"{report.meter}: {report.used:,}{limit} units, {_many(report.total.calls, 'call')}")
