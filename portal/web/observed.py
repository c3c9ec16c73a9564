"""Readiness to enforce, as a page: who would have been refused, when, how often, and what that is worth."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from flask import Blueprint, render_template, request

from portal import accounts, metering
from portal.kit import clock
from portal.kit.money import Money
from portal.web import guards, site

room = Blueprint("observed", __name__)

DAYS = (7, 30, 90)
WHY = {
    "REVOKED": "The key was revoked",
    "EXPIRED": "The key had expired",
    "SUSPENDED": "The account is suspended",
    "IP_DENIED": "The address is not allowed",
    "INSUFFICIENT_SCOPE": "The key lacks a scope",
    "RATE_LIMITED": "Too many calls a second",
    "QUOTA_EXCEEDED": "The billing month was used up",
    "SPEND_CAP": "The spending cap was reached",
}


@room.get("/operator/readiness")
@guards.operator
def show() -> str:
    session, now = site.session(), clock.now()
    asked = request.args.get("days", 30, type=int)
    days = asked if asked in DAYS else 30
    found = metering.spared(session, since=now - timedelta(days=days), now=now)
    return render_template(
        "observed/index.html",
        days=days,
        choices=DAYS,
        everyone=site.settings().gate_mode == "observe",
        observed=accounts.observed(session),
        found=found,
        names={one.account_id: accounts.get(session, one.account_id).name for one in found},
        calls=sum(one.calls for one in found),
        worth=_sum(worth.amount for one in found for worth in one.worth),
        by_code=_by_code(found).most_common(),
        over_now=[one for one in found if one.over_now],
        why=WHY,
    )


def _by_code(found: Iterable[metering.Spared]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for one in found:
        for noted in one.noted:
            counted[noted.code] += noted.calls
    return counted


def _sum(amounts: Iterable[Money | None]) -> Money | None:
    """All of it, in the one currency of the catalogue; None when nothing has a price."""
    known = [one for one in amounts if one is not None]
    return Money(sum(one.amount for one in known), known[0].currency) if known else None
