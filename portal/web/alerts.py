"""Alerts on costs, as pages: at which amounts a month operators are written to."""

from datetime import UTC

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from portal import costs
from portal.kit import clock, money
from portal.kit.db import unit
from portal.kit.errors import Missing, Refusal
from portal.web import guards, site
from portal.web.sustainability import currency

room = Blueprint("alerts", __name__, url_prefix="/operator/costs/alerts")


class AlertForm(FlaskForm):  # type: ignore[misc]
    """An amount a month."""

    amount = StringField("Amount a month", [DataRequired("Give an amount a month."), Length(max=40)])


@room.get("")
@guards.operator
def index() -> str:
    return _page(AlertForm(formdata=None))


@room.post("")
@guards.operator
def add() -> ResponseReturnValue:
    form, session = AlertForm(), site.session()
    if not form.validate_on_submit():
        return _page(form), 422
    try:
        with unit(session):
            level = money.read(form.amount.data, currency())
            costs.set_level(session, level, actor=site.actor(), now=clock.now())
    except Refusal as refusal:
        site.refuse(form, refusal)
        return _page(form), 422
    flash(f"A letter goes out when a month costs {level.exact}, and when it will.", "good")
    return redirect(url_for("alerts.index"), 303)


@room.post("/removal")
@guards.operator
def remove() -> ResponseReturnValue:
    """Write at an amount no more; the form names it in minor units."""
    session, sent = site.session(), request.form.get("minor", "")
    if not sent.isdecimal() or len(sent) > 15:
        raise Missing("There is no such alert.")
    level = money.Money(int(sent), currency())
    with unit(session):
        costs.drop_level(session, level, actor=site.actor(), now=clock.now())
    flash(f"No letter goes out at {level.exact} any more.", "good")
    return redirect(url_for("alerts.index"), 303)


def _page(form: AlertForm) -> str:
    session, code = site.session(), currency()
    return render_template(
        "alerts/index.html",
        form=form,
        currency=code,
        levels=costs.levels(session, code),
        raised=[(row, f"{row.month.astimezone(UTC):%B %Y}") for row in costs.raised(session)],
        expected=costs.outlook(session, code, now=clock.now()),
    )
