"""Home, as pages: what a visitor reads before there is an account, and beside it."""

from pathlib import Path

from flask import Blueprint, Response, abort, flash, g, redirect, render_template, request, send_file
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as Answer
from wtforms import EmailField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Email, InputRequired, Length

from portal import accounts, billing, plans
from portal.kit import clock, ids, mail
from portal.kit.db import unit
from portal.kit.errors import Conflict
from portal.kit.letterhead import Letterhead
from portal.web import guards, site, visitor
from portal.web.plans import saved

room = Blueprint("home", __name__)
THEMES = ("light", "dark")
YEAR_SECONDS = 365 * 86_400
MESSAGES_AN_HOUR = "5 per hour"
SOMETHING_ELSE = "other"


class MessageForm(FlaskForm):  # type: ignore[misc]
    """What somebody wants to say to whoever runs the platform."""

    name = StringField("Your name", [InputRequired("Give your name."), Length(max=200)])
    email = EmailField(
        "E-mail address",
        [
            InputRequired("Give the address that the answer goes to."),
            Email("This is not an e-mail address."),
            Length(max=254),
        ],
    )
    about = SelectField("What is it about?")
    message = TextAreaField(
        "Your message",
        [
            InputRequired("Write what you want to say."),
            Length(min=10, max=4000, message="Write between 10 and 4,000 characters."),
        ],
    )


@room.get("/")
@guards.public
def index() -> str:
    catalogue = plans.catalogue_or_none(site.session())
    return render_template("home/index.html", catalogue=catalogue, interval=_interval(), saved=saved)


@room.get("/pricing")
@guards.public
def pricing() -> str:
    session = site.session()
    catalogue, held = plans.catalogue_or_none(session), set()
    if catalogue is not None and g.account is not None:
        held = {one.plan for one in plans.held_lines(session, g.account.id, now=clock.now()).values()}
    return render_template(
        "home/pricing.html",
        catalogue=catalogue,
        interval=_interval(),
        saved=saved,
        held=held,
    )


@room.get("/help")
@guards.public
def help_page() -> str:
    return render_template("home/help.html", catalogue=plans.catalogue_or_none(site.session()))


@room.get("/docs")
@guards.public
def docs() -> str:
    return render_template("home/docs.html")


@room.get("/contact")
@guards.public
def contact() -> str:
    form = _message_form()
    if form.about.data is None and request.args.get("about") in _subjects(form):
        form.about.data = request.args["about"]
    if g.person is not None:
        form.name.data, form.email.data = g.person.name, g.person.email
    return render_template("home/contact.html", form=form, open=bool(_readers()))


@room.post("/contact")
@site.limiter.limit(MESSAGES_AN_HOUR)
@guards.public
def send() -> Answer | tuple[str, int]:
    form = _message_form()
    if not form.validate_on_submit():
        return render_template("home/contact.html", form=form, open=True), 422
    _write_to_operators(form)
    flash(f"Your message was handed over. The answer goes to {form.email.data}.", "good")
    return redirect("/contact", 303)


@room.post("/theme")
@guards.public
def theme() -> Answer:
    """Light, dark, or (with anything else) as the system has it."""
    answer = redirect(visitor.own_path(request.form.get("next"), "/"), 303)
    chosen = request.form.get("theme")
    if chosen in THEMES:
        secure = site.settings().secure_cookies
        answer.set_cookie("theme", chosen, max_age=YEAR_SECONDS, secure=secure, httponly=True, samesite="Lax")
    else:
        answer.delete_cookie("theme")
    return answer


@room.get("/logo")
@guards.public
def logo() -> Response:
    """The platform's logo: the file that BRAND_LOGO names."""
    path = Path(site.settings().brand.logo or "")
    if not path.is_file():
        abort(404)
    return send_file(path.resolve(), max_age=3600)


def _interval() -> str:
    """How often the visitor would pay: prices are shown for that."""
    return billing.YEAR if request.args.get("interval") == billing.YEAR else billing.MONTH


def _message_form() -> MessageForm:
    form = MessageForm()
    catalogue = plans.catalogue_or_none(site.session())
    form.about.choices = [SelectChoice(SOMETHING_ELSE, "Something else")]
    if catalogue is not None:
        offers = {plan.slug: plan.name for plan in catalogue.plans if plan.tier != "free"}
        offers |= {one_off.slug: one_off.name for one_off in catalogue.one_offs}
        form.about.choices += [SelectChoice(slug, name) for slug, name in offers.items()]
    return form


def _subjects(form: MessageForm) -> dict[str, str]:
    return {choice.value: choice.label for choice in form.about.choices}


def _write_to_operators(form: MessageForm) -> None:
    settings, session = site.settings(), site.session()
    head = Letterhead(settings.brand, settings.public_url, settings.secret_key)
    message = {
        "sender": form.name.data,
        "email": form.email.data,
        "about": _subjects(form)[form.about.data],
        "message": form.message.data,
        "account": g.account.name if g.account else None,
    }
    if not (readers := _readers()):
        raise Conflict("Nobody can be reached here yet. Nothing was sent.")
    rendered, message_id, now = head.render("home/message", message), ids.new("msg"), clock.now()
    with unit(session):
        for reader in readers:
            mail.write(session, f"message/{message_id}/{reader}", rendered, to=reader, now=now)


def _readers() -> list[str]:
    support_mail = site.settings().brand.support_mail
    return [support_mail] if support_mail else [one.email for one in accounts.operators(site.session())]
