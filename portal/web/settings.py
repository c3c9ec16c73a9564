"""Settings, as pages: what people change about themselves, their sign-ins and their account."""

from flask import Blueprint, flash, g, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from portal import accounts, billing
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Conflict, Invalid
from portal.web import site, visitor
from portal.web.guards import member, signed_in

room = Blueprint("settings", __name__)


class NameForm(FlaskForm):  # type: ignore[misc]
    """What a person is called."""

    name = StringField("Your name", [InputRequired("Give your name."), Length(max=accounts.NAME_LENGTH)])


class LettersForm(FlaskForm):  # type: ignore[misc]
    """Which of the optional letters a person wants."""

    kinds = SelectMultipleField(
        "Letters about",
        choices=[SelectChoice(kind, words) for kind, words in accounts.LETTER_KINDS.items()],
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )


class AccountForm(FlaskForm):  # type: ignore[misc]
    """What the account is called."""

    organisation = StringField(
        "Organisation", [InputRequired("Give it a name."), Length(max=accounts.NAME_LENGTH)]
    )


class CloseForm(FlaskForm):  # type: ignore[misc]
    """The account's name, typed by hand."""

    typed = StringField("Name of the account", [InputRequired("Type the name of the account.")])


@room.get("/settings")
@signed_in
def show() -> str:
    return _page()


@room.post("/settings/name")
@signed_in
def rename() -> ResponseReturnValue:
    form, session = NameForm(), site.session()
    if form.validate_on_submit():
        try:
            with unit(session):
                accounts.rename(
                    session, g.person.id, form.name.data, address=site.client_address(), now=clock.now()
                )
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            flash("Your name is changed.", "good")
            return redirect("/settings", 303)
    return _page(name_form=form), 422


@room.post("/settings/letters")
@signed_in
def choose_letters() -> ResponseReturnValue:
    form, session = LettersForm(), site.session()
    if not form.validate_on_submit():
        return _page(letters_form=form), 422
    with unit(session):
        accounts.choose_letters(session, g.person.id, form.kinds.data)
    flash("Your choice of letters is kept.", "good")
    return redirect("/settings", 303)


@room.post("/settings/sign-ins/<sign_in_id>/end")
@signed_in
def end_sign_in(sign_in_id: str) -> ResponseReturnValue:
    session = site.session()
    with unit(session):
        accounts.end(session, g.person.id, sign_in_id, address=site.client_address(), now=clock.now())
    if sign_in_id == visitor.sign_in_id():
        visitor.leave()
        return redirect("/login", 303)
    flash("That browser is signed out.", "good")
    return redirect("/settings", 303)


@room.post("/settings/sign-ins/end-others")
@signed_in
def end_other_sign_ins() -> ResponseReturnValue:
    session, now = site.session(), clock.now()
    with unit(session):
        ended = accounts.end_all(session, g.person.id, but=visitor.sign_in_id(), now=now)
        accounts.record_person(session, g.person, site.client_address(), "sign_in.others_ended", now=now)
    flash(f"Signed out of {ended} other {'browser' if ended == 1 else 'browsers'}.", "good")
    return redirect("/settings", 303)


@room.post("/settings/account")
@member("manage_account")
def rename_account() -> ResponseReturnValue:
    form, session = AccountForm(), site.session()
    if form.validate_on_submit():
        try:
            with unit(session, g.account.id):
                accounts.rename_account(
                    session, g.account.id, form.organisation.data, actor=site.actor(), now=clock.now()
                )
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            flash("The account has its new name.", "good")
            return redirect("/settings", 303)
    return _page(account_form=form), 422


@room.get("/settings/close")
@member("manage_account")
def close() -> ResponseReturnValue:
    return visitor.unproven() or render_template("settings/close.html", form=CloseForm(), bills=_charged())


@room.post("/settings/close")
@member("manage_account")
def close_account() -> ResponseReturnValue:
    if (elsewhere := visitor.unproven()) is not None:
        return elsewhere
    form, session = CloseForm(), site.session()
    if bills := _charged():
        raise Conflict(f"{bills[0].name} would go on being charged. Cancel it first.")
    if form.validate_on_submit():
        try:
            with unit(session, g.account.id):
                accounts.close(session, g.account.id, form.typed.data, actor=site.actor(), now=clock.now())
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            return _closed()
    return render_template("settings/close.html", form=form, bills=[]), 422


def _charged() -> list[billing.Bill]:
    """What would still be charged for when the account is closed."""
    found = billing.bills(site.session(), g.account.id, site.settings().payments)
    return [bill for bill in found.values() if bill.ends_at is None]


def _closed() -> ResponseReturnValue:
    site.push(g.account.tag)
    if g.person.closed_at is None:
        flash(f"{g.account.name} is closed.", "good")
        return redirect(visitor.home(g.person), 303)
    visitor.leave()
    flash(f"{g.account.name} is closed, and you are signed out.", "good")
    return redirect("/login", 303)


def _page(
    name_form: NameForm | None = None,
    letters_form: LettersForm | None = None,
    account_form: AccountForm | None = None,
) -> str:
    session, now = site.session(), clock.now()
    wanted = [kind for kind in accounts.LETTER_KINDS if accounts.wants(g.person, kind)]
    name = g.account.name if g.account else ""
    return render_template(
        "settings/index.html",
        name_form=name_form or NameForm(formdata=None, name=g.person.name),
        letters_form=letters_form or LettersForm(formdata=None, kinds=wanted),
        account_form=account_form or AccountForm(formdata=None, organisation=name),
        sign_ins=accounts.sign_ins(session, g.person.id, now=now),
        this_sign_in=visitor.sign_in_id(),
        browser_of=accounts.browser,
        recovery_codes=accounts.recovery_codes_left(session, g.person.id),
    )
