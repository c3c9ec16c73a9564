"""What proves a person, as pages: their password, their address, and that it is still them."""

from flask import Blueprint, flash, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Exhausted, Invalid
from portal.web import site, visitor
from portal.web.guards import public, signed_in

room = Blueprint("credentials", __name__)
FAILURES = "40 per hour"
CHANGES = "30 per hour"


class EmailForm(FlaskForm):  # type: ignore[misc]
    """Where letters should go."""

    email = EmailField("New e-mail address", [InputRequired("Enter the new address.")])


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """A new password."""

    password = PasswordField("New password", [InputRequired("Choose a password.")])


class ProofForm(FlaskForm):  # type: ignore[misc]
    """Whether it is still them."""

    password = PasswordField("Your password", [InputRequired("Enter your password.")])


@room.get("/settings/proof")
@signed_in
def ask_proof() -> str:
    return render_template("settings/proof.html", form=ProofForm(), onward=_onward())


@room.post("/settings/proof")
@site.limiter.limit(FAILURES)
@signed_in
def prove() -> ResponseReturnValue:
    """Type the password again, and go on to what it was asked for."""
    form, session, now = ProofForm(), site.session(), clock.now()
    if form.validate_on_submit():
        try:
            with unit(session):
                proven = accounts.prove(
                    session, visitor.sign_in_id(), form.password.data, visitor.browser(), now=now
                )
        except Exhausted as refusal:
            site.refuse(form, refusal)
            return render_template("settings/proof.html", form=form, onward=_onward()), 429
        if proven:
            return redirect(_onward(), 303)
        form.password.errors = ["That is not your password."]
    return render_template("settings/proof.html", form=form, onward=_onward()), 422


@room.get("/settings/password")
@signed_in
def password() -> ResponseReturnValue:
    return visitor.unproven() or render_template("settings/password.html", form=PasswordForm())


@room.post("/settings/password")
@signed_in
def change_password() -> ResponseReturnValue:
    if (elsewhere := visitor.unproven()) is not None:
        return elsewhere
    form, session = PasswordForm(), site.session()
    if form.validate_on_submit():
        try:
            with unit(session):
                token = accounts.change_password(
                    session,
                    g.person.id,
                    form.password.data,
                    sign_in_id=visitor.sign_in_id(),
                    address=site.client_address(),
                    now=clock.now(),
                )
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            visitor.keep(token)
            flash("Your password is changed, and your other browsers are signed out.", "good")
            return redirect("/settings", 303)
    return render_template("settings/password.html", form=form), 422


@room.get("/settings/email")
@signed_in
def email() -> ResponseReturnValue:
    return visitor.unproven() or render_template("settings/email.html", form=EmailForm())


@room.post("/settings/email")
@site.limiter.limit(CHANGES)
@signed_in
def ask_address_change() -> ResponseReturnValue:
    if (elsewhere := visitor.unproven()) is not None:
        return elsewhere
    form, session = EmailForm(), site.session()
    if form.validate_on_submit():
        try:
            with unit(session):
                accounts.ask_address_change(
                    session, g.person.id, form.email.data, address=site.client_address(), now=clock.now()
                )
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            flash(f"A letter is on its way to {form.email.data}. The link in it makes the change.", "good")
            return redirect("/settings", 303)
    return render_template("settings/email.html", form=form), 422


@room.get("/settings/address/<token>")
@site.limiter.limit(CHANGES)
@public
def confirm_address(token: str) -> ResponseReturnValue:
    found = accounts.look(site.session(), "address", token, now=clock.now())
    if (elsewhere := visitor.not_theirs(found.person_id)) is not None:
        return elsewhere
    return render_template("settings/address.html", token=token, email=found.subject)


@room.post("/settings/address/<token>")
@site.limiter.limit(CHANGES)
@public
def change_address(token: str) -> ResponseReturnValue:
    """Use the new address, as whoever asked for it: a stranger's click must not give theirs away."""
    session, now = site.session(), clock.now()
    found = accounts.look(session, "address", token, now=now)
    if (elsewhere := visitor.not_theirs(found.person_id)) is not None:
        return elsewhere
    with unit(session):
        person = accounts.change_address(session, token, address=site.client_address(), now=now)
        visitor.keep(accounts.renew(session, visitor.sign_in_id(), now=now))
    flash(f"Your e-mail address is now {person.email}.", "good")
    return redirect("/settings", 303)


def _onward() -> str:
    return visitor.own_path(request.values.get("next"), "/settings")
