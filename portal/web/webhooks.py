"""Webhooks, as pages: the inbox of what Stripe told, and where our books and Stripe's differed."""

import json

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from portal import accounts, billing
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Conflict
from portal.web import guards, site

room = Blueprint("webhooks", __name__)

STATES = {
    "waiting": ("Waiting", "info"),
    "failing": ("Failing", "danger"),
    "done": ("Done", "good"),
    "ignored": ("Not for us", "quiet"),
}
CHOICES = [SelectChoice("", "All"), *(SelectChoice(key, words) for key, (words, _) in STATES.items())]


class FilterForm(FlaskForm):  # type: ignore[misc]
    """Which webhooks to list."""

    class Meta:
        csrf = False

    q = StringField("Type or id")
    state = SelectField("State", choices=CHOICES)


@room.get("/operator/webhooks")
@guards.operator
def index() -> str:
    session, form = site.session(), FilterForm(request.args)
    state = form.state.data if form.state.data in STATES else ""
    words = (form.q.data or "").strip()[:254]
    told = billing.events(
        session, state=state or None, words=words, page=request.args.get("page", 1, type=int)
    )
    return render_template(
        "webhooks/index.html",
        form=form,
        told=told,
        chosen={"state": state, "q": words},
        states=STATES,
        state_of=state_of,
        failing=billing.events_failing(session),
    )


@room.get("/operator/webhooks/<event_id>")
@guards.operator
def show(event_id: str) -> str:
    """One webhook as it came. It may speak of a customer, so that it was looked at is noted."""
    session = site.session()
    with unit(session):
        event = billing.event(session, event_id)
        accounts.record(session, site.actor(), "webhook.looked_at", subject=event.id, now=clock.now())
    return render_template(
        "webhooks/show.html", event=event, raw=_readable(event.raw), states=STATES, state=state_of(event)
    )


@room.post("/operator/webhooks/<event_id>/thinking")
@guards.operator
def think(event_id: str) -> ResponseReturnValue:
    """Try again at once what failed."""
    session, now = site.session(), clock.now()
    event = billing.event(session, event_id)
    if state_of(event) not in ("waiting", "failing"):
        raise Conflict("This webhook is done with: there is nothing to try again.")
    with unit(session):
        accounts.record(session, site.actor(), "webhook.tried_again", subject=event_id, now=now)
    account_id = billing.think(site.sessions(), site.stripe(), event_id, now=now)
    if account_id is not None:
        site.push(accounts.tag(session, account_id))
    session.expire_all()
    if state_of(billing.event(session, event_id)) == "failing":
        flash("It failed again. What went wrong is shown below.", "danger")
    else:
        flash("Done. The account it is about is up to date.", "good")
    return redirect(url_for("webhooks.show", event_id=event_id), 303)


@room.get("/operator/drift")
@guards.operator
def drift() -> str:
    session = site.session()
    told = billing.drifts(session, page=request.args.get("page", 1, type=int))
    known = {row.account_id for row in told.rows if row.account_id}
    names = {account_id: accounts.get(session, account_id).name for account_id in known}
    return render_template("webhooks/drift.html", told=told, names=names)


def state_of(event: billing.WebhookEvent) -> str:
    """One of `STATES`."""
    if event.ignored is not None:
        return "ignored"
    if event.processed_at is not None:
        return "done"
    return "failing" if event.failure else "waiting"


def _readable(raw: bytes) -> str:
    """What came, indented when it is JSON; the bytes that are stored stay as they are."""
    try:
        return json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except ValueError:
        return raw.decode(errors="replace")
