"""The dashboard: the way to the first call, then the billing month at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, g, make_response, render_template, request

from portal import billing, keys, metering, plans, support
from portal.keys import Key
from portal.kit import clock
from portal.web import guards, site, tickets
from portal.web.billing import card_ends

room = Blueprint("dashboard", __name__)
SOON = timedelta(days=14)


@dataclass(frozen=True)
class Start:
    """How far a new account has come on the way to its first call."""

    verified: bool
    has_key: bool
    called: bool

    @property
    def done(self) -> bool:
        """Whether the way is behind it."""
        return self.verified and self.has_key and self.called

    @property
    def left(self) -> int:
        """Steps still to be done."""
        return [self.verified, self.has_key, self.called].count(False)


@room.get("/dashboard")
@guards.member("see")
def index() -> Response:
    session, now = site.session(), clock.now()
    month = metering.months(session, g.account.id, "live", now=now)[0]
    report = metering.report(session, g.account.id, month, "calls", gate=site.gate(), now=now)
    mine = keys.of_account(session, g.account.id, now=now)
    called = report.total.calls > 0 or keys.ever_used(session, g.account.id)
    start = Start(verified=g.person.verified_at is not None, has_key=bool(mine), called=called)
    asked = support.tickets(session, g.account.id, size=3)
    paid = billing.overview(session, g.account.id, site.settings().payments, now=now)
    page = render_template(
        "dashboard/index.html",
        bills=[one.bill for one in paid.lines if one.bill],
        card_ends=card_ends(paid, now),
        last_invoice=paid.invoices[0] if paid.invoices else None,
        open_tickets=asked,
        said_of_tickets=tickets.said(asked.rows),
        start=start,
        month=month,
        report=report,
        chart=[(f"{day.day} {day:%b}", tally.units) for day, tally in report.days.items()],
        held=plans.current(session, g.account.id, now=now),
        live_keys=keys.count_live(session, g.account.id, now=now),
        ending=ending_soon(mine, now),
    )
    answer = make_response(page)
    if start.done and request.headers.get("HX-Request"):
        answer.headers["HX-Refresh"] = "true"  # the page that waited for the first call shows the month now
    return answer


def ending_soon(mine: Sequence[Key], now: datetime) -> list[tuple[Key, datetime]]:
    """Keys that work at `now` and will stop by themselves within 14 days, the soonest first."""
    ends = [
        (at, key) for key in mine if key.revoked_at is None for at in (key.expires_at, key.retires_at) if at
    ]
    soon: dict[str, tuple[Key, datetime]] = {}
    for at, key in sorted(ends, key=lambda pair: pair[0]):
        if at <= now + SOON:
            soon.setdefault(key.id, (key, at))
    return [pair for pair in soon.values() if pair[1] > now]
