"""Scale, as a page: capacity and load now, what other ways would have cost, and what is typed of it."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import DateField, DecimalField, IntegerField
from wtforms.validators import InputRequired, NumberRange, Optional

from portal import costs, scaling
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Invalid
from portal.kit.money import MINOR_DIGITS, Money
from portal.web import guards, site
from portal.web.sustainability import currency

room = Blueprint("scale", __name__, url_prefix="/operator/scale")

NUMBER = "Give a number, such as 2."
PRICE = "Give a price, such as 0.0247."
DATE = "Give a day, such as 2027-03-31."


class CapacityForm(FlaskForm):  # type: ignore[misc]
    """What answers calls."""

    tasks = IntegerField("Tasks or servers", [InputRequired(NUMBER)])
    calls_an_hour = IntegerField("Calls an hour that one carries", [InputRequired(NUMBER)])
    hourly = DecimalField(
        "Price of one, an hour", [InputRequired(PRICE), NumberRange(0, 10_000, PRICE)], places=None
    )
    balancer_monthly = DecimalField(
        "Load balancer, a month", [Optional(), NumberRange(0, 10**6, PRICE)], places=2
    )


class CallsForm(FlaskForm):  # type: ignore[misc]
    """How heavy a call is."""

    milliseconds = IntegerField("Milliseconds a call takes", [InputRequired(NUMBER)])
    memory_mb = IntegerField("Memory it needs, in MB", [InputRequired(NUMBER)])


class CreditsForm(FlaskForm):  # type: ignore[misc]
    """What is left of a provider's credits."""

    balance = DecimalField("Credits left", [InputRequired(PRICE), NumberRange(0, 10**7, PRICE)])
    ends_on = DateField("They end on", [InputRequired(DATE)])


@room.get("")
@guards.operator
def index() -> str:
    return _page()


@room.post("/capacity")
@guards.operator
def capacity() -> ResponseReturnValue:
    return _type(
        CapacityForm(),
        "capacity",
        lambda form: scaling.Capacity(
            form.tasks.data,
            form.calls_an_hour.data,
            float(form.hourly.data),
            float(form.balancer_monthly.data or 0),
        ),
    )


@room.post("/calls")
@guards.operator
def calls() -> ResponseReturnValue:
    return _type(
        CallsForm(), "calls", lambda form: scaling.Calls(form.milliseconds.data, form.memory_mb.data)
    )


@room.post("/credits")
@guards.operator
def credit_balance() -> ResponseReturnValue:
    return _type(
        CreditsForm(),
        "credits",
        lambda form: scaling.Credits(float(form.balance.data), form.ends_on.data.isoformat()),
    )


def _type(form: FlaskForm, name: str, made: Callable[[Any], Any]) -> ResponseReturnValue:
    """Note what a form says; the suggestions follow with the next night."""
    if not form.validate_on_submit():
        return _page(**{name: form}), 422
    try:
        with unit(site.session()) as session:
            scaling.type_figures(session, made(form), actor=site.actor(), now=clock.now())
    except Invalid as refusal:
        site.refuse(form, refusal)
        return _page(**{name: form}), 422
    flash("Noted. Suggestions are worked out with it from now on.", "good")
    return redirect(url_for("scale.index"), 303)


def _page(**refused: FlaskForm) -> str:
    session, now, code = site.session(), clock.now(), currency()
    known, shown = scaling.figures(session), scaling.picture(session, now=now)
    digits, given = 10 ** MINOR_DIGITS[code], costs.given(session)
    left = given.plan.credits if given and given.plan and given.plan.currency == "usd" else None
    return render_template(
        "scale/index.html",
        picture=shown,
        tried=[(one, Money(round(one.cost * digits), code)) for one in shown.tried],
        day=[(f"{hour:02}", calls) for hour, calls in enumerate(shown.day)],
        currency=code,
        given=given,
        left=None if left is None else Money(round(left * 100), "usd"),
        forms={
            "capacity": refused.get("capacity") or CapacityForm(formdata=None, **_known(known.capacity)),
            "calls": refused.get("calls") or CallsForm(formdata=None, **_known(known.calls)),
            "credits": refused.get("credits") or CreditsForm(formdata=None, **_known(known.credits)),
        },
        refused=next(iter(refused.values()), None),
    )


def _known(typed: scaling.Capacity | scaling.Calls | scaling.Credits | None) -> dict[str, Any]:
    told = asdict(typed) if typed else {}
    if "ends_on" in told:
        told["ends_on"] = datetime.fromisoformat(told["ends_on"]).date()
    return told
