"""Usage, as pages: what was counted, by day, by key and by endpoint, and what is left."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from portal import accounts, billing, keys, metering, plans
from portal.kit import clock, paging
from portal.kit.errors import Missing
from portal.web import guards, sheets, site
from portal.web.billing import INVOICES

room = Blueprint("usage", __name__)

SHOWN = 50  # keys or endpoints on one page
COLUMNS = ("day", "environment", "meter", "key_id", "key_name", "endpoint", "calls", "units")


@dataclass(frozen=True)
class Asked:
    """Which usage somebody wants to see: a month of one environment, counted on one meter."""

    environment: str
    meter: plans.Meter
    month: metering.Month
    months: list[metering.Month]

    def address(self, endpoint: str, **changes: Any) -> str:
        """The address that asks for this, with some of it changed."""
        asked = {"environment": self.environment, "meter": self.meter.slug, "month": self.month.id}
        return url_for(endpoint, **{**asked, **changes})


@room.get("/usage")
@guards.member("see")
def index() -> str:
    session, now = site.session(), clock.now()
    asked = _asked()
    report = metering.report(session, g.account.id, asked.month, asked.meter.slug, gate=site.gate(), now=now)

    by = "endpoint" if request.args.get("by") == "endpoint" else "key"
    lines = list((report.endpoints if by == "endpoint" else report.keys).items())
    page, pages = _page(len(lines))
    lines = lines[(page - 1) * SHOWN : page * SHOWN]
    return render_template(
        "usage/index.html",
        asked=asked,
        report=report,
        names=keys.names(session, g.account.id, [name for name, _ in lines]) if by == "key" else {},
        by=by,
        lines=lines,
        page=page,
        pages=pages,
        meters=[meter for meter in plans.catalogue(session).meters if meter.slug in _meters(asked)],
        chart=_chart(report.days),
        pace=_pace(report),
        now=now,
    )


@room.get("/usage/statement")
@guards.member("see")
def statement() -> str:
    """One billing month on paper: what was used, and what was billed for those who may see that."""
    session, now, payments = site.session(), clock.now(), site.settings().payments
    asked = _asked()
    meters = [meter for meter in plans.catalogue(session).meters if meter.slug in _meters(asked)]
    reports = {
        meter: metering.report(session, g.account.id, asked.month, meter.slug, gate=site.gate(), now=now)
        for meter in meters
    }
    billed = asked.environment == "live" and accounts.may(g.member.role, "manage_billing")
    invoices = billing.invoices(session, g.account.id, payments) if billed else ()
    used = {key_id for report in reports.values() for key_id in report.keys}
    return render_template(
        "usage/statement.html",
        asked=asked,
        reports={meter: report for meter, report in reports.items() if report.total.calls or report.limit},
        names=keys.names(session, g.account.id, sorted(used)),
        billed=billed and payments is not None,
        invoices=[one for one in invoices if asked.month.starts_at <= one.created_at < asked.month.ends_at],
        invoice_states=INVOICES,
        held=plans.current(session, g.account.id, now=now),
        now=now,
    )


@room.get("/usage.csv")
@guards.member("see")
def download() -> Response:
    """The same numbers by day, key and endpoint, for a spreadsheet."""
    asked = _asked()
    lines = _lines(site.db.engine, g.account.id, asked.month, site.gate())
    name = f"usage-{asked.environment}-{asked.month.starts_at:%Y-%m-%d}.csv"
    return sheets.answer(name, COLUMNS, _rows(lines, asked.environment))


def _asked() -> Asked:
    session, now = site.session(), clock.now()
    environment = "test" if request.args.get("environment") == "test" else "live"
    months = metering.months(session, g.account.id, environment, now=now)
    wanted = request.args.get("month", type=int)
    month = next((month for month in months if month.id == wanted), months[0] if wanted is None else None)
    meter = plans.catalogue(session).meter(request.args.get("meter", "calls"))
    if month is None or meter is None:
        raise Missing("There is no such usage.")
    return Asked(environment, meter, month, months)


def _meters(asked: Asked) -> set[str]:
    """The meters worth a choice: what the plan includes, what was counted, and the one asked for."""
    counted = metering.meters(site.session(), g.account.id, asked.month)
    included = plans.current(site.session(), g.account.id, now=clock.now()).included
    return {"calls", asked.meter.slug, *counted, *(meter for meter, units in included.items() if units)}


def _page(count: int) -> tuple[int, int]:
    return paging.numbers(request.args.get("page", 1, type=int), SHOWN, count)


def _chart(days: dict[date, metering.Tally]) -> list[tuple[str, int]]:
    return [(f"{day.day} {day:%b}", tally.units) for day, tally in days.items()]


def _pace(report: metering.Report) -> int | None:
    """What may be used each day if the month's units are spread evenly; None when it would dwarf the days."""
    if not report.limit:
        return None
    days = max(1, round((report.month.ends_at - report.month.starts_at) / timedelta(days=1)))
    pace = -(-report.limit // days)
    peak = max((tally.units for tally in report.days.values()), default=0)
    return pace if pace <= 3 * peak else None


def _lines(
    engine: Engine, account_id: str, month: metering.Month, gate: Any
) -> Iterator[tuple[metering.Line, str]]:
    """Each line with the name of its key. The request is over when they are read: the session is its own."""
    with Session(engine) as session:
        lines = metering.lines(session, account_id, month, gate=gate)
        while some := list(islice(lines, 500)):
            names = keys.names(session, account_id, sorted({line.key_id for line in some}))
            yield from ((line, names[line.key_id].name if line.key_id in names else "") for line in some)


def _rows(lines: Iterator[tuple[metering.Line, str]], environment: str) -> Iterator[tuple[Any, ...]]:
    for line, name in lines:
        place = (line.key_id, name, line.endpoint)
        yield (line.day, environment, line.meter, *place, line.calls, line.units)
