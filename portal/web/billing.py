"""Billing, as pages: what the account pays for, its invoices, its card, and the way back from paying."""

from datetime import UTC, datetime

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import billing
from portal.kit import clock
from portal.kit.errors import Missing
from portal.kit.period import add_months, calendar_month
from portal.web import guards, payments, site

room = Blueprint("billing", __name__)

CALLS_AN_HOUR = "120 per hour"
INVOICES = {
    "paid": ("Paid", "good"),
    "open": ("To be paid", "due"),
    "uncollectible": ("Not collected", "danger"),
    "void": ("Void", "quiet"),
}


@room.get("/billing")
@guards.member("manage_billing")
def index() -> str:
    now, settings = clock.now(), site.settings()
    shown = billing.overview(site.session(), g.account.id, settings.payments, now=now)
    return render_template(
        "billing/index.html", shown=shown, invoice_states=INVOICES, card_ends=card_ends(shown, now)
    )


@room.get("/billing/next")
@site.limiter.limit(CALLS_AN_HOUR)
@guards.member("manage_billing")
def next_invoice() -> str:
    """What the next invoice of a line will say, as Stripe sees it now."""
    session, stripe, line = site.session(), site.stripe(), request.args.get("line", "api")
    bill = billing.bills(session, g.account.id, stripe.payments).get(line)
    if bill is None or bill.ends_at is not None:
        raise Missing("No further invoice is to come there.")
    quoted = billing.upcoming(session, stripe, g.account.id, line, now=clock.now())
    return render_template("billing/next.html", bill=bill, quoted=quoted)


@room.get("/billing/return")
@site.limiter.limit(CALLS_AN_HOUR)
@guards.member("manage_billing")
def back() -> ResponseReturnValue:
    """Where the payment page leads back to: look at what Stripe says, and believe nothing of the address."""
    session, now = site.session(), clock.now()
    try:
        purchase = billing.purchase(session, g.account.id, request.args.get("purchase", ""))
    except Missing:
        return redirect(url_for("billing.index"), 303)
    try:
        billing.refresh(session, site.stripe(), g.account.id, now=now)
    except billing.StripeAway:
        flash("The payment page does not answer just now. What you paid will be seen by itself.", "info")
        return redirect(url_for("billing.index"), 303)
    site.push(g.account.tag)
    bill = billing.bills(session, g.account.id, site.settings().payments).get(purchase.line)
    if bill is not None and bill.plan == purchase.plan and bill.status in ("active", "trialing"):
        flash(f"Thank you. You have {bill.name} now.", "good")
    else:
        flash("The payment is not confirmed yet. As soon as it is, your plan begins; you can go on.", "info")
    return redirect(url_for("billing.index"), 303)


@room.post("/billing/portal")
@site.limiter.limit(CALLS_AN_HOUR)
@guards.member("manage_billing")
def portal() -> ResponseReturnValue:
    """Lead to the page where cards are changed and invoices are kept."""
    url = billing.portal_link(
        site.session(),
        site.stripe(),
        g.account.id,
        return_url=f"{site.settings().public_url}/billing",
        now=clock.now(),
    )
    return payments.leave(url, "the page of your cards and invoices")


def card_ends(shown: billing.Overview, now: datetime) -> str | None:
    """The month with which the card ends, when that is this month or the next and something is paid by it."""
    card = shown.card
    if card is None or not any(one.bill for one in shown.lines):
        return None
    last = datetime(card.exp_year, card.exp_month, 1, tzinfo=UTC)
    return f"{last:%B %Y}" if last <= add_months(calendar_month(now)[0], 1) else None
