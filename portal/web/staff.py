"""Staff pages: accounts, as those who help them see them. What staff look at is noted."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from portal import accounts, billing, keys, metering, plans, support
from portal.kit import clock, ids
from portal.kit.db import unit
from portal.kit.errors import Conflict, Invalid, Missing, Refusal
from portal.web import audit, guards, site
from portal.web.tickets import said

room = Blueprint("staff", __name__, url_prefix="/staff/accounts")

FIELDS = {"reason": "why"}  # what the verb calls otherwise than the form, which stands beside another reason


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


class CreditForm(FlaskForm):  # type: ignore[misc]
    """Units on top of the plan; the nonce makes a double click give them once."""

    units = IntegerField("Extra units", validators=[InputRequired("Say how many units, as a whole number.")])
    meter = SelectField("Of what")
    why = StringField("Reason", validators=[DataRequired("Say why: the customer may read it.")])
    nonce = HiddenField(validators=[Length(max=80)])


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


@room.post("/<account_id>/credits")
@guards.staff
def give_credit(account_id: str) -> ResponseReturnValue:
    """Units for the rest of the present billing month, beside what the plan includes."""
    session, form = site.session(), _credit_form(CreditForm())
    account = accounts.get(session, account_id)
    if form.validate_on_submit():
        try:
            with unit(session):
                credit = metering.give_credit(
                    session,
                    account_id,
                    form.meter.data,
                    form.units.data,
                    form.why.data,
                    nonce=form.nonce.data,
                    actor=site.actor(),
                    now=clock.now(),
                )
        except Invalid as refusal:
            site.refuse(form, Invalid(refusal.sentence, field=FIELDS.get(refusal.field or "", refusal.field)))
        except Conflict as refusal:
            site.refuse(form, refusal)
            form.nonce.data = None  # the same may be given as something new
        else:
            site.push(account.tag)
            flash(f"{credit.units:,} units are given for this billing month.", "good")
            return _back(account_id)
    return _page(account_id, SuspensionForm(formdata=None), credit=form), 422


@room.post("/<account_id>/members/<person_id>/verification")
@guards.staff
def resend_verification(account_id: str, person_id: str) -> ResponseReturnValue:
    """Send the letter again that proves a member's address; not more often than they could themselves."""
    session, now = site.session(), clock.now()
    with unit(session):
        if accounts.role(session, account_id, person_id) is None:
            raise Missing("There is no such member.")
        person = accounts.person(session, person_id)
        if person.verified_at is not None:
            raise Conflict("This address is proven already. No letter was sent.")
        accounts.send_verification(session, person, now=now)
        accounts.record(
            session,
            site.actor(),
            "verification.sent_again",
            account_id=account_id,
            subject=person_id,
            now=now,
        )
    flash(f"A letter is on its way to {person.email}, unless one was sent only just now.", "good")
    return _back(account_id)


def _credit_form(form: CreditForm) -> CreditForm:
    meters = plans.catalogue(site.session()).meters
    form.meter.choices = [SelectChoice(meter.slug, meter.name) for meter in meters]
    form.nonce.data = form.nonce.data or ids.new("non")
    return form


def _back(account_id: str) -> ResponseReturnValue:
    return redirect(url_for("staff.show", account_id=account_id), 303)


def _page(
    account_id: str,
    form: SuspensionForm,
    grace: GraceForm | None = None,
    *,
    credit: CreditForm | None = None,
) -> str:
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
            "given": metering.credits_of(
                session, account_id, metering.months(session, account_id, now=now, limit=1)[0].id
            ),
            "asked": support.tickets(session, account_id, state="all", size=10),
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
        credit=_credit_form(credit or CreditForm(formdata=None)),
        said=said(shown["asked"].rows, side="staff"),
        state_of=keys.state_of,
        words=audit.words,
        details=audit.details,
        now=now,
        **shown,
    )
