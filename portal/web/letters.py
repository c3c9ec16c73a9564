"""Letters, as pages: what was written to whom and what became of it, and the link that turns letters off."""

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from portal import accounts
from portal.accounts import Person
from portal.kit import clock, mail
from portal.kit.db import unit
from portal.kit.errors import Missing
from portal.kit.letterhead import Letterhead
from portal.web import guards, site

room = Blueprint("letters", __name__)

STATES = {
    "waiting": ("Waiting", "quiet"),
    "being sent": ("Being sent", "info"),
    "sent": ("Sent", "good"),
    "in doubt": ("In doubt", "due"),
    "failed": ("Refused", "danger"),
    "kept": ("Kept here", "quiet"),
}
BARE = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",  # letters carry their own styles
        "img-src https: data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "sandbox",
    )
)


class FilterForm(FlaskForm):  # type: ignore[misc]
    """Which letters to list."""

    class Meta:
        csrf = False

    q = StringField("To or about")
    state = SelectField(
        "State",
        choices=[SelectChoice("", "All"), *(SelectChoice(key, words) for key, (words, _) in STATES.items())],
    )


@room.get("/operator/letters")
@guards.operator
def index() -> str:
    form = FilterForm(request.args)
    state = form.state.data if form.state.data in STATES else ""
    words = (form.q.data or "").strip()[:254]
    found = mail.search(
        site.session(), state=state or None, words=words, page=request.args.get("page", 1, type=int)
    )
    doubtful = mail.count(site.session(), "in doubt")
    chosen = {"state": state, "q": words}
    return render_template(
        "operator/letters.html", form=form, found=found, chosen=chosen, states=STATES, doubtful=doubtful
    )


@room.get("/operator/letters/<letter_id>")
@guards.operator
def show(letter_id: str) -> str:
    session = site.session()
    with unit(session):
        letter = mail.get(session, letter_id)
        accounts.record(
            session,
            site.actor(),
            "letter.looked_at",
            account_id=letter.account_id,
            subject=letter.id,
            now=clock.now(),
        )
    return render_template("operator/letter.html", letter=letter, states=STATES)


@room.get("/operator/letters/<letter_id>/html")
@guards.operator
def show_html(letter_id: str) -> Response:
    """The letter as its reader sees it, in a page that can do nothing."""
    letter = mail.get(site.session(), letter_id)
    if letter.html is None:
        raise Missing("The words of this letter are not kept.")
    response = make_response(letter.html)
    response.headers["Content-Security-Policy"] = BARE
    return response


@room.post("/operator/letters/<letter_id>/sending")
@guards.operator
def send_again(letter_id: str) -> ResponseReturnValue:
    session, now = site.session(), clock.now()
    with unit(session):
        letter = mail.send_again(session, letter_id, now=now)
        accounts.record(
            session,
            site.actor(),
            "letter.sent_again",
            account_id=letter.account_id,
            subject=letter.id,
            now=now,
        )
    flash("The letter is on its way again.", "good")
    return redirect(url_for("letters.show", letter_id=letter_id), 303)


@room.get("/letters/unsubscribe/<token>")
@guards.public
def unsubscribe(token: str) -> str:
    """Ask first: programs that scan letters follow every link in them."""
    person, kind = _reader(token)
    return _off_page(token, person, kind)


# Mail programs post here by themselves (RFC 8058): the token is the authority.
@site.csrf.exempt  # type: ignore[untyped-decorator]
@room.post("/letters/unsubscribe/<token>")
@guards.public
def turn_off(token: str) -> ResponseReturnValue:
    person, kind = _reader(token)
    session = site.session()
    with unit(session):
        wanted = [other for other in accounts.LETTER_KINDS if accounts.wants(person, other) and other != kind]
        accounts.choose_letters(session, person.id, wanted)
    if request.form.get("List-Unsubscribe") == "One-Click":
        return _off_page(token, person, kind)  # RFC 8058 forbids a redirect
    return redirect(url_for("letters.unsubscribe", token=token), 303)


def _reader(token: str) -> tuple[Person, str]:
    settings = site.settings()
    letterhead = Letterhead(settings.brand, settings.public_url, settings.secret_key)
    if (found := letterhead.read_unsubscribe_token(token)) is None or found[1] not in accounts.LETTER_KINDS:
        raise Missing("This link is not complete. Copy it whole from the letter.")
    return accounts.person(site.session(), found[0]), found[1]


def _off_page(token: str, person: Person, kind: str) -> str:
    return render_template(
        "operator/unsubscribe.html",
        token=token,
        kind=accounts.LETTER_KINDS[kind],
        wanted=accounts.wants(person, kind),
    )
