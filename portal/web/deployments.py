"""Deployments, as a form: what somebody wants set up for them, where, by when, and for how much."""

from flask import Blueprint, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import Length, Optional

from portal import plans, support
from portal.kit import clock, ids
from portal.kit.db import unit
from portal.kit.errors import Conflict, Forbidden, Invalid, Missing
from portal.kit.money import MINOR_DIGITS, Money
from portal.web import guards, site

room = Blueprint("deployments", __name__)

AN_HOUR = "60 per hour"


class DeploymentForm(FlaskForm):  # type: ignore[misc]
    """What is wanted; the nonce makes a double click ask for it once."""

    what = TextAreaField(
        "What to deploy", validators=[Length(max=20_000, message="Keep it within 20,000 characters.")]
    )
    where = StringField(
        "Where it should run", validators=[Length(max=120, message="Keep it within 120 characters.")]
    )
    by = StringField("By when", validators=[Length(max=120, message="Keep it within 120 characters.")])
    budget = IntegerField("Budget", validators=[Optional()])
    nonce = HiddenField(validators=[Length(max=80)])

    def drawn(self) -> "DeploymentForm":
        """The form with a nonce, its own when it was sent with one."""
        self.nonce.data = self.nonce.data or ids.new("non")
        return self


@room.post("/tickets/deployments")
@site.limiter.limit(AN_HOUR)
@guards.member("ask_for_help")
def create() -> ResponseReturnValue:
    form, session = DeploymentForm(), site.session()
    usual = _usual()
    if form.validate_on_submit():
        try:
            with unit(session, g.account.id):
                subject, body = _words(form, usual)
                ticket = support.open_ticket(
                    session,
                    g.account.id,
                    subject,
                    body,
                    kind=support.DEPLOYMENT,
                    nonce=form.drawn().nonce.data,
                    actor=site.actor(),
                    now=clock.now(),
                )
        except (Invalid, Forbidden, Conflict) as refusal:
            site.refuse(form, refusal)
            if isinstance(refusal, Conflict):
                form.nonce.data = None  # the same words may be sent as something new
        else:
            return redirect(url_for("tickets.show", number=ticket.number), 303)
    return page(form), 422


def page(form: DeploymentForm | None = None) -> str:
    """The page with the form; Missing where the catalogue offers no such work."""
    usual = _usual()
    form = form or DeploymentForm(formdata=None)
    return render_template("deployments/new.html", form=form.drawn(), usual=usual)


def _usual() -> plans.OneOff:
    for one in plans.catalogue(site.session()).one_offs:
        if one.slug == support.ONE_OFF:
            return one
    raise Missing("Custom deployments are not offered here. Open a ticket and ask.")


def _words(form: DeploymentForm, usual: plans.OneOff) -> tuple[str, str]:
    """The subject and the body of the ticket, in Markdown."""
    what, where, by = ((field.data or "").strip() for field in (form.what, form.where, form.by))
    if not what:
        raise Invalid("Say what to deploy.", field="what")
    if not where:
        raise Invalid("Say where it should run: a provider, or machines of your own.", field="where")
    parts = [("What to deploy", what), ("Where it should run", where), ("By when", by)]
    if form.budget.data is not None:
        unit_size = 10 ** MINOR_DIGITS.get(usual.low.currency, 2)
        budget = Money(form.budget.data * unit_size, usual.low.currency)
        if not usual.low <= budget <= usual.high:
            raise Invalid(
                f"Such work costs {usual.low} to {usual.high}. Leave it empty if you do not know yet.",
                field="budget",
            )
        parts.append(("Budget", f"Up to {budget}"))
    body = "\n\n".join(f"**{title}**\n\n{words}" for title, words in parts if words)
    return f"{usual.name}: {' '.join(where.split())}", body
