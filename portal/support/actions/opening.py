"""Tickets, opened: by customers, at the tier that they hold."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from portal import accounts, plans
from portal.kit import ids
from portal.kit.outbox import tell
from portal.support import queries, rules
from portal.support.actions import clocks, holding, saying
from portal.support.events import TicketOpened
from portal.support.models import Ticket
from portal.support.values import File


def open_ticket(
    session: Session,
    account_id: str,
    subject: str,
    body: str,
    *,
    kind: str = "help",
    files: Sequence[File] = (),
    nonce: str,
    actor: accounts.Actor,
    via: str = "web",
    now: datetime,
) -> Ticket:
    """Open a ticket, once for each nonce: a second time gives back the first one's.

    Forbidden for who may not ask for help here, or while no owner's address is proven; Invalid for a
    subject, a body or a file that will not do; Conflict when the nonce was used for something else.
    """
    holding.check_member(session, account_id, actor)
    rules.check_verified(accounts.is_verified(session, account_id))
    rules.check_kind(kind)
    subject, body = rules.clean_subject(subject), rules.clean_body(body)
    number = holding.next_number(session, account_id)
    if (before := saying.said(session, account_id, nonce)) is not None:
        saying.check_same(session, before, body, files, actor)
        ticket = queries.staff_ticket(session, before.ticket_id)
        rules.check_again((ticket.subject, ticket.kind, ticket.opened_at) == (subject, kind, before.said_at))
        return ticket
    held = plans.current(session, account_id, line="support", now=now)
    ticket = Ticket(
        id=ids.new("tkt"),
        account_id=account_id,
        number=number,
        kind=kind,
        subject=subject,
        opened_by=actor.of_person,
        opened_at=now,
        tier=held.tier,
        plan=held.name,
        policy=queries.promised(session, held),
        priority="normal",
        tags=[],
        spoken_at=now,
        unanswered_since=now,
    )
    session.add(ticket)
    session.flush()
    message = saying.say(session, ticket, body, files, nonce, actor, side="customer", via=via, now=now)
    clocks.begin(session, ticket, clocks.FIRST, now=now)
    clocks.begin(session, ticket, clocks.RESOLUTION, now=now)
    clocks.settle(session, ticket)
    tell(session, TicketOpened(account_id, ticket.id, message.id))
    return ticket
