"""The desk: one ticket as staff see it, with the customer beside it."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from portal import accounts, billing, keys, metering, plans, support
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Conflict, Invalid, Missing
from portal.web import files, guards, site
from portal.web.dashboard import ending_soon
from portal.web.tickets import MessageForm, said, sentence

room = Blueprint("desk", __name__, url_prefix="/staff/tickets")

EARLIER = 5


class AssignmentForm(FlaskForm):  # type: ignore[misc]
    person_id = SelectField("Assign to", validate_choice=False)


class PriorityForm(FlaskForm):  # type: ignore[misc]
    priority = SelectField("Priority", choices=[SelectChoice(one, one.title()) for one in support.PRIORITIES])


class TagsForm(FlaskForm):  # type: ignore[misc]
    tags = StringField("Tags", validators=[Length(max=500, message="Keep the tags within 500 characters.")])


@room.get("/<ticket_id>")
@guards.staff
def show(ticket_id: str) -> str:
    return _page(ticket_id)


@room.post("/<ticket_id>/messages")
@files.taken
@guards.staff
def say(ticket_id: str) -> ResponseReturnValue:
    """Answer in public, answer and close, or note something for staff alone: the button says which."""
    form, session = MessageForm(), site.session()
    support.staff_ticket(session, ticket_id)
    deed, more = _deed(request.form.get("say"))
    if form.validate_on_submit():
        try:
            with unit(session):
                message = deed(
                    session,
                    ticket_id,
                    form.body.data or "",
                    files=files.sent(),
                    nonce=form.drawn().nonce.data,
                    actor=site.actor(),
                    now=clock.now(),
                    **more,
                )
        except (Invalid, Conflict) as refusal:
            form.refuse(refusal)
        else:
            return redirect(url_for("desk.show", ticket_id=ticket_id, _anchor=message.id), 303)
    return _page(ticket_id, form), 422


@room.post("/<ticket_id>/assignment")
@guards.staff
def assign(ticket_id: str) -> ResponseReturnValue:
    """Take it, give it to somebody, or let it go; the form says who had it when it was drawn."""
    form, session, now = AssignmentForm(), site.session(), clock.now()
    what, expected = request.form.get("do"), request.form.get("expected") or None
    try:
        with unit(session):
            if what == "take":
                support.take(session, ticket_id, actor=site.actor(), now=now)
            elif what == "release":
                support.release(session, ticket_id, expected=expected, actor=site.actor(), now=now)
            else:
                chosen = form.person_id.data or ""
                _check_staff(chosen)
                support.assign(session, ticket_id, chosen, expected=expected, actor=site.actor(), now=now)
    except Invalid as refusal:
        site.refuse(form, refusal)
        return _page(ticket_id, assignment=form), 422
    return _back(ticket_id)


@room.post("/<ticket_id>/priority")
@guards.staff
def prioritise(ticket_id: str) -> ResponseReturnValue:
    form, session = PriorityForm(), site.session()
    try:
        with unit(session):
            chosen = form.priority.data or ""
            support.prioritise(session, ticket_id, chosen, actor=site.actor(), now=clock.now())
    except Invalid as refusal:
        site.refuse(form, refusal)
        return _page(ticket_id, priority=form), 422
    return _back(ticket_id)


@room.post("/<ticket_id>/tags")
@guards.staff
def tag(ticket_id: str) -> ResponseReturnValue:
    form, session = TagsForm(), site.session()
    support.staff_ticket(session, ticket_id)
    if form.validate_on_submit():
        try:
            with unit(session):
                tags = (form.tags.data or "").split(",")
                support.tag(session, ticket_id, tags, actor=site.actor(), now=clock.now())
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            return _back(ticket_id)
    return _page(ticket_id, tags=form), 422


@room.post("/<ticket_id>/closure")
@guards.staff
def close(ticket_id: str) -> ResponseReturnValue:
    session = site.session()
    with unit(session):
        support.close(session, ticket_id, actor=site.actor(), side="staff", now=clock.now())
    flash("Closed. The customer is told.", "good")
    return _back(ticket_id)


@room.post("/<ticket_id>/reopening")
@guards.staff
def reopen(ticket_id: str) -> ResponseReturnValue:
    session = site.session()
    with unit(session):
        support.reopen(session, ticket_id, actor=site.actor(), side="staff", now=clock.now())
    return _back(ticket_id)


@room.get("/<ticket_id>/files/<attachment_id>")
@guards.staff
def download(ticket_id: str, attachment_id: str) -> Response:
    """A file of this ticket, those of internal notes too."""
    session = site.session()
    ticket = support.staff_ticket(session, ticket_id)
    file = support.attachment(session, attachment_id)
    if file.ticket_id != ticket.id:
        raise Missing("There is no such file.")
    return files.answer(file)


def _deed(say: str | None) -> tuple[Callable[..., support.TicketMessage], dict[str, Any]]:
    if say == "note":
        return support.note, {}
    return support.reply, {"close": say == "close"}


def _check_staff(person_id: str) -> None:
    if person_id not in {person.id for person in accounts.staff(site.session())}:
        raise Invalid("Choose somebody of the staff.", field="person_id")


def _back(ticket_id: str) -> ResponseReturnValue:
    return redirect(url_for("desk.show", ticket_id=ticket_id), 303)


def _page(
    ticket_id: str,
    form: MessageForm | None = None,
    *,
    assignment: AssignmentForm | None = None,
    priority: PriorityForm | None = None,
    tags: TagsForm | None = None,
) -> str:
    session, now = site.session(), clock.now()
    with unit(session):
        ticket = support.staff_ticket(session, ticket_id)
        clocks = support.clocks(session, ticket.id)
        people = accounts.staff(session)
        assignment = assignment or AssignmentForm(formdata=None, person_id=ticket.assigned_to or g.person.id)
        assignment.person_id.choices = [SelectChoice(one.id, one.name or one.email) for one in people]
        beside = _beside(ticket)
        accounts.record(
            session,
            site.actor(),
            "ticket.looked_at",
            account_id=ticket.account_id,
            subject=ticket.id,
            now=now,
            data={"ticket": ticket.number},
        )
    return render_template(
        "desk/show.html",
        ticket=ticket,
        conversation=support.conversation(session, ticket.id, notes=True),
        clocks=[(one, support.sentence(one, now, ZoneInfo(one.zone), side="staff")) for one in clocks],
        state=sentence(ticket, support.due(session, [ticket.id]).get(ticket.id), now, "staff"),
        form=(form or MessageForm(formdata=None)).drawn(),
        assignment=assignment,
        priority=priority or PriorityForm(formdata=None, priority=ticket.priority),
        tags=tags or TagsForm(formdata=None, tags=", ".join(ticket.tags)),
        names={one.id: one.name or one.email for one in people},
        me=g.person.id,
        now=now,
        taken=files.TAKEN,
        file_address=lambda file: url_for("desk.download", ticket_id=ticket.id, attachment_id=file.id),
        **beside,
    )


def _beside(ticket: support.Ticket) -> dict[str, Any]:
    """What is worth knowing of the customer while answering."""
    session, now = site.session(), clock.now()
    account_id = ticket.account_id
    mine = keys.of_account(session, account_id, now=now)
    listed = support.tickets(session, account_id, state="all", size=EARLIER + 1)
    earlier = [one for one in listed.rows if one.id != ticket.id][:EARLIER]
    return {
        "customer": accounts.get(session, account_id),
        "opener": accounts.person(session, ticket.opened_by),
        "role": accounts.role(session, account_id, ticket.opened_by),
        "held": plans.held_lines(session, account_id, now=now),
        "balances": metering.balances(session, account_id, gate=site.gate(), now=now),
        "keys": mine,
        "live": [key for key in mine if keys.state_of(key, now) in ("live", "retiring")],
        "ending": ending_soon(mine, now),
        "money": billing.overview(session, account_id, site.settings().payments, now=now),
        "earlier": earlier,
        "many_earlier": listed.total - 1,
        "said_earlier": said(earlier, side="staff"),
    }
