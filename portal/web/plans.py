"""Plans, as a page: what the account holds of each line, what there is, and the buttons to it."""

from flask import Blueprint, g, render_template

from portal import billing, plans
from portal.kit import clock
from portal.kit.money import Money
from portal.web import guards, site

room = Blueprint("plans", __name__)


@room.get("/plans")
@guards.member("see")
def index() -> str:
    session, payments = site.session(), site.settings().payments
    catalogue = plans.catalogue_or_none(session)
    return render_template(
        "plans/index.html",
        catalogue=catalogue,
        held=plans.held_lines(session, g.account.id, now=clock.now()) if catalogue else {},
        bills=billing.bills(session, g.account.id, payments) if catalogue else {},
        requests=billing.requests_of(session, g.account.id),
        saved=saved,
    )


def saved(plan: plans.Plan) -> Money | None:
    """What paying by the year costs less than twelve months; None when nothing."""
    if plan.month is None or plan.year is None or plan.year.amount >= 12 * plan.month.amount:
        return None
    return Money(12 * plan.month.amount - plan.year.amount, plan.year.currency)
