"""Revenue, as pages: what comes in by line and plan, and what went back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, render_template, request

from portal import accounts, billing, plans
from portal.kit import clock
from portal.kit.money import MINOR_DIGITS, Money
from portal.kit.period import add_months, calendar_month
from portal.kit.settings import Payments
from portal.web import guards, sheets, site

room = Blueprint("revenue", __name__)

MONTHS = 12
COLUMNS = ("month", "line", "plan", "currency", "amount", "invoices")
NO_PLAN = "Other"


@dataclass(frozen=True)
class Month:
    """One calendar month: what came in, and from what."""

    at: datetime
    total: Money
    parts: tuple[billing.Earned, ...]


@room.get("/operator/revenue")
@guards.operator
def index() -> str:
    session, now = site.session(), clock.now()
    payments, catalogue = site.settings().payments, plans.catalogue_or_none(session)
    currency = catalogue.currency if catalogue else "usd"
    months = _months(_earned(payments, now), now, currency)
    recurring = billing.recurring(session, payments) if payments else []
    return render_template(
        "revenue/index.html",
        months=months,
        chart=[(f"{one.at:%b %Y}", one.total.whole) for one in months],
        recurring=recurring,
        monthly=_sum((one.monthly for one in recurring), currency),
        received=_sum((one.total for one in months), currency),
        names=_names(catalogue),
        troubles=billing.troubles(session, payments, size=1).total if payments else 0,
        failing=billing.events_failing(session),
        drifts=billing.drifts(session, size=1).total,
        currency=currency,
    )


@room.get("/operator/revenue.csv")
@guards.operator
def download() -> Response:
    """The same by month, line and plan, for a spreadsheet; amounts with their decimals."""
    now = clock.now()
    rows = (
        (
            f"{one.month:%Y-%m}",
            one.line or "",
            one.plan or "",
            one.amount.currency,
            _decimal(one.amount),
            one.invoices,
        )
        for one in _earned(site.settings().payments, now)
    )
    return sheets.answer(f"revenue-{now:%Y-%m-%d}.csv", COLUMNS, rows)


@room.get("/operator/disputes")
@guards.operator
def troubles() -> str:
    """What banks and customers took back, or want back."""
    session, payments = site.session(), site.settings().payments
    page = request.args.get("page", 1, type=int)
    told = billing.troubles(session, payments, page=page) if payments else None
    names = {row.account_id: accounts.get(session, row.account_id).name for row in told.rows} if told else {}
    return render_template("revenue/troubles.html", told=told, names=names)


def _earned(payments: Payments | None, now: datetime) -> list[billing.Earned]:
    """What came in during this month and the eleven before it."""
    if payments is None:
        return []
    since = add_months(calendar_month(now)[0], 1 - MONTHS)
    return billing.earned(site.session(), payments, since=since)


def _months(earned: Sequence[billing.Earned], now: datetime, currency: str) -> list[Month]:
    first = add_months(calendar_month(now)[0], 1 - MONTHS)
    found = []
    for at in (add_months(first, count) for count in range(MONTHS)):
        parts = tuple(one for one in earned if one.month == at)
        found.append(Month(at, _sum((one.amount for one in parts), currency), parts))
    return found


def _sum(amounts: Iterator[Money], currency: str) -> Money:
    """What adds up in one currency; another one has rows of its own."""
    return Money(sum(one.amount for one in amounts if one.currency == currency), currency)


def _decimal(amount: Money) -> str:
    """1900 cents as 19.00."""
    digits = MINOR_DIGITS.get(amount.currency, 2)
    return f"{amount.amount / 10**digits:.{digits}f}"


def _names(catalogue: plans.Catalogue | None) -> dict[Any, str]:
    """What lines and plans are called now; what is not on offer any more keeps its slug."""
    if catalogue is None:
        return {}
    return {line.slug: line.name for line in catalogue.lines} | {
        plan.slug: plan.name for plan in catalogue.plans
    }
