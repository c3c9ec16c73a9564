"""Tickets, in words: the reactions that write letters about them. Each is written once per business id."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup
from sqlalchemy.orm import Session

from portal import accounts, support
from portal.kit import text
from worker.writing import Occasion, write_address, write_person

TICKETS = "tickets"  # the kind that a customer may turn off; what answers them is of none


def opened(session: Session, fact: support.TicketOpened, occasion: Occasion) -> None:
    """The customer learns that it arrived, and by when it is answered."""
    ticket = support.staff_ticket(session, fact.ticket_id)
    promises = [support.promise(clock) for clock in support.clocks(session, ticket.id) if clock.runs]
    context = {**_about(session, ticket), "promises": [promise for promise in promises if promise]}
    _to_customers(session, occasion, ticket, [ticket.opened_by], "opened", context, f"ticket {ticket.id}")


def opened_to_staff(session: Session, fact: support.TicketOpened, occasion: Occasion) -> None:
    """Everybody of the staff learns that there is a new ticket."""
    ticket = support.staff_ticket(session, fact.ticket_id)
    context = {**_about(session, ticket), **_words(session, fact), "due": _due(session, ticket)}
    _to_staff(session, occasion, accounts.staff(session), "opened_to_staff", context, f"ticket {ticket.id}")


def answered(session: Session, fact: support.TicketAnswered, occasion: Occasion) -> None:
    """Who asked, and who wrote in it too, read the answer."""
    ticket = support.staff_ticket(session, fact.ticket_id)
    context = {**_about(session, ticket), **_words(session, fact), "closes": fact.closes}
    once = f"message {fact.message_id}"
    _to_customers(session, occasion, ticket, _askers(session, ticket), "answered", context, once, kind=None)


def customer_answered(session: Session, fact: support.CustomerAnswered, occasion: Occasion) -> None:
    """Whoever has the ticket reads what the customer wrote; all staff where nobody has it."""
    ticket = support.staff_ticket(session, fact.ticket_id)
    context = {**_about(session, ticket), **_words(session, fact), "reopens": fact.reopens}
    context["due"] = _due(session, ticket)
    once = f"message {fact.message_id}"
    _to_staff(session, occasion, _in_charge(session, ticket), "customer_answered", context, once)


def closed(session: Session, fact: support.TicketClosed, occasion: Occasion) -> None:
    """Who asked learns that it was closed; closed by themselves, whoever has it does."""
    ticket = support.staff_ticket(session, fact.ticket_id)
    if ticket.closed_at is None:
        return  # open again meanwhile
    context, once = _about(session, ticket), f"fact {occasion.fact_id}"
    if fact.side == "staff":
        _to_customers(session, occasion, ticket, _askers(session, ticket), "closed", context, once)
    elif ticket.assigned_to is not None:
        _to_staff(session, occasion, _in_charge(session, ticket), "closed_by_customer", context, once)


def reopened(session: Session, fact: support.TicketReopened, occasion: Occasion) -> None:
    """The other side learns that it is open again."""
    ticket = support.staff_ticket(session, fact.ticket_id)
    if ticket.closed_at is not None:
        return  # closed again meanwhile
    context, once = _about(session, ticket), f"fact {occasion.fact_id}"
    if fact.side == "customer":
        context["due"] = _due(session, ticket)
        _to_staff(session, occasion, _in_charge(session, ticket), "reopened_by_customer", context, once)
    else:
        _to_customers(session, occasion, ticket, _askers(session, ticket), "reopened", context, once)


def due_soon(session: Session, fact: support.TicketDueSoon, occasion: Occasion) -> None:
    """A warning while there is still time; none for what was given meanwhile."""
    clock = _clock(session, fact)
    if clock.runs and clock.due_at is not None:
        _deadline(session, fact, occasion, "due_soon", clock, clock.due_at)


def breached(session: Session, fact: support.TicketBreached, occasion: Occasion) -> None:
    """That what was promised was not kept."""
    clock = _clock(session, fact)
    if clock.breached_at is not None:
        _deadline(session, fact, occasion, "breached", clock, clock.breached_at)


def assigned(session: Session, fact: support.TicketAssigned, occasion: Occasion) -> None:
    """Somebody was given a ticket by somebody else."""
    ticket = support.staff_ticket(session, fact.ticket_id)
    if ticket.assigned_to != fact.person_id:
        return  # given on meanwhile
    context = {
        **_about(session, ticket),
        "by": accounts.person(session, fact.by).name,
        "due": _due(session, ticket),
    }
    to = [accounts.person(session, fact.person_id)]
    _to_staff(session, occasion, to, "assigned", context, f"fact {occasion.fact_id}")


def _deadline(
    session: Session, fact: Any, occasion: Occasion, letter: str, clock: support.Clock, at: datetime
) -> None:
    ticket = support.staff_ticket(session, fact.ticket_id)
    context = {
        **_about(session, ticket),
        "what": support.CLOCK_NAMES[clock.kind].lower(),
        "due": support.deadline(at, ZoneInfo(clock.zone)),
    }
    _to_staff(session, occasion, _in_charge(session, ticket), letter, context, f"clock {clock.id}")


def _clock(session: Session, fact: Any) -> support.Clock:
    return next(one for one in support.clocks(session, fact.ticket_id) if one.id == fact.clock_id)


def _due(session: Session, ticket: support.Ticket) -> str | None:
    """What staff owe first in a ticket."""
    running = [one for one in support.clocks(session, ticket.id) if one.runs and one.due_at is not None]
    first = min(running, key=lambda one: one.due_at or one.started_at, default=None)
    return support.promise(first) if first is not None else None


def _about(session: Session, ticket: support.Ticket) -> dict[str, Any]:
    return {
        "account": accounts.get(session, ticket.account_id).name,
        "number": ticket.number,
        "subject_line": ticket.subject,
        "plan": ticket.plan,
        "ticket_id": ticket.id,
    }


def _words(session: Session, fact: Any) -> dict[str, Any]:
    """What was said, by whom."""
    said = next(
        one
        for one in support.conversation(session, fact.ticket_id, notes=False)
        if one.message.id == fact.message_id
    )
    return {
        "author": said.author.name,
        "body": said.message.body,
        "body_html": Markup(text.to_html(said.message.body)),  # noqa: S704 - cleaned by to_html
        "files": [file.name for file in said.files],
    }


def _askers(session: Session, ticket: support.Ticket) -> list[str]:
    """Who opened a ticket, and the customers who wrote in it."""
    said = support.conversation(session, ticket.id, notes=False)
    wrote = [one.author.id for one in said if one.message.side == "customer"]
    return list(dict.fromkeys([ticket.opened_by, *wrote]))


def _in_charge(session: Session, ticket: support.Ticket) -> list[accounts.Person]:
    """Whoever has a ticket, while they are staff; else all staff."""
    staff = accounts.staff(session)
    return [person for person in staff if person.id == ticket.assigned_to] or staff


def _to_customers(
    session: Session,
    occasion: Occasion,
    ticket: support.Ticket,
    person_ids: Iterable[str],
    letter: str,
    context: dict[str, Any],
    once: str,
    *,
    kind: str | None = TICKETS,
) -> None:
    """Write to people who are still in the ticket's account and whose address is proven."""
    for person_id in person_ids:
        is_member = accounts.role(session, ticket.account_id, person_id) is not None
        if is_member and accounts.person(session, person_id).verified_at is not None:
            write_person(
                session,
                occasion,
                person_id,
                f"support/{letter}",
                context,
                account_id=ticket.account_id,
                kind=kind,
                once=once,
                thread=ticket.id,
                answerable=True,
            )


def _to_staff(
    session: Session,
    occasion: Occasion,
    people: Iterable[accounts.Person],
    letter: str,
    context: dict[str, Any],
    once: str,
) -> None:
    for person in people:
        words = {"name": person.name, **context}
        write_address(
            session,
            occasion,
            person.email,
            f"support/{letter}",
            words,
            person_id=person.id,
            once=once,
            thread=context["ticket_id"],
        )
