"""Suggestions, as pages: what would lower the costs, what it may cost itself, and what became of it."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import IntegerField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from portal import scaling, sustainability
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Refusal
from portal.web import guards, site
from portal.web.sustainability import currency

room = Blueprint("suggestions", __name__, url_prefix="/operator/suggestions")

PERCENT = "Give a whole number of percent, 0 to 100."
KINDS = {
    "open": "info",
    "accepted": "info",
    "applied": "info",
    "measuring": "info",
    "realised": "good",
    "rejected": "due",
}
DONE = {
    "accept": "Accepted. When you have carried it out, say so here: then it is measured.",
    "apply": "Noted. What it saves is measured from the bills of the next two weeks.",
    "snooze": "Put aside for 30 days.",
    "revert": "Noted that it was undone.",
}


class HazardForm(FlaskForm):  # type: ignore[misc]
    """How likely the platform closes."""

    percent = IntegerField(
        "Chance of closing, in percent a month", [InputRequired(PERCENT), NumberRange(0, 100, PERCENT)]
    )


class DismissForm(FlaskForm):  # type: ignore[misc]
    """Why not."""

    reason = TextAreaField("Why not?", [DataRequired("Say why."), Length(max=500)])


@room.get("")
@guards.operator
def index() -> str:
    return _page(HazardForm(formdata=None))


@room.post("/hazard")
@guards.operator
def hazard() -> ResponseReturnValue:
    """Note the chance, and work everything out anew with it."""
    form, session, now = HazardForm(), site.session(), clock.now()
    if not form.validate_on_submit():
        return _page(form), 422
    with unit(session):
        sustainability.type_hazard(session, form.percent.data, actor=site.actor(), now=now)
        sustainability.suggest(session, site.settings().payments, currency(), now=now)
    flash(f"Noted: {form.percent.data} % a month. The suggestions were worked out with it.", "good")
    return redirect(url_for("suggestions.index"), 303)


@room.get("/<suggestion_id>")
@guards.operator
def show(suggestion_id: str) -> str:
    return _show(suggestion_id, DismissForm(formdata=None))


@room.post("/<suggestion_id>/acceptance")
@guards.operator
def accept(suggestion_id: str) -> ResponseReturnValue:
    return _do(suggestion_id, "accept", scaling.accept)


@room.post("/<suggestion_id>/application")
@guards.operator
def apply(suggestion_id: str) -> ResponseReturnValue:
    return _do(suggestion_id, "apply", scaling.apply)


@room.post("/<suggestion_id>/pause")
@guards.operator
def snooze(suggestion_id: str) -> ResponseReturnValue:
    return _do(suggestion_id, "snooze", scaling.snooze)


@room.post("/<suggestion_id>/reversal")
@guards.operator
def revert(suggestion_id: str) -> ResponseReturnValue:
    return _do(suggestion_id, "revert", scaling.revert)


@room.post("/<suggestion_id>/dismissal")
@guards.operator
def dismiss(suggestion_id: str) -> ResponseReturnValue:
    form, session = DismissForm(), site.session()
    scaling.suggestion(session, suggestion_id, now=clock.now())
    if not form.validate_on_submit():
        return _show(suggestion_id, form), 422
    try:
        with unit(session):
            scaling.dismiss(session, suggestion_id, form.reason.data, actor=site.actor(), now=clock.now())
    except Refusal as refusal:
        site.refuse(form, refusal)
        return _show(suggestion_id, form), 422
    flash("Dismissed. Nothing is suggested for it for 60 days.", "good")
    return redirect(url_for("suggestions.index"), 303)


def _do(suggestion_id: str, deed: str, verb: Callable[..., None]) -> ResponseReturnValue:
    with unit(site.session()) as session:
        verb(session, suggestion_id, actor=site.actor(), now=clock.now())
    flash(DONE[deed], "good")
    return redirect(url_for("suggestions.show", suggestion_id=suggestion_id), 303)


def _page(form: HazardForm) -> str:
    session, now = site.session(), clock.now()
    odds = sustainability.odds(session, site.settings().payments, currency(), now=now)
    if form.percent.data is None and not form.errors:
        form.percent.data = odds.percent
    return render_template(
        "suggestions/index.html",
        form=form,
        found=scaling.suggestions(session, currency(), now=now),
        odds=odds,
        states=scaling.STATES,
        kinds=KINDS,
        rates=list(scaling.rates(session).values()),
        today=now.date(),
    )


def _show(suggestion_id: str, form: DismissForm) -> str:
    session, now = site.session(), clock.now()
    one = scaling.suggestion(session, suggestion_id, now=now)
    return render_template(
        "suggestions/show.html",
        one=one,
        first=scaling.to_decide_first(session, one, now=now),
        form=form,
        odds=sustainability.odds(session, site.settings().payments, currency(), now=now),
        states=scaling.STATES,
        kinds=KINDS,
    )
