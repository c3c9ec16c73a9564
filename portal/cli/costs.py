"""Costs and cash, from the command line."""

import json
from datetime import UTC, datetime
from typing import Any

import click

from portal import costs, plans, sustainability
from portal.cli.base import House, house
from portal.kit import money
from portal.kit.period import add_months, calendar_month

MONTH = "%Y-%m"


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


A_MONTH = MonthType()


@click.group("costs")
def costs_group() -> None:
    """Type what the platform costs each month, and show it."""


@costs_group.command()
@click.argument("name")
@click.argument("amount")
@click.option("--service", help="What it belongs to, such as Database; the name unless given.")
@click.option("--currency", help="Such as usd; the plans' currency unless given.")
@click.option("--from", "first_month", type=A_MONTH, help="Its first month; the running one unless given.")
@click.option("--until", "last_month", type=A_MONTH, help="Its last month; it goes on unless given.")
def add(
    name: str,
    amount: str,
    service: str | None,
    currency: str | None,
    first_month: datetime | None,
    last_month: datetime | None,
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
