"""Codes, as pages: setting up an authenticator, and recovery codes."""

import io
from datetime import datetime

import pyotp
import segno
from flask import Blueprint, flash, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import StringField
from wtforms.validators import InputRequired

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Invalid
from portal.web import site, visitor
from portal.web.guards import signed_in

PAGE = "/settings/codes"
room = Blueprint("codes", __name__, url_prefix=PAGE)


class CodeForm(FlaskForm):  # type: ignore[misc]
    """A code of the authenticator."""

    code = StringField("Code from your authenticator", [InputRequired("Enter the code.")])


@room.get("")
@signed_in
def show() -> ResponseReturnValue:
    return visitor.unproven(PAGE) or _page(CodeForm())


@room.post("")
@signed_in
def start() -> ResponseReturnValue:
    """Make a secret, which the page then shows."""
    if (elsewhere := visitor.unproven(PAGE)) is not None:
        return elsewhere
    session = site.session()
    with unit(session):
        accounts.start_codes(session, g.person.id, visitor.vault())
    return redirect(PAGE, 303)


@room.post("/confirm")
@signed_in
def confirm() -> ResponseReturnValue:
    """Turn codes on with the first one, and show the recovery codes, this once."""
    if (elsewhere := visitor.unproven(PAGE)) is not None:
        return elsewhere
    form, session, now = CodeForm(), site.session(), clock.now()
    if form.validate_on_submit():
        try:
            with unit(session):
                codes = accounts.confirm_codes(
                    session,
                    g.person.id,
                    form.code.data,
                    visitor.vault(),
                    address=site.client_address(),
                    now=now,
                )
                _renew(now)
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            return render_template("settings/recovery.html", codes=codes)
    return _page(form), 422


@room.post("/recovery")
@signed_in
def renew_recovery() -> ResponseReturnValue:
    """Replace the recovery codes, and show the new ones, this once."""
    if (elsewhere := visitor.unproven(PAGE)) is not None:
        return elsewhere
    session, now = site.session(), clock.now()
    with unit(session):
        codes = accounts.renew_recovery_codes(session, g.person.id, address=site.client_address(), now=now)
    return render_template("settings/recovery.html", codes=codes)


@room.post("/off")
@signed_in
def turn_off() -> ResponseReturnValue:
    if (elsewhere := visitor.unproven(PAGE)) is not None:
        return elsewhere
    session, now = site.session(), clock.now()
    with unit(session):
        accounts.turn_off_codes(session, g.person.id, address=site.client_address(), now=now)
        _renew(now)
    flash("Codes are off. Your password alone opens your account now.", "good")
    return redirect("/settings", 303)


def _renew(now: datetime) -> None:
    visitor.keep(accounts.renew(site.session(), visitor.sign_in_id(), now=now))


def _page(form: CodeForm) -> str:
    secret = accounts.pending_secret(g.person, visitor.vault())
    return render_template(
        "settings/codes.html",
        form=form,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)) if secret else None,
        picture=_picture(secret) if secret else None,
        compulsory=bool(request.args.get("compulsory")) and g.person.totp_enabled_at is None,
        recovery_codes=accounts.recovery_codes_left(site.session(), g.person.id),
    )


def _picture(secret: str) -> Markup:
    """The QR code of a secret as SVG, black on white in either theme, because scanners want it so."""
    address = pyotp.TOTP(secret).provisioning_uri(name=g.person.email, issuer_name=site.settings().brand.name)
    written = io.BytesIO()
    segno.make(address, error="m").save(
        written, kind="svg", scale=5, border=4, light="#fff", xmldecl=False, svgns=False, title="QR code"
    )
    return Markup(written.getvalue().decode())  # noqa: S704
