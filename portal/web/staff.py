"""Staff pages: accounts, as those who help them see them. What staff look at is noted."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional

from portal import accounts, billing, keys, metering, plans
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Refusal
from portal.web import audit, guards, site

room = Blueprint("staff", __name__, url_prefix="/staff/accounts")


class SuspensionForm(FlaskForm):  # type: ignore[misc]
    reason = TextAreaField(
        "Reason",
        validators=[
            DataRequired("Say why, in a sentence that the account's people may read."),
            Length(max=300, message="Keep it to 300 characters."),
        ],
    )


class GraceForm(FlaskForm):  # type: ignore[misc]
    days = IntegerField("Days of grace", validators=[Optional()])


class SearchForm(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf = False

    q = StringField("Name, address of a member, account id or start of a key", validators=[Length(max=254)])


@room.get("")
@guards.staff
def index() -> str:
    session, now = site.session(), clock.now()
    form = SearchForm(request.args)
    words = (form.q.data or "").strip()[:254]
    with unit(session):
        found = accounts.search(session, words, page=request.args.get("page", 1, type=int))
        held = {row.account.id: plans.current(session, row.account.id, now=now) for row in found.rows}
        if words:
            accounts.record(session, site.actor(), "accounts.searched", subject=words, now=now)
    return render_template("staff/accounts.html", form=form, words=words, found=found, held=held)


@room.get("/<account_id>")
@guards.staff
def show(account_id: str) -> str:
    return _page(account_id, SuspensionForm(formdata=None))


@room.post("/<account_id>/suspension")
@guards.staff
def suspend(account_id: str) -> ResponseReturnValue:
    form = SuspensionForm()
    session = site.session()
    if not form.validate_on_submit():
        accounts.get(session, account_id)
        return _page(account_id, form), 422
    try:
        with unit(session):
            account = accounts.suspend(
                session, account_id, form.reason.data, actor=site.actor(), now=clock.now()
            )
    except Refusal as refusal:
        accounts.get(session, account_id)  # a missing account stays missing
        site.refuse(form, refusal)
        return _page(account_id, form), 422
    site.push(account.tag)
    return _back(account_id)


@room.post("/<account_id>/resumption")
@guards.staff
def resume(account_id: str) -> ResponseReturnValue:
    session = site.session()
    with unit(session):
        account = accounts.resume(session, account_id, actor=site.actor(), now=clock.now())
    site.push(account.tag)
    return _back(account_id)


@room.post("/<account_id>/observation")
@guards.operator
def observe(account_id: str) -> ResponseReturnValue:
    """Start or end observing: while it lasts nothing is refused, so it is the operator's alone."""
    session = site.session()
    on = request.form.get("observe") == "on"
    with unit(session):
        account = accounts.observe(session, account_id, on, actor=site.actor(), now=clock.now())
    site.push(account.tag)
    return _back(account_id)


@room.post("/<account_id>/grace")
@guards.staff
def give_grace(account_id: str) -> ResponseReturnValue:
    """How long the account's plans hold while an invoice is unpaid; nothing said: as its plans have it."""
    session, form = site.session(), GraceForm()
    accounts.get(session, account_id)
    if not form.validate_on_submit():
        return _page(account_id, SuspensionForm(formdata=None), form), 422
    try:
        with unit(session):
            billing.set_grace(session, account_id, form.days.data, actor=site.actor(), now=clock.now())
    except Refusal as refusal:
        site.refuse(form, refusal)
        return _page(account_id, SuspensionForm(formdata=None), form), 422
    return _back(account_id)


def _back(account_id: str) -> ResponseReturnValue:
    return redirect(url_for("staff.show", account_id=account_id), 303)


def _page(account_id: str, form: SuspensionForm, grace: GraceForm | None = None) -> str:
    session, now = site.session(), clock.now()
    with unit(session):
        account = accounts.get(session, account_id)
        members = accounts.members(session, account_id)
        shown: dict[str, Any] = {
            "looked_at": account,
            "held": plans.current(session, account_id, now=now),
            "members": members,
            "names": {one.person.id: one.person.email for one in members},
            "keys": keys.of_account(session, account_id, now=now),
            "balances": metering.balances(session, account_id, gate=site.gate(), now=now),
            "money": billing.overview(session, account_id, site.settings().payments, now=now),
            "audit": accounts.audit(session, account_id, page=request.args.get("page", 1, type=int), size=25),
        }
        accounts.record(
            session, site.actor(), "account.looked_at", account_id=account_id, subject=account_id, now=now
        )
    return render_template(
        "staff/account.html",
        form=form,
        grace=grace or GraceForm(formdata=None, days=shown["money"].grace_days),
        state_of=keys.state_of,
        words=audit.words,
        details=audit.details,
        now=now,
        **shown,
    )
