"""The subscription, as pages: upgrading, what a change would cost, changing, cancelling, resuming."""

from datetime import datetime

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length

from portal import billing, plans
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Conflict, Invalid, Missing, Refusal
from portal.kit.money import Money
from portal.web import guards, payments, site
from portal.web.words import day, moment

room = Blueprint("subscription", __name__)

CALLS_AN_HOUR = "120 per hour"  # each of these asks Stripe, which counts too
EVERY = {"month": "monthly", "year": "yearly"}


class PlanForm(FlaskForm):  # type: ignore[misc]
    """Which plan, paid how often."""

    plan = StringField("Plan", [DataRequired("Choose a plan."), Length(max=100)])
    interval = RadioField(
        "Pay",
        choices=[SelectChoice("month", "Monthly"), SelectChoice("year", "Yearly")],
        default="month",
        validators=[InputRequired("Choose how often to pay.")],
    )


class ChangeForm(PlanForm):
    """A change that was previewed: when, and at which amount."""

    at = HiddenField(validators=[InputRequired()])
    due_now = IntegerField(validators=[InputRequired()])
    currency = HiddenField(validators=[InputRequired(), Length(min=3, max=3)])


class LineForm(FlaskForm):  # type: ignore[misc]
    """Which line of plans."""

    line = HiddenField(validators=[InputRequired(), Length(max=100)])


@room.post("/subscription")
@site.limiter.limit(CALLS_AN_HOUR)
@guards.member("manage_billing")
def begin() -> ResponseReturnValue:
    """Upgrade: lead to the page where the first payment is made."""
    form = _valid(PlanForm())
    purchase = billing.checkout(
        site.session(),
        site.stripe(),
        g.account.id,
        form.plan.data,
        form.interval.data,
        public_url=site.settings().public_url,
        actor=site.actor(),
        now=clock.now(),
    )
    assert purchase.url is not None
    return payments.leave(purchase.url, "the payment page")


@room.post("/subscription/request")
@guards.member("manage_billing")
def ask() -> ResponseReturnValue:
    """Ask staff for a plan that they set up before it is paid for."""
    form, session, now = _valid(PlanForm()), site.session(), clock.now()
    with unit(session):
        billing.ask_for(
            session, g.account.id, form.plan.data, form.interval.data, actor=site.actor(), now=now
        )
        name = plans.catalogue(session).plan(form.plan.data).name
    flash(f"You have asked for {name}. We set it up and write to you; nothing is charged before.", "good")
    return redirect(url_for("plans.index"), 303)


@room.get("/subscription/preview")
@site.limiter.limit(CALLS_AN_HOUR)
@guards.member("manage_billing")
def preview() -> ResponseReturnValue:
    """What upgrading or changing to a plan costs, to the cent, before anything is done."""
    form = PlanForm(request.args, meta={"csrf": False})
    if not form.validate():
        raise Missing("There is no such plan.")
    return _preview(form.plan.data, form.interval.data)


@room.post("/subscription/change")
@site.limiter.limit(CALLS_AN_HOUR)
@guards.member("manage_billing")
def change() -> ResponseReturnValue:
    """Make the change that was previewed, at the amount that was shown and at no other."""
    form = _valid(ChangeForm())
    try:
        done = billing.change(
            site.session(),
            site.stripe(),
            g.account.id,
            form.plan.data,
            form.interval.data,
            at=_moment(form.at.data),
            due_now=Money(form.due_now.data, form.currency.data),
            actor=site.actor(),
            now=clock.now(),
        )
    except Conflict as refusal:
        page = _preview(form.plan.data, form.interval.data, refusal)
        return page, 409
    site.push(g.account.tag)
    if done.when == "now":
        flash(f"You have {done.name} now, paid by the {done.interval}.", "good")
    else:
        flash(f"{done.name}, paid by the {done.interval}, begins on {day(done.holds_at)}.", "good")
    return redirect(url_for("billing.index"), 303)


@room.get("/subscription/cancellation")
@guards.member("manage_billing")
def ask_to_cancel() -> str:
    """What will happen, before it is done."""
    bill = _bill(request.args.get("line", "api"))
    if bill.ends_at is not None:
        raise Conflict(f"{bill.name} is cancelled already and ends on {moment(bill.ends_at)}.")
    free = plans.catalogue(site.session()).free(bill.line)
    held = plans.current(site.session(), g.account.id, line=bill.line, now=clock.now())
    return render_template("subscription/cancellation.html", bill=bill, free=free, held=held)


@room.post("/subscription/cancellation")
@site.limiter.limit(CALLS_AN_HOUR)
@guards.member("manage_billing")
def cancel() -> ResponseReturnValue:
    line = _valid(LineForm()).line.data
    bill = _bill(line)
    ends_at = billing.cancel(
        site.session(), site.stripe(), g.account.id, line, actor=site.actor(), now=clock.now()
    )
    site.push(g.account.tag)
    flash(f"{bill.name} is cancelled. You keep it until {moment(ends_at)}.", "good")
    return redirect(url_for("billing.index"), 303)


@room.post("/subscription/resumption")
@site.limiter.limit(CALLS_AN_HOUR)
@guards.member("manage_billing")
def resume() -> ResponseReturnValue:
    """Take back a cancellation, or a change that was to come later."""
    line = _valid(LineForm()).line.data
    bill = _bill(line)
    billing.resume(site.session(), site.stripe(), g.account.id, line, actor=site.actor(), now=clock.now())
    site.push(g.account.tag)
    flash(f"{bill.name} goes on.", "good")
    return redirect(url_for("billing.index"), 303)


def _preview(slug: str, interval: str, problem: Refusal | None = None) -> str:
    session, now = site.session(), clock.now()
    stripe = site.stripe()
    plan = plans.catalogue(session).plan(slug)
    bill = billing.bills(session, g.account.id, stripe.payments).get(plan.line)
    if bill is None:
        return _first(plan, interval)
    shown = billing.preview(session, stripe, g.account.id, slug, interval, now=now)
    sentence = problem.sentence if problem else None
    return render_template(
        "subscription/preview.html", plan=plan, preview=shown, bill=bill, every=EVERY, problem=sentence
    )


def _first(plan: plans.Plan, interval: str) -> str:
    """What a first purchase costs: the price itself, then the same again."""
    price = plan.year if interval == "year" else plan.month
    if price is None:
        raise Invalid(f"{plan.name} is not sold by the {interval}.")
    asked = billing.requests_of(site.session(), g.account.id).get(plan.line)
    ready = plan.fulfilment != "request" or (
        asked is not None and asked.plan == plan.slug and asked.ready_at is not None
    )
    held = plans.current(site.session(), g.account.id, line=plan.line, now=clock.now())
    return render_template(
        "subscription/first.html", plan=plan, price=price, interval=interval, ready=ready, held=held
    )


def _bill(line: str) -> billing.Bill:
    """What the account pays for in a line; Missing when nothing."""
    found = billing.bills(site.session(), g.account.id, site.stripe().payments).get(line)
    if found is None:
        raise Missing("Nothing is paid for there, so there is nothing to change.")
    return found


def _valid(form: FlaskForm) -> FlaskForm:
    """The form, when it says something. Its fields are hidden or have a default: nobody mistypes them."""
    if not form.validate_on_submit():
        raise Invalid(next((words for field in form for words in field.errors), "Open the page again."))
    return form


def _moment(said: str) -> datetime:
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise Invalid("Open the page again.") from None
    if found.tzinfo is None:
        raise Invalid("Open the page again.")
    return found
