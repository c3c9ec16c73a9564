"""Requests, as pages: plans that staff set up before they are paid for."""

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from portal import accounts, billing, plans
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Missing
from portal.web import guards, site

room = Blueprint("requests", __name__, url_prefix="/staff/requests")


class RefusalForm(FlaskForm):  # type: ignore[misc]
    """Why a request is not carried out."""

    reason = TextAreaField(
        "Reason",
        validators=[
            DataRequired("Say why, in a sentence that the customer may read."),
            Length(max=300, message="Keep it to 300 characters."),
        ],
    )


@dataclass(frozen=True)
class Row:
    """What was asked for, by whom."""

    asked: billing.Purchase
    account: accounts.Account
    plan: plans.Plan


@room.get("")
@guards.staff
def index() -> str:
    session = site.session()
    asked = billing.requests(session)
    rows = [
        Row(one, accounts.get(session, one.account_id), plans.version(session, one.plan, one.version))
        for one in asked
    ]
    return render_template(
        "requests/index.html",
        waiting=[row for row in rows if row.asked.ready_at is None],
        ready=[row for row in rows if row.asked.ready_at is not None],
    )


@room.get("/<purchase_id>/refusal")
@guards.staff
def ask_to_decline(purchase_id: str) -> str:
    return _refusal(purchase_id, RefusalForm(formdata=None))


@room.post("/<purchase_id>/fulfilment")
@guards.staff
def fulfil(purchase_id: str) -> ResponseReturnValue:
    """Carried out: the customer is sent the link to pay, and billing begins with the payment."""
    session = site.session()
    with unit(session):
        asked = billing.fulfil(session, purchase_id, actor=site.actor(), now=clock.now())
        name = accounts.get(session, asked.account_id).name
    flash(f"Carried out. {name} is sent the link to pay.", "good")
    return redirect(url_for("requests.index"), 303)


@room.post("/<purchase_id>/refusal")
@guards.staff
def decline(purchase_id: str) -> ResponseReturnValue:
    form, session = RefusalForm(), site.session()
    if not form.validate_on_submit():
        return _refusal(purchase_id, form), 422
    with unit(session):
        asked = billing.decline(session, purchase_id, form.reason.data, actor=site.actor(), now=clock.now())
        name = accounts.get(session, asked.account_id).name
    flash(f"Declined. {name} is sent the reason.", "good")
    return redirect(url_for("requests.index"), 303)


def _refusal(purchase_id: str, form: RefusalForm) -> str:
    session = site.session()
    asked = next((one for one in billing.requests(session) if one.id == purchase_id), None)
    if asked is None:
        raise Missing("There is no such request, or it is done with.")
    return render_template(
        "requests/refusal.html",
        form=form,
        asked=asked,
        asker=accounts.get(session, asked.account_id),
        plan=plans.version(session, asked.plan, asked.version),
    )
