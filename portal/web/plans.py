"""Plans, as a page: what the account holds of each line, and what there is."""

from flask import Blueprint, g, render_template

from portal import plans
from portal.kit import clock
from portal.web import guards, site

room = Blueprint("plans", __name__)


@room.get("/plans")
@guards.member("see")
def index() -> str:
    session = site.session()
    catalogue = plans.catalogue_or_none(session)
    held = plans.held_lines(session, g.account.id, now=clock.now()) if catalogue else {}
    return render_template("plans/index.html", catalogue=catalogue, held=held)
