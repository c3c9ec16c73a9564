"""Tickets, as their customers' pages: what was asked, what was answered, and what is due by when."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import Length

from portal import plans, support
from portal.kit import clock, ids
from portal.kit.db import unit
from portal.kit.errors import Conflict, Forbidden, Invalid, Refusal
from portal.web import deployments, files, guards, site

room = Blueprint("tickets", __name__, url_prefix="/tickets")

AN_HOUR = "60 per hour"


class MessageForm(FlaskForm):  # type: ignore[misc]
    """Something to say; the nonce makes a double click say it once."""

    body = TextAreaField("Your message")
    files = MultipleFileField("Files")
    nonce = HiddenField(validators=[Length(max=80)])

    def drawn(self) -> "MessageForm":
        """The form with a nonce, its own when it was sent with one."""
        self.nonce.data = self.nonce.data or ids.new("non")
        return self

    def refuse(self, refusal: Refusal) -> None:
        """Say why it was not taken. After a Conflict the same words may be sent as something new."""
        site.refuse(self, refusal)
        if isinstance(refusal, Conflict):
            self.nonce.data = None


class TicketForm(MessageForm):
    """A new ticket."""

    subject = StringField("Subject")


@room.get("")
@guards.member("see")
def index() -> str:
    session, now = site.session(), clock.now()
    state = "closed" if request.args.get("state") == "closed" else "open"
    listed = support.tickets(session, g.account.id, state=state, page=request.args.get("page", 1, type=int))
    return render_template(
        "tickets/index.html",
        listed=listed,
        state=state,
        open=support.open_of(session, g.account.id),
        held=plans.current(session, g.account.id, line="support", now=now),
        said=said(listed.rows),
    )


@room.get("/new")
@guards.member("ask_for_help")
def ask() -> str:
    if request.args.get("kind") == support.DEPLOYMENT:
        return deployments.page()
    return _new(TicketForm(formdata=None, subject=request.args.get("subject", "")[:200]))


@room.post("/new")
@site.limiter.limit(AN_HOUR)
@files.taken
@guards.member("ask_for_help")
def create() -> ResponseReturnValue:
    form, session = TicketForm(), site.session()
    if form.validate_on_submit():
        try:
            with unit(session, g.account.id):
                ticket = support.open_ticket(
                    session,
                    g.account.id,
                    form.subject.data or "",
                    form.body.data or "",
                    files=files.sent(),
                    nonce=form.drawn().nonce.data,
                    actor=site.actor(),
                    now=clock.now(),
                )
        except (Invalid, Forbidden, Conflict) as refusal:
            form.refuse(refusal)
        else:
            return redirect(url_for("tickets.show", number=ticket.number), 303)
    return _new(form), 422


@room.get("/<int:number>")
@guards.member("see")
def show(number: int) -> str:
    return _page(number, MessageForm(formdata=None))


@room.post("/<int:number>/messages")
@site.limiter.limit(AN_HOUR)
@files.taken
@guards.member("ask_for_help")
def answer(number: int) -> ResponseReturnValue:
    form, session = MessageForm(), site.session()
    support.ticket(session, g.account.id, number)
    if form.validate_on_submit():
        try:
            with unit(session, g.account.id):
                message = support.answer(
                    session,
                    g.account.id,
                    number,
                    form.body.data or "",
                    files=files.sent(),
                    nonce=form.drawn().nonce.data,
                    actor=site.actor(),
                    now=clock.now(),
                )
        except (Invalid, Conflict) as refusal:
            form.refuse(refusal)
        else:
            return redirect(url_for("tickets.show", number=number, _anchor=message.id), 303)
    return _page(number, form), 422


@room.post("/<int:number>/closure")
@guards.member("ask_for_help")
def close(number: int) -> ResponseReturnValue:
    session = site.session()
    with unit(session, g.account.id):
        ticket = support.ticket(session, g.account.id, number)
        support.close(session, ticket.id, actor=site.actor(), side="customer", now=clock.now())
    flash("Closed. You can reopen it within 30 days.", "good")
    return redirect(url_for("tickets.show", number=number), 303)


@room.post("/<int:number>/reopening")
@guards.member("ask_for_help")
def reopen(number: int) -> ResponseReturnValue:
    session = site.session()
    with unit(session, g.account.id):
        ticket = support.ticket(session, g.account.id, number)
        support.reopen(session, ticket.id, actor=site.actor(), side="customer", now=clock.now())
    flash("Open again. Say what is still wrong, so that we can answer.", "good")
    return redirect(url_for("tickets.show", number=number), 303)


@room.get("/<int:number>/files/<attachment_id>")
@guards.member("see")
def download(number: int, attachment_id: str) -> Response:
    """A file that came with a message of this ticket."""
    session = site.session()
    ticket = support.ticket(session, g.account.id, number)
    file = support.attachment(session, attachment_id, ticket.account_id)
    return files.answer(file)


def said(tickets: Sequence[support.Ticket], side: str = "customer") -> dict[str, str]:
    """How things stand with each ticket, as a sentence, by its id."""
    now = clock.now()
    due = support.due(site.session(), [ticket.id for ticket in tickets if ticket.closed_at is None])
    return {ticket.id: sentence(ticket, due.get(ticket.id), now, side) for ticket in tickets}


def sentence(ticket: support.Ticket, due: support.Clock | None, now: datetime, side: str) -> str:
    """How things stand with one ticket: what is due next, else who is waited for."""
    if ticket.closed_at is not None:
        return "Closed"
    if due is not None:
        return support.sentence(due, now, ZoneInfo(due.zone), side=side)
    us = ticket.unanswered_since is not None
    if side == "customer":
        return "Waiting for our answer" if us else "Waiting for your answer"
    return "Waiting for us, no clock" if us else "Waiting for the customer"


def _new(form: TicketForm) -> str:
    session, now = site.session(), clock.now()
    return render_template(
        "tickets/new.html",
        form=form.drawn(),
        held=plans.current(session, g.account.id, line="support", now=now),
        promised=_sentences(support.expected(session, g.account.id, now=now)),
        catalogue=plans.catalogue(session),
        taken=files.TAKEN,
    )


def _page(number: int, form: MessageForm) -> str:
    session, now = site.session(), clock.now()
    ticket = support.ticket(session, g.account.id, number)
    clocks = support.clocks(session, ticket.id)
    return render_template(
        "tickets/show.html",
        ticket=ticket,
        conversation=support.conversation(session, ticket.id, notes=False),
        form=form.drawn(),
        clocks=list(zip(clocks, _sentences(clocks), strict=True)),
        state=sentence(ticket, support.due(session, [ticket.id]).get(ticket.id), now, "customer"),
        may_reopen=support.may_reopen(ticket.closed_at, now),
        file_address=lambda file: url_for("tickets.download", number=number, attachment_id=file.id),
        taken=files.TAKEN,
    )


def _sentences(clocks: Sequence[support.Clock]) -> list[str]:
    now = clock.now()
    return [support.sentence(one, now, ZoneInfo(one.zone)) for one in clocks]
