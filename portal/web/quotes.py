"""Quotes, as parts of their ticket's pages: offered, accepted, declined, withdrawn, and how they are paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import DecimalField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from portal import accounts, billing, plans, support
from portal.kit import clock, ids
from portal.kit.db import unit
from portal.kit.errors import Conflict, Invalid
from portal.kit.money import MINOR_DIGITS, Money
from portal.web import guards, site

room = Blueprint("quotes", __name__)

STATES = {
    "offered": ("Offered", "info"),
    "waiting": ("Accepted, the invoice is on its way", "info"),
    "by_hand": ("Accepted, the invoice is written by hand", "info"),
    "open": ("To be paid", "due"),
    "paid": ("Paid", "good"),
    "uncollectible": ("Not paid", "danger"),
    "declined": ("Declined", "quiet"),
    "withdrawn": ("Withdrawn", "quiet"),
    "expired": ("Expired", "quiet"),
}


class QuoteForm(FlaskForm):  # type: ignore[misc]
    """What the work costs; the nonce makes a double click offer it once."""

    amount = DecimalField("Price", places=2, validators=[InputRequired("Say what it costs.")])
    text = TextAreaField("What it covers")
    valid_days = IntegerField(
        "Stands for (days)", default=support.VALID_DAYS, validators=[InputRequired("Say for how many days.")]
    )
    reason = StringField("Why another amount than the catalogue's")
    nonce = HiddenField(validators=[Length(max=80)])

    def drawn(self) -> "QuoteForm":
        """The form with a nonce, its own when it was sent with one."""
        self.nonce.data = self.nonce.data or ids.new("non")
        return self


@dataclass(frozen=True)
class QuoteShown:
    """A quote as either side sees it; `state` is one of `STATES`, `invoice` how it is paid, if it is."""

    quote: support.Quote
    state: str
    amount: Money
    offered_by: str
    decided_by: str | None
    invoice: billing.OneOffShown | None

    @property
    def label(self) -> tuple[str, str]:
        """Words and kind for a badge."""
        return STATES[self.state]

    @property
    def can_be_withdrawn(self) -> bool:
        """Whether staff may take it back."""
        return self.state in ("offered", "waiting", "by_hand", "open")


@room.app_context_processor
def _parts() -> dict[str, Any]:
    """What `_quote.html` asks for wherever it is included."""
    return {"quotes_of": quotes_of, "quotable": support.DEPLOYMENT}


def quotes_of(ticket: support.Ticket) -> Sequence[QuoteShown]:
    """The quotes of a ticket, the newest first."""
    session, now = site.session(), clock.now()
    return [_shown(quote, now) for quote in support.quotes(session, ticket.id)]


@room.post("/tickets/<int:number>/quote/acceptance")
@guards.member("manage_billing")
def accept(number: int) -> ResponseReturnValue:
    session = site.session()
    with unit(session, g.account.id):
        support.accept(session, g.account.id, number, _named(), actor=site.actor(), now=clock.now())
    if site.settings().payments is None:
        flash("Accepted. We write the invoice by hand and send it to you.", "good")
    else:
        flash("Accepted. The invoice is on its way: you are sent a link to pay, and find it here.", "good")
    return redirect(url_for("tickets.show", number=number, _anchor="quote"), 303)


@room.post("/tickets/<int:number>/quote/refusal")
@guards.member("manage_billing")
def decline(number: int) -> ResponseReturnValue:
    session = site.session()
    with unit(session, g.account.id):
        support.decline(session, g.account.id, number, _named(), actor=site.actor(), now=clock.now())
    flash("Declined. Say in the ticket what would suit you better.", "good")
    return redirect(url_for("tickets.show", number=number, _anchor="quote"), 303)


@room.get("/staff/tickets/<ticket_id>/quote")
@guards.staff
def draft(ticket_id: str) -> str:
    return _page(ticket_id, QuoteForm(formdata=None))


@room.post("/staff/tickets/<ticket_id>/quote")
@guards.staff
def offer(ticket_id: str) -> ResponseReturnValue:
    form, session = QuoteForm(), site.session()
    ticket = support.staff_ticket(session, ticket_id)
    settled = [one.quote.id for one in quotes_of(ticket) if not one.can_be_withdrawn]
    if form.validate_on_submit():
        try:
            with unit(session):
                support.offer(
                    session,
                    ticket_id,
                    _money(form.amount.data),
                    form.text.data or "",
                    valid_days=form.valid_days.data,
                    reason=form.reason.data or "",
                    settled=settled,
                    nonce=form.drawn().nonce.data,
                    actor=site.actor(),
                    now=clock.now(),
                )
        except Invalid as refusal:
            site.refuse(form, _at_field(refusal))
        except Conflict as refusal:
            site.refuse(form, refusal)
            form.nonce.data = None  # the same words may be sent as something new
        else:
            flash("Offered. Whoever pays in that account is sent it.", "good")
            return redirect(url_for("desk.show", ticket_id=ticket_id, _anchor="quote"), 303)
    return _page(ticket_id, form), 422


@room.post("/staff/tickets/<ticket_id>/quote/withdrawal")
@guards.staff
def withdraw(ticket_id: str) -> ResponseReturnValue:
    session, quote_id = site.session(), _named()
    sold = billing.one_off(session, quote_id)
    if sold is not None and sold.state == "paid":
        raise Conflict("This quote is paid: give the money back at Stripe if the work is not to be done.")
    with unit(session):
        support.withdraw(session, ticket_id, quote_id, actor=site.actor(), now=clock.now())
    flash("Withdrawn. The customer is told, and can pay it no more.", "good")
    return redirect(url_for("desk.show", ticket_id=ticket_id, _anchor="quote"), 303)


def _page(ticket_id: str, form: QuoteForm) -> str:
    session = site.session()
    ticket = support.staff_ticket(session, ticket_id)
    catalogue = plans.catalogue(session)
    return render_template(
        "quotes/new.html",
        ticket=ticket,
        form=form.drawn(),
        customer=accounts.get(session, ticket.account_id),
        currency=catalogue.currency,
        usual=next((one for one in catalogue.one_offs if one.slug == support.ONE_OFF), None),
        most_days=support.VALID_DAYS_MOST,
    )


def _shown(quote: support.Quote, now: datetime) -> QuoteShown:
    session, state = site.session(), quote.state(now)
    invoice = billing.one_off(session, quote.id)
    if invoice is not None and invoice.state == "paid":
        state = "paid"  # also one that was withdrawn a moment too late
    elif state == "accepted":
        state = _invoicing(invoice)
    decided_by = quote.withdrawn_by or quote.accepted_by or quote.declined_by
    return QuoteShown(
        quote=quote,
        state=state,
        amount=Money(quote.amount, quote.currency),
        offered_by=accounts.person(session, quote.offered_by).name,
        decided_by=accounts.person(session, decided_by).name if decided_by else None,
        invoice=invoice,
    )


def _invoicing(invoice: billing.OneOffShown | None) -> str:
    """How an accepted quote that is not paid stands."""
    if invoice is None:
        return "waiting" if site.settings().payments is not None else "by_hand"
    return {"failed": "by_hand", "void": "withdrawn"}.get(invoice.state, invoice.state)


def _named() -> str:
    """The quote that the form was drawn for."""
    return request.form.get("quote", "")[:80]


def _money(amount: Decimal) -> Money:
    currency = plans.catalogue(site.session()).currency
    if not amount.is_finite() or abs(amount) > 10**9:
        raise Invalid("Give an amount.", field="amount")
    minor = (amount * 10 ** MINOR_DIGITS.get(currency, 2)).to_integral_value()
    return Money(int(minor), currency)


def _at_field(refusal: Invalid) -> Invalid:
    """A message's body is this form's text."""
    return Invalid(refusal.sentence, field="text" if refusal.field == "body" else refusal.field)
