"""Sustainability, as pages: cost, revenue and net by month, and the cash that somebody counted."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from portal import plans, sustainability
from portal.kit import clock, money
from portal.kit.db import unit
from portal.kit.errors import Invalid
from portal.web import guards, site

room = Blueprint("sustainability", __name__, url_prefix="/operator/sustainability")


MOST = 200


class CashForm(FlaskForm):  # type: ignore[misc]
    """What is in hand."""

    amount = StringField("Cash in hand", [DataRequired("Give what you have in hand."), Length(max=40)])


@room.get("")
@guards.operator
def index() -> str:
    return _page(CashForm(formdata=None))


@room.get("/margins")
@guards.operator
def margins() -> str:
    """What each account costs and brings a month; those that cost more than they bring come first."""
    payments, now = site.settings().payments, clock.now()
    found = sustainability.economics(site.session(), payments, currency(), now=now)
    return render_template("sustainability/margins.html", economics=found, currency=currency(), most=MOST)


@room.post("/cash")
@guards.operator
def count() -> ResponseReturnValue:
    """Note what was counted, as a row of its own."""
    form, session = CashForm(), site.session()
    if not form.validate_on_submit():
        return _page(form), 422
    try:
        with unit(session):
            amount = money.read(form.amount.data, currency())
            sustainability.count_cash(session, amount, actor=site.actor(), now=clock.now())
    except Invalid as refusal:
        site.refuse(form, refusal)
        return _page(form), 422
    flash(f"Noted: {amount.exact} in hand.", "good")
    return redirect(url_for("sustainability.index"), 303)


def currency() -> str:
    """The one currency in which the platform's plans are priced, and its life is counted."""
    catalogue = plans.catalogue_or_none(site.session())
    return catalogue.currency if catalogue else "usd"


def _page(form: CashForm) -> str:
    session, payments, now = site.session(), site.settings().payments, clock.now()
    months = sustainability.months(session, payments, currency(), now=now)
    return render_template(
        "sustainability/index.html",
        form=form,
        currency=currency(),
        months=months,
        chart=[(f"{one.at:%b %Y}", one.revenue.whole, one.cost.whole) for one in months],
        standing=sustainability.standing(session, payments, currency(), now=now),
        counted=sustainability.counted(session),
    )
