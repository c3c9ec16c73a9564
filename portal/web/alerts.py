"""Alerts on costs, as pages: at which amounts a month operators are written to."""

from datetime import UTC
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
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
    currency = SelectField("Currency")


def _form(**told: Any) -> AlertForm:
    """A form with the currencies in which costs are watched; the plans' unless another is sent."""
    known = costs.watched(site.session(), currency(), now=clock.now())
    form = AlertForm(currency=known[0], **told)
    form.currency.choices = [SelectChoice(one, one.upper()) for one in known]
    return form


@room.get("")
@guards.operator
def index() -> str:
    return _page(_form(formdata=None))


@room.post("")
@guards.operator
def add() -> ResponseReturnValue:
    form, session = _form(), site.session()
    if not form.validate_on_submit():
        return _page(form), 422
    try:
        with unit(session):
            level = money.read(form.amount.data, form.currency.data)
            costs.set_level(session, level, actor=site.actor(), now=clock.now())
    except Refusal as refusal:
        site.refuse(form, refusal)
        return _page(form), 422
    flash(f"A letter goes out when a month costs {level.exact}, and when it will.", "good")
    return redirect(url_for("alerts.index"), 303)


@room.post("/removal")
@guards.operator
def remove() -> ResponseReturnValue:
    """Write at an amount no more; the form names it in minor units, with its currency."""
    session, sent = site.session(), request.form.get("minor", "")
    code = request.form.get("currency") or currency()
    if not sent.isdecimal() or len(sent) > 15 or code not in money.MINOR_DIGITS:
        raise Missing("There is no such alert.")
    level = money.Money(int(sent), code)
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
        levels=[
            level
            for one in costs.watched(session, code, now=clock.now())
            for level in costs.levels(session, one)
        ],
        raised=[(row, f"{row.month.astimezone(UTC):%B %Y}") for row in costs.raised(session)],
        expected=costs.outlook(session, code, now=clock.now()),
    )
