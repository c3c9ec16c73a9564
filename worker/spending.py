"""Spending, in words: the letters that operators get when a month's costs reach an amount."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from portal import accounts, costs
from portal.kit.money import Money
from worker.writing import Occasion, write_address

DRIVERS = 4


def cost_reached(session: Session, fact: costs.CostReached, occasion: Occasion) -> None:
    """The operators learn what was reached, and what drives it."""
    at = datetime.strptime(fact.month, "%Y-%m").replace(tzinfo=UTC)
    month = costs.month(session, at)
    total = month.total(fact.currency)
    mine = [one for one in month.services if one.amount.currency == fact.currency]
    context = {
        "level": Money(fact.amount, fact.currency),
        "is_forecast": fact.kind == "forecast",
        "month": f"{at:%B %Y}",
        "expected": costs.outlook(session, fact.currency, now=max(occasion.told_at, at)),
        "drivers": [
            (one.service, one.amount.exact, round(100 * one.amount.amount / (total.amount or 1)))
            for one in mine[:DRIVERS]
        ],
        "others": len(mine) - DRIVERS,
    }
    for operator in accounts.operators(session):
        write_address(
            session,
            occasion,
            operator.email,
            "costs/reached",
            {"name": operator.name, **context},
            person_id=operator.id,
            once=f"{fact.month} {fact.currency} {fact.amount} {fact.kind}",
        )
