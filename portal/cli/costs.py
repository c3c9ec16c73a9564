"""Costs and cash, from the command line."""

import json
import re
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from portal import costs, plans, sustainability
from portal.cli.base import House, house, reach, refusing
from portal.kit import money
from portal.kit.period import add_months, calendar_month

MONTH = "%Y-%m"
BILLS = re.compile(r"\.(csv|csv\.gz|parquet)$", re.IGNORECASE)
MOST_SHOWN = 20


class MonthType(click.ParamType[datetime]):
    """A month, by its first moment (UTC)."""

    name = "YYYY-MM"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.strptime(value, MONTH).replace(tzinfo=UTC)
        except ValueError:
            self.fail(f"{value!r} is no month: write 2026-11.", param, ctx)


class BillPath(click.Path):
    """A file or folder of this machine, or an address in S3."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if str(value).startswith(costs.S3) else super().convert(value, param, ctx)


A_MONTH = MonthType()
IN_CURRENCY = click.option("--currency", help="Such as usd; the plans' currency unless given.")
A_BILL = BillPath(path_type=Path, exists=True)


@click.group("costs")
def costs_group() -> None:
    """What the platform costs: typed, imported from bills, and shown."""


@costs_group.command()
@click.argument("name")
@click.argument("amount")
@click.option("--service", help="What it belongs to, such as Database; the name unless given.")
@click.option("--currency", help="Such as usd; the plans' currency unless given.")
@click.option("--from", "first_month", type=A_MONTH, help="Its first month; the running one unless given.")
@click.option("--until", "last_month", type=A_MONTH, help="Its last month; it goes on unless given.")
@click.option("--billed-by", help="The provider on whose bill it stands, such as AWS.")
def add(
    name: str,
    amount: str,
    service: str | None,
    currency: str | None,
    first_month: datetime | None,
    last_month: datetime | None,
    billed_by: str | None,
) -> None:
    """Add NAME, which costs AMOUNT (such as 25.50) each month; prints its id."""
    with house() as here:
        row = costs.add(
            here.session,
            name,
            service or name,
            money.read(amount, currency or _currency(here)),
            begins_at=first_month or calendar_month(here.now)[0],
            ends_at=add_months(last_month, 1) if last_month else None,
            billed_by=billed_by,
            actor=here.actor,
            now=here.now,
        )
    click.echo(f"{row.name} costs {money.Money(row.amount, row.currency).exact} a month.")
    click.echo(row.id)


@costs_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="All of it, amounts in minor units (cents).")
def show(as_json: bool) -> None:
    """List what was typed, and what this month costs."""
    with house() as here:
        rows = [_as_json(row, here.now) for row in costs.typed(here.session)]
        month = costs.month(here.session, here.now)
    if as_json:
        totals = {one.currency: one.amount for one in month.totals}
        click.echo(json.dumps({"month": f"{month.at:{MONTH}}", "totals": totals, "typed": rows}, indent=2))
        return
    for row in rows:
        until = f" until {row['until']}" if row["until"] else ""
        price = money.Money(row["amount"], row["currency"]).exact
        click.echo(f"{row['id']}  {row['name']} ({row['service']}): {price} from {row['from']}{until}")
    together = " and ".join(one.exact for one in month.totals) or "nothing that is known"
    click.echo(f"{month.at:%B %Y} costs {together}.")


@costs_group.command()
@click.argument("cost")
@click.option(
    "--last", "last_month", type=A_MONTH, help="The last month that counts; the running one unless given."
)
def end(cost: str, last_month: datetime | None) -> None:
    """End COST (its id) with a month. The month before its first withdraws it whole."""
    with house() as here:
        last_month = last_month or calendar_month(here.now)[0]
        row = costs.end(here.session, cost, last_month=last_month, actor=here.actor, now=here.now)
    click.echo(f"{row.name} ends with {last_month:%B %Y}.")


@costs_group.command("import")
@click.argument("paths", nargs=-1, required=True, type=A_BILL)
@click.option("--currency", help="Of lines that name none, such as usd; the plans' currency unless given.")
@click.option("--json", "as_json", is_flag=True, help="All of it, with every line set aside.")
def import_bills(paths: tuple[Path | str, ...], currency: str | None, as_json: bool) -> None:
    """Import bills from PATHS: files, or folders with all that is in them, as one delivery.

    Columns are those of FOCUS 1.0 to 1.2 or of AWS's cost and usage report, as CSV or Parquet, packed with
    gzip or not. Each month that they tell of is told anew; the same files again change nothing.

    A path such as s3://bucket/prefix is read from S3, where AWS puts its data exports: the newest of each
    billing period, which is a delivery of its own.
    """
    here = [path for path in paths if isinstance(path, Path)]
    if here:
        with ExitStack() as opened:
            found = [
                costs.BillFile(path.name, opened.enter_context(path.open("rb"))) for path in _files(here)
            ]
            _take(found, currency, as_json)
    if len(here) == len(paths):
        return
    aws = costs.Aws(reach().aws)
    for address in (str(path) for path in paths if not isinstance(path, Path)):
        with refusing():
            for delivery in costs.deliveries(aws, address):
                with costs.fetched(aws, delivery) as found:
                    _take(found, currency, as_json)


def _take(found: list[costs.BillFile], currency: str | None, as_json: bool) -> None:
    """Take in one delivery, and say what came of it."""
    with house() as here:
        done = costs.take_bills(
            here.session, found, currency=currency or _currency(here), actor=here.actor, now=here.now
        )
        aside = [
            {"file": one.file, "line": one.line, "reason": one.reason}
            for one in costs.set_aside(
                here.session, done.id, size=done.lines_aside if as_json else MOST_SHOWN
            )
        ]
    if as_json:
        counts = {"read": done.lines_read, "kept": done.lines_kept, "set_aside": done.lines_aside}
        bills = [
            {"provider": provider, "billing_account": account, "month": f"{month.astimezone(UTC):{MONTH}}"}
            for provider, account, month in done.bills
        ]
        told = {"import": done.id, "repeated": done.repeated, "replaced": done.replaced, **counts}
        click.echo(json.dumps({**told, "bills": bills, "aside": aside}, indent=2))
        return
    for one in aside:
        click.echo(f"{one['file']}, line {one['line']}: {one['reason']}")
    if done.lines_aside > len(aside):
        click.echo(f"... and {done.lines_aside - len(aside):,} more")
    if done.repeated:
        click.echo("These files were imported before. Nothing was changed.")
    for provider, account, month in sorted(done.bills):
        click.echo(f"{month.astimezone(UTC):%B %Y}: {provider}, account {account}")
    click.echo(f"{done.lines_read:,} rows read, {done.lines_kept:,} kept, {done.lines_aside:,} set aside.")


@costs_group.command("show")
@click.option("--month", "at", type=A_MONTH, help="The month; the running one unless given.")
@click.option("--json", "as_json", is_flag=True, help="All of it, amounts in minor units (cents).")
def show_month(at: datetime | None, as_json: bool) -> None:
    """Show what a month costs: what bills say, billed and effective, and what was typed."""
    with house() as here:
        at = at or calendar_month(here.now)[0]
        month, billed = costs.month(here.session, at), costs.billed(here.session, at)
    charges = [(one, charge) for one in month.services for charge in one.charges]
    typed = [(one, charge) for one, charge in charges if charge.source == costs.TYPED]
    if as_json:
        told = {
            "month": f"{month.at:{MONTH}}",
            "totals": {one.currency: one.amount for one in month.totals},
            "billed": _sums([one.billed for one in billed]),
            "effective": _sums([one.effective for one in billed]),
            "services": [
                {
                    "service": one.service,
                    "currency": one.billed.currency,
                    "billed": one.billed.amount,
                    "effective": one.effective.amount,
                }
                for one in billed
            ],
            "typed": [
                {
                    "service": one.service,
                    "name": charge.name,
                    "currency": charge.amount.currency,
                    "amount": charge.amount.amount,
                }
                for one, charge in typed
            ],
        }
        click.echo(json.dumps(told, indent=2))
        return
    for row in billed:
        click.echo(f"{row.service}: {row.billed.exact} billed, {row.effective.exact} effective")
    for one, charge in typed:
        click.echo(f"{one.service}, {charge.name}: {charge.amount.exact} typed")
    together = " and ".join(one.exact for one in month.totals) or "nothing that is known"
    click.echo(f"{month.at:%B %Y} costs {together}.")


@costs_group.group("alerts")
def alerts_group() -> None:
    """At which costs a month operators are written to."""


@alerts_group.command("list")
def list_alerts() -> None:
    """List the amounts."""
    with house() as here:
        known = costs.watched(here.session, _currency(here), now=here.now)
        levels = [level for one in known for level in costs.levels(here.session, one)]
    for level in levels:
        click.echo(level.exact)


@alerts_group.command("add")
@click.argument("amount")
@IN_CURRENCY
def add_alert(amount: str, currency: str | None) -> None:
    """Write at AMOUNT (such as 250) a month too."""
    with house() as here:
        level = money.read(amount, currency or _currency(here))
        costs.set_level(here.session, level, actor=here.actor, now=here.now)
    click.echo(f"A letter goes out when a month costs {level.exact}, and when it will.")


@alerts_group.command("remove")
@click.argument("amount")
@IN_CURRENCY
def remove_alert(amount: str, currency: str | None) -> None:
    """Write at AMOUNT no more."""
    with house() as here:
        level = money.read(amount, currency or _currency(here))
        costs.drop_level(here.session, level, actor=here.actor, now=here.now)
    click.echo(f"No letter goes out at {level.exact} any more.")


@click.group("cash")
def cash_group() -> None:
    """Count what the platform has in hand."""


@cash_group.command()
@click.argument("amount")
def count(amount: str) -> None:
    """Note that AMOUNT (such as 4200) is in hand now, and say for how long it lasts."""
    with house() as here:
        currency = _currency(here)
        counted = money.read(amount, currency)
        sustainability.count_cash(here.session, counted, actor=here.actor, now=here.now)
        standing = sustainability.standing(here.session, here.settings.payments, currency, now=here.now)
    click.echo(f"Noted: {counted.exact} in hand.")
    click.echo(f"Runway: {standing.runway.words if standing.runway else 'not known without costs'}.")


groups = (costs_group, cash_group)


def _currency(here: House) -> str:
    catalogue = plans.catalogue_or_none(here.session)
    return catalogue.currency if catalogue else "usd"


def _sums(amounts: list[money.Money]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in amounts:
        found[one.currency] = found.get(one.currency, 0) + one.amount
    return found


def _files(paths: Sequence[Path]) -> list[Path]:
    """The files themselves, and those in folders that can be bills, by name."""
    found = []
    for path in paths:
        inside = sorted(one for one in path.rglob("*") if one.is_file() and BILLS.search(one.name))
        if path.is_dir() and not inside:
            raise click.ClickException(f"{path} holds no file that ends with .csv, .csv.gz or .parquet.")
        found += inside if path.is_dir() else [path]
    return found


def _as_json(row: costs.TypedCost, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "service": row.service,
        "amount": row.amount,
        "currency": row.currency,
        "from": f"{row.begins_at.astimezone(UTC):{MONTH}}",
        "until": f"{add_months(row.ends_at.astimezone(UTC), -1):{MONTH}}" if row.ends_at else None,
        "state": costs.state_of(row.begins_at, row.ends_at, now),
    }
