"""Signing up, as pages: the form, the letter to wait for, and the link in it."""

from flask import Blueprint, flash, g, redirect, render_template, request
from flask import session as cookie_session
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Invalid
from portal.web import site, visitor
from portal.web.guards import public, signed_in

room = Blueprint("signup", __name__)
SIGN_UPS = "30 per hour; 100 per day"
LINKS = "60 per hour"


class SignUpForm(FlaskForm):  # type: ignore[misc]
    """Who signs up. The terms are asked for where the platform has some."""

    name = StringField("Your name", [InputRequired("Give your name."), Length(max=accounts.NAME_LENGTH)])
    email = EmailField("E-mail address", [InputRequired("Enter your e-mail address.")])
    password = PasswordField("Password", [InputRequired("Choose a password.")])
    organisation = StringField("Organisation", [Length(max=accounts.NAME_LENGTH)])
    terms = BooleanField("I accept the terms")


class AccountForm(FlaskForm):  # type: ignore[misc]
    """What a further account is called."""

    organisation = StringField(
        "Organisation", [InputRequired("Give it a name."), Length(max=accounts.NAME_LENGTH)]
    )


@room.get("/signup")
@public
def show() -> ResponseReturnValue:
    return render_template("signup/new.html", form=SignUpForm())


@room.post("/signup")
@site.limiter.limit(SIGN_UPS)
@public
def create() -> ResponseReturnValue:
    form, session = SignUpForm(), site.session()
    if form.validate_on_submit() and accept_terms(form):
        try:
            with unit(session):
                secret = accounts.sign_up(
                    session,
                    name=form.name.data,
                    email=form.email.data,
                    password=form.password.data,
                    organisation=form.organisation.data or "",
                    terms_version=site.settings().brand.terms_url,
                    address=site.client_address(),
                    now=clock.now(),
                )
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            cookie_session["signed_up"] = accounts.normal_email(form.email.data)
            cookie_session["signed_up_with"] = secret
            return redirect("/signup/sent", 303)
    return render_template("signup/new.html", form=form), 422


@room.get("/signup/sent")
@public
def sent() -> str:
    return render_template("signup/sent.html", email=cookie_session.get("signed_up"))


@room.get("/verify/<token>")
@site.limiter.limit(LINKS)
@public
def verify(token: str) -> ResponseReturnValue:
    """Only a button: programs that look through letters open links, but press nothing."""
    person_id = accounts.look(site.session(), "verify", token, now=clock.now()).person_id
    if not _signed_up_here(person_id) and (elsewhere := visitor.not_theirs(person_id)) is not None:
        return elsewhere
    return render_template("signup/verify.html", token=token)


@room.post("/verify/<token>")
@site.limiter.limit(LINKS)
@public
def verified(token: str) -> ResponseReturnValue:
    """Prove the address, as whoever signed up in this very browser, who is signed in as well, or signed in.

    Nobody else: the password of this sign-up may be a stranger's, who used somebody's address.
    """
    session, now = site.session(), clock.now()
    person_id = accounts.look(session, "verify", token, now=now).person_id
    newcomer = _signed_up_here(person_id)
    if not newcomer and (elsewhere := visitor.not_theirs(person_id)) is not None:
        return elsewhere
    with unit(session):
        person = accounts.verify(session, token, address=site.client_address(), now=now)
        if newcomer:
            visitor.enter(person, now=now)
    flash("Your e-mail address is confirmed.", "good")
    return redirect(visitor.home(person), 303)


@room.post("/verification")
@site.limiter.limit(SIGN_UPS)
@signed_in
def resend() -> ResponseReturnValue:
    """Send the letter again, to somebody who is signed in."""
    session = site.session()
    with unit(session):
        sent = accounts.send_verification(session, g.person, now=clock.now())
    if sent:
        flash(f"A letter is on its way to {g.person.email}.", "good")
    elif g.person.verified_at is None:
        flash(f"Several letters went to {g.person.email} just now. Look for them, or wait an hour.", "due")
    return redirect(visitor.own_path(request.form.get("next"), "/settings"), 303)


@room.get("/accounts/new")
@signed_in
def new_account() -> str:
    return render_template("signup/account.html", form=AccountForm())


@room.post("/accounts")
@site.limiter.limit(SIGN_UPS)
@signed_in
def open_account() -> ResponseReturnValue:
    """Open a further account, whose owner the visitor is."""
    form, session, now = AccountForm(), site.session(), clock.now()
    if form.validate_on_submit():
        try:
            with unit(session):
                account = accounts.open_account(session, form.organisation.data, g.person, now=now)
                accounts.switch(session, visitor.sign_in_id(), g.person.id, account.id)
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            return redirect("/dashboard", 303)
    return render_template("signup/account.html", form=form), 422


@room.post("/account/switch")
@signed_in
def switch() -> ResponseReturnValue:
    """Look at another account from now on."""
    session = site.session()
    with unit(session):
        accounts.switch(session, visitor.sign_in_id(), g.person.id, request.form.get("to", ""))
    return redirect("/dashboard", 303)


def _signed_up_here(person_id: str | None) -> bool:
    """Whether nobody is signed in on this browser, and it is the one that this person signed up with."""
    secret = cookie_session.get("signed_up_with")
    if g.person is not None or not isinstance(secret, str):
        return False
    return accounts.signed_up_with(site.session(), secret, now=clock.now()) == person_id is not None


def accept_terms(form: FlaskForm) -> bool:
    """Whether the terms are accepted, where there are any; says so at the box otherwise."""
    if site.settings().brand.terms_url is None or form.terms.data:
        return True
    site.refuse(form, Invalid("Accept the terms to sign up.", field="terms"))
    return False
