"""Costs, as pages: this month by service, month by month, and what the operator types."""

from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import HiddenField, MonthField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from portal import costs
from portal.kit import clock, ids, money
from portal.kit.db import unit
from portal.kit.errors import Invalid, Missing, Refusal
from portal.kit.period import add_months, calendar_month
from portal.web import bills, guards, site
from portal.web.sustainability import currency

room = Blueprint("costs", __name__, url_prefix="/operator/costs")

MONTHS = 12
TAGS = 12
AMOUNT = "Give what it costs a month."
A_MONTH = "Give a year and a month, such as 2026-11."
STATES = {
    "running": ("Each month", "good"),
    "coming": ("To come", "info"),
    "ended": ("Ended", "quiet"),
    "withdrawn": ("Withdrawn", "quiet"),
}


class AddForm(FlaskForm):  # type: ignore[misc]
    """A fixed cost of each month; the nonce makes a double click add it once."""

    name = StringField("What is it?", [DataRequired("Say what it is."), Length(max=80)])
    service = StringField("Service", [DataRequired("Say which service it belongs to."), Length(max=80)])
    amount = StringField("Amount a month", [DataRequired(AMOUNT), Length(max=40)])
    currency = SelectField("Currency", choices=[SelectChoice(one, one.upper()) for one in money.MINOR_DIGITS])
    first_month = MonthField("First month", [InputRequired(A_MONTH)])
    last_month = MonthField("Last month", [Optional()])
    billed_by = StringField("On the bill of", [Length(max=80)])
    nonce = HiddenField(validators=[Length(max=80)])


class AmountForm(FlaskForm):  # type: ignore[misc]
    """Another amount, from a month on."""

    amount = StringField("New amount a month", [DataRequired(AMOUNT), Length(max=40)])
    first_month = MonthField("From", [InputRequired(A_MONTH)])


class EndForm(FlaskForm):  # type: ignore[misc]
    """When it ends."""

    last_month = MonthField("Last month", [InputRequired(A_MONTH)])


@room.get("")
@guards.operator
def index() -> str:
    return _page(AddForm(formdata=None, currency=currency(), first_month=clock.now().date()))


@room.post("")
@guards.operator
def add() -> ResponseReturnValue:
    form, session = AddForm(), site.session()
    if not form.validate_on_submit():
        return _page(form), 422
    try:
        with unit(session):
            row = costs.add(
                session,
                form.name.data,
                form.service.data,
                money.read(form.amount.data, form.currency.data),
                begins_at=_start(form.first_month.data),
                ends_at=add_months(_start(form.last_month.data), 1) if form.last_month.data else None,
                billed_by=form.billed_by.data,
                nonce=form.nonce.data or None,
                actor=site.actor(),
                now=clock.now(),
            )
    except Refusal as refusal:
        site.refuse(form, refusal)
        form.nonce.data = None  # the same may be sent as something new
        return _page(form), 422
    flash(f"Added: {row.name}, {money.Money(row.amount, row.currency).exact} a month.", "good")
    return redirect(url_for("costs.index"), 303)


@room.get("/<cost_id>")
@guards.operator
def show(cost_id: str) -> str:
    return _cost(cost_id)


@room.post("/<cost_id>/amount")
@guards.operator
def change(cost_id: str) -> ResponseReturnValue:
    """Another amount from a month on: the months before keep theirs."""
    form, session = AmountForm(), site.session()
    row = _found(cost_id)
    if not form.validate_on_submit():
        return _cost(cost_id, amount=form), 422
    try:
        with unit(session):
            amount = money.read(form.amount.data, row.currency)
            begins_at = _start(form.first_month.data)
            costs.change(session, cost_id, amount, begins_at=begins_at, actor=site.actor(), now=clock.now())
    except Refusal as refusal:
        site.refuse(form, refusal)
        return _cost(cost_id, amount=form), 422
    flash(f"{row.name} costs {amount.exact} a month from {begins_at:%B %Y} on.", "good")
    return redirect(url_for("costs.index"), 303)


