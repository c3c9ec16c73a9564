"""Keys, as pages."""

import shlex
from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import DateField, Field, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from portal import keys, plans
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Conflict, Exhausted, Forbidden, Invalid
from portal.web import guards, site

room = Blueprint("keys", __name__)

ENVIRONMENTS = [
    SelectChoice("live", "Live: counts against your plan"),
    SelectChoice("test", "Test: has an allowance of its own and is never billed"),
]
OVERLAPS = [
    SelectChoice("now", "Stop it now"),
    SelectChoice("1h", "Let it work for 1 more hour"),
    SelectChoice("24h", "Let it work for 24 more hours"),
    SelectChoice("7d", "Let it work for 7 more days"),
]
Page = str | Response | tuple[str, int]


class Described(FlaskForm):  # type: ignore[misc]
    """What a key is called and what it may do."""

    name = StringField("Name")
    scopes = StringField("Scopes")
    allowed_cidrs = TextAreaField("Allowed addresses")


class NewKey(Described):
    """A key to be made."""

    environment = RadioField("Environment", choices=ENVIRONMENTS, default="live", validate_choice=False)
    expires_at = DateField("Expires on", [Optional()])

    def ends_at(self) -> datetime | None:
        """The end of the chosen day, in UTC."""
        if self.expires_at.data in (None, date.max):  # the calendar ends there, and so has no next day
            return None
        return datetime.combine(self.expires_at.data + timedelta(days=1), time(), UTC)


class Rotation(FlaskForm):  # type: ignore[misc]
    """How long the old key works on."""

    overlap = RadioField("What happens to the old key?", choices=OVERLAPS, default="24h")


@room.get("/keys")
@guards.member("see")
def index() -> Page:
    return _index(NewKey(formdata=None))


@room.post("/keys")
@guards.member("make_keys")
def create() -> Page:
    form = NewKey()
    if form.validate_on_submit():
        try:
            with unit(site.session(), g.account.id) as session:
                minted = keys.mint(
                    session,
                    g.account.id,
                    form.name.data or "",
                    scopes=_words(form.scopes),
                    allowed_cidrs=_words(form.allowed_cidrs),
                    environment=form.environment.data or "",
                    expires_at=form.ends_at(),
                    stamp=_stamp(),
                    actor=site.actor(),
                    now=clock.now(),
                )
        except (Invalid, Exhausted, Forbidden) as refusal:
            site.refuse(form, refusal)
        else:
            return _shown(minted)
    return _index(form), 422


@room.get("/keys/<key_id>")
@guards.member("see")
def show(key_id: str) -> Page:
    key = keys.get(site.session(), g.account.id, key_id)
    form = Described(formdata=None, name=key.name, scopes=" ".join(key.scopes))
    form.allowed_cidrs.data = "\n".join(key.allowed_cidrs)
    return _show(key, form)


@room.post("/keys/<key_id>")
@guards.member("make_keys")
def amend(key_id: str) -> Page:
    key = keys.get(site.session(), g.account.id, key_id)
    form = Described()
    if form.validate_on_submit():
        try:
            with unit(site.session(), g.account.id) as session:
                keys.amend(
                    session,
                    g.account.id,
                    key_id,
                    name=form.name.data or "",
                    scopes=_words(form.scopes),
                    allowed_cidrs=_words(form.allowed_cidrs),
                    actor=site.actor(),
                    now=clock.now(),
                )
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            site.push(g.account.tag)
            flash(f"Saved. {key.name} works with these settings from now on.", "good")
            return redirect(url_for("keys.show", key_id=key_id), 303)
    return _show(key, form), 422


@room.get("/keys/<key_id>/rotation")
@guards.member("make_keys")
def ask_rotation(key_id: str) -> Page:
    return _rotation(keys.get(site.session(), g.account.id, key_id), Rotation(formdata=None))


@room.post("/keys/<key_id>/rotation")
@guards.member("make_keys")
def rotate(key_id: str) -> Page:
    key = keys.get(site.session(), g.account.id, key_id)
    form = Rotation()
    if form.validate_on_submit():
        try:
            with unit(site.session(), g.account.id) as session:
                minted = keys.rotate(
                    session,
                    g.account.id,
                    key_id,
                    keys.OVERLAPS[form.overlap.data],
                    stamp=_stamp(),
                    actor=site.actor(),
                    now=clock.now(),
                )
        except Conflict as refusal:
            site.refuse(form, refusal)
            return _rotation(key, form), 409
        return _shown(minted, key)
    return _rotation(key, form), 422


@room.get("/keys/<key_id>/revocation")
@guards.member("make_keys")
def ask_revocation(key_id: str) -> Page:
    key = keys.get(site.session(), g.account.id, key_id)
    return render_template("keys/revocation.html", key=key, state=keys.state_of(key, clock.now()))


@room.post("/keys/<key_id>/revocation")
@guards.member("make_keys")
def revoke(key_id: str) -> Page:
    with unit(site.session(), g.account.id) as session:
        keys.revoke(session, g.account.id, key_id, actor=site.actor(), now=clock.now())
        name = keys.get(session, g.account.id, key_id).name
    site.push(g.account.tag)
    flash(f"Revoked {name}. Calls with it are refused from now on.", "good")
    return redirect(url_for("keys.index"), 303)


def _index(form: NewKey) -> str:
    session, now = site.session(), clock.now()
    page = request.args.get("page", 1, int)
    working = keys.working(session, g.account.id, now=now, page=page)
    return render_template(
        "keys/index.html",
        form=form,
        held=plans.current(session, g.account.id, now=now),
        used=keys.count_live(session, g.account.id, now=now),
        working=working,
        ended=keys.ended(session, g.account.id, now=now),
        now=now,
        state_of=keys.state_of,
        today=now.date(),
    )


def _show(key: keys.Key, form: Described) -> str:
    now = clock.now()
    return render_template("keys/show.html", key=key, form=form, state=keys.state_of(key, now))


def _rotation(key: keys.Key, form: Rotation) -> str:
    return render_template("keys/rotation.html", key=key, form=form, state=keys.state_of(key, clock.now()))


def _shown(minted: keys.Minted, old: keys.Key | None = None) -> str:
    """The one answer that carries the token; it is not to be kept by anyone on the way."""
    site.push(g.account.tag)
    curl = _curl(minted.token)
    return render_template("keys/minted.html", minted=minted, old=old, curl=curl, now=clock.now())


def _curl(token: str) -> str:
    """A line for the terminal: it calls the platform's API, or asks Upkeep as that API does."""
    settings = site.settings()
    bearer = f'-H "Authorization: Bearer {token}"'
    if settings.brand.api_url:
        return f"curl {shlex.quote(settings.brand.api_url)} {bearer}"
    if settings.is_loopback:  # here the gate answers without a service key
        return f"curl -i {settings.public_url}/v1/authorize {bearer}"
    return (
        f'curl {settings.public_url}/v1/keys/verify -H "Authorization: Bearer $SERVICE_KEY" '
        f'-H "Content-Type: application/json" -d \'{{"key": "{token}"}}\''
    )


def _words(field: Field) -> list[str]:
    """What stands in a field, parted by spaces, commas or lines."""
    return (field.data or "").replace(",", " ").split()


def _stamp() -> keys.Stamp:
    settings = site.settings()
    return keys.Stamp(settings.key_prefix, settings.key_peppers[0])
