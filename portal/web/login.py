"""Signing in and out, as pages."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Exhausted
from portal.web import site, visitor
from portal.web.guards import public

room = Blueprint("login", __name__)
WRONG = "The address or the password is not right."
WRONG_CODE = "That code is not right, or it was used already. Wait for the next one."
FAILURES = "40 per hour"
LINKS = "60 per hour"


class SignInForm(FlaskForm):  # type: ignore[misc]
    """Who signs in, and whether this browser is theirs alone."""

    email = StringField("E-mail address", [InputRequired("Enter your e-mail address.")])
    password = PasswordField("Password", [InputRequired("Enter your password.")])
    remember = BooleanField("Stay signed in on this browser for 30 days")
    next = HiddenField()


class CodeForm(FlaskForm):  # type: ignore[misc]
    """The second half of a sign-in."""

    code = StringField("Code", [InputRequired("Enter the code.")])
    next = HiddenField()


def _failed(response: object) -> bool:
    return getattr(response, "status_code", 0) in (422, 429)


@room.get("/login")
@public
def show() -> str:
    form = SignInForm()
    form.next.data = visitor.own_path(request.args.get("next"), "")
    return render_template("login/new.html", form=form)


@room.post("/login")
@site.limiter.limit(FAILURES, deduct_when=_failed)
@public
def create() -> ResponseReturnValue:
    form, session, now = SignInForm(), site.session(), clock.now()
    if not form.validate_on_submit():
        return render_template("login/new.html", form=form), 422
    try:
        with unit(session):
            person = accounts.recognise(
                session, form.email.data, form.password.data, visitor.browser(), now=now
            )
            if person is not None:
                return _go_on(person, form.remember.data, form.next.data)
    except Exhausted as refusal:
        site.refuse(form, refusal)
        return render_template("login/new.html", form=form), 429
    form.form_errors.append(WRONG)
    return render_template("login/new.html", form=form), 422


@room.get("/login/code")
@public
def code() -> ResponseReturnValue:
    if visitor.midway(now=clock.now()) is None:
        return _start_again()
    form = CodeForm()
    form.next.data = visitor.own_path(request.args.get("next"), "")
    return render_template("login/code.html", form=form)


@room.post("/login/code")
@site.limiter.limit(FAILURES, deduct_when=_failed)
@public
def check_code() -> ResponseReturnValue:
    form, session, now = CodeForm(), site.session(), clock.now()
    if (waiting := visitor.midway(now=now)) is None:
        return _start_again()
    person, remember = waiting
    if form.validate_on_submit():
        try:
            with unit(session):
                if accounts.check_code(
                    session, person, form.code.data, visitor.vault(), visitor.browser(), now=now
                ):
                    visitor.enter(person, remember=remember, now=now)
                    return redirect(visitor.own_path(form.next.data, visitor.home(person)), 303)
        except Exhausted as refusal:
            site.refuse(form, refusal)
            return render_template("login/code.html", form=form), 429
        form.code.errors = [WRONG_CODE]
    return render_template("login/code.html", form=form), 422


@room.get("/signin/<token>")
@site.limiter.limit(LINKS)
@public
def link(token: str) -> str:
    """Only a button, so that nothing but a person uses the link up."""
    found = accounts.look(site.session(), "sign_in", token, now=clock.now())
    person = accounts.person(site.session(), found.person_id or "")
    return render_template("login/link.html", token=token, email=person.email)


@room.post("/signin/<token>")
@site.limiter.limit(LINKS)
@public
def use_link(token: str) -> ResponseReturnValue:
    session = site.session()
    with unit(session):
        person = accounts.begin_by_link(session, token, now=clock.now())
        return _go_on(person, False, None)


@room.post("/logout")
@public
def leave() -> ResponseReturnValue:
    session = site.session()
    with unit(session):
        visitor.end_this(now=clock.now())
    visitor.leave()
    flash("You are signed out.", "good")
    return redirect("/login", 303)


def _go_on(person: accounts.Person, remember: bool, path: str | None) -> ResponseReturnValue:
    """Sign in, or first ask for the code where the person has an authenticator; stands in a unit."""
    if person.totp_enabled_at is not None:
        visitor.begin_midway(person, remember=remember, now=clock.now())
        return redirect(url_for("login.code", next=visitor.own_path(path, "") or None), 303)
    visitor.enter(person, remember=remember, now=clock.now())
    return redirect(visitor.own_path(path, visitor.home(person)), 303)


def _start_again() -> ResponseReturnValue:
    flash("Signing in took too long. Start again.", "due")
    return redirect("/login", 303)