@room.post("/<cost_id>/end")
@guards.operator
def end(cost_id: str) -> ResponseReturnValue:
    form, session = EndForm(), site.session()
    row = _found(cost_id)
    if not form.validate_on_submit():
        return _cost(cost_id, end=form), 422
    try:
        with unit(session):
            last_month = _start(form.last_month.data)
            costs.end(session, cost_id, last_month=last_month, actor=site.actor(), now=clock.now())
    except Refusal as refusal:
        site.refuse(form, refusal)
        return _cost(cost_id, end=form), 422
    flash(f"{row.name} ends with {last_month:%B %Y}.", "good")
    return redirect(url_for("costs.index"), 303)


def _page(form: AddForm) -> str:
    session, now, code = site.session(), clock.now(), currency()
    form.nonce.data = form.nonce.data or ids.new("non")
    first = add_months(calendar_month(now)[0], 1 - MONTHS)
    months, typed = costs.months(session, first, MONTHS), costs.typed(session)
    expected = costs.outlook(session, code, now=now)
    return render_template(
        "costs/index.html",
        form=form,
        currency=code,
        month=months[-1],
        months=months,
        expected=expected,
        chart=[(f"{one.at:%b %Y}", one.total(code).whole) for one in months],
        typed=typed,
        current={row.id for row in typed if _state(row) in ("running", "coming")},
        services=sorted({row.service for row in typed}),
        bands=costs.BANDS,
        band=costs.band(expected.likely if code == "usd" else months[-1].total("usd")),
        state_of=_state_of,
        spikes=costs.spikes(session, code, now=now),
        levels=costs.levels(session, code),
        imports=costs.imports(session, size=1),
        asking=costs.asking(session, now=now),
        providers=costs.providers(session) or ["AWS"],
        **_billed(now, code),
        **bills.upload(),
    )


def _billed(now: datetime, code: str) -> dict[str, Any]:
    """What the bills of this month say by day, and by the tag that was asked for."""
    session, (starts_at, ends_at) = site.session(), calendar_month(now)
    days, tags = costs.days(session, now, code), costs.tags(session, now, code)[:TAGS]
    asked = request.args.get("tag", "")
    tag = asked if asked in tags else next(iter(tags), None)
    until = max(days, default=starts_at)
    span = [starts_at + timedelta(days=number) for number in range((until - starts_at).days + 1)]
    return {
        "days": [(f"{day.day} {day:%b}", days.get(day, money.Money(0, code)).amount) for day in span]
        if days
        else [],
        "days_in_month": (ends_at - starts_at).days,
        "tags": tags,
        "tag": tag,
        "tagged": costs.by_tag(session, now, code, tag) if tag else [],
    }


def _cost(cost_id: str, *, amount: AmountForm | None = None, end: EndForm | None = None) -> str:
    row, now = _found(cost_id), clock.now()
    this_month = now.date()
    return render_template(
        "costs/show.html",
        cost=row,
        state=_state_of(row),
        amount=amount or AmountForm(formdata=None, first_month=this_month),
        end=end or EndForm(formdata=None, last_month=this_month),
    )


def _found(cost_id: str) -> costs.TypedCost:
    row = next((row for row in costs.typed(site.session()) if row.id == cost_id), None)
    if row is None:
        raise Missing("There is no such cost.")
    return row


def _state_of(row: costs.TypedCost) -> tuple[str, str]:
    return STATES[_state(row)]


def _state(row: costs.TypedCost) -> str:
    return costs.state_of(row.begins_at, row.ends_at, clock.now())


def _start(month: date | Any) -> datetime:
    """The first moment of a month that a form names by a day of it."""
    if not MINYEAR < month.year < MAXYEAR:  # the month beside it must be one too
        raise Invalid("Give a month within 20 years of now.")
    return datetime(month.year, month.month, 1, tzinfo=clock.now().tzinfo)
