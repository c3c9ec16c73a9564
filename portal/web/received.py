"""Letters that came in, as pages: what became of each answer by mail, and reading one again."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from portal import accounts
from portal.kit import clock, received
from portal.kit.db import unit
from portal.web import guards, site

room = Blueprint("received", __name__, url_prefix="/operator/letters/received")

STATES = {
    "waiting": ("Waiting", "quiet"),
    "taken": ("In its ticket", "good"),
    "left": ("Left", "due"),
}
SHOWN = 20_000


class FilterForm(FlaskForm):  # type: ignore[misc]
    """Which letters to list."""

    class Meta:
        csrf = False

    q = StringField("From or about")
    state = SelectField(
        "State",
        choices=[SelectChoice("", "All"), *(SelectChoice(key, words) for key, (words, _) in STATES.items())],
    )


@room.get("")
@guards.operator
def index() -> str:
    form = FilterForm(request.args)
    state = form.state.data if form.state.data in STATES else ""
    words = (form.q.data or "").strip()[:254]
    session = site.session()
    found = received.search(
        session, state=state or None, words=words, page=request.args.get("page", 1, type=int)
    )
    chosen = {"state": state, "q": words}
    return render_template("received/index.html", form=form, found=found, chosen=chosen, states=STATES)


@room.get("/<letter_id>")
@guards.operator
def show(letter_id: str) -> str:
    session = site.session()
    with unit(session):
        letter = received.get(session, letter_id)
        accounts.record(
            session,
            site.actor(),
            "letter.looked_at",
            account_id=letter.account_id,
            subject=letter.id,
            now=clock.now(),
        )
        beginning = letter.raw[:SHOWN].decode("utf-8", "replace").replace("\r\n", "\n")
    ticket = letter.about if letter.about else None
    return render_template(
        "received/show.html",
        letter=letter,
        beginning=beginning,
        shortened=letter.size > SHOWN,
        states=STATES,
        ticket=ticket,
    )


@room.post("/<letter_id>/reading")
@guards.operator
def read_again(letter_id: str) -> ResponseReturnValue:
    session, now = site.session(), clock.now()
    with unit(session):
        letter = received.read_again(session, letter_id, now=now)
        accounts.record(
            session,
            site.actor(),
            "letter.read_again",
            account_id=letter.account_id,
            subject=letter.id,
            now=now,
        )
    flash("The letter is read again in a moment.", "good")
    return redirect(url_for("received.show", letter_id=letter_id), 303)
