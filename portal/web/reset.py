"""A forgotten password, as pages."""

from flask import Blueprint, flash, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Invalid
from portal.web import site, visitor
from portal.web.guards import public

room = Blueprint("reset", __name__)
ASKED = "20 per hour"
LINKS = "60 per hour"


class ForgotForm(FlaskForm):  # type: ignore[misc]
    """Whose password is forgotten."""

    email = EmailField("E-mail address", [InputRequired("Enter your e-mail address.")])


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """A new password."""

    password = PasswordField("New password", [InputRequired("Choose a password.")])


@room.get("/forgot")
@public
def show() -> str:
    return render_template("reset/forgot.html", form=ForgotForm())


@room.post("/forgot")
@site.limiter.limit(ASKED)
@public
def ask() -> ResponseReturnValue:
    form, session = ForgotForm(), site.session()
    if not form.validate_on_submit():
        return render_template("reset/forgot.html", form=form), 422
    with unit(session):
        accounts.ask_reset(session, form.email.data, now=clock.now())
    return redirect("/forgot/sent", 303)


@room.get("/forgot/sent")
@public
def sent() -> str:
    return render_template("reset/sent.html")


@room.get("/reset/<token>")
@site.limiter.limit(LINKS)
@public
def choose(token: str) -> str:
    accounts.look(site.session(), "reset", token, now=clock.now())
    return render_template("reset/new.html", form=PasswordForm(), token=token)


@room.post("/reset/<token>")
@site.limiter.limit(LINKS)
@public
def create(token: str) -> ResponseReturnValue:
    """Set the password; signing in with it, and with a code where there is one, comes after."""
    form, session, now = PasswordForm(), site.session(), clock.now()
    accounts.look(session, "reset", token, now=now)
    if form.validate_on_submit():
        try:
            with unit(session):
                accounts.reset(session, token, form.password.data, address=site.client_address(), now=now)
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            visitor.leave()
            flash("Your password is changed, and other browsers are signed out. Sign in with it.", "good")
            return redirect("/login", 303)
    return render_template("reset/new.html", form=form, token=token), 422
