"""Tickets: opened, answered, closed and opened again, and what is owed meanwhile."""

from datetime import timedelta

import pytest

from portal import support
from portal.kit.errors import Missing
from tests.support.desk import MONDAY, clock, set_up

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(session):
    return set_up(session)


def test_a_ticket_is_opened_answered_and_closed(session, desk):
    ticket = desk.open(session)
    assert (ticket.number, ticket.tier, ticket.plan) == (1, "paid", "Support Priority")
    assert clock(session, ticket, "first_response").due_at == MONDAY + 4 * HOUR
    desk.note(session, ticket, MONDAY + HOUR)
    desk.reply(session, ticket, MONDAY + HOUR)
    assert clock(session, ticket, "first_response") is None
    assert clock(session, ticket, "resolution").stands_still == "customer"
    assert support.queue(session, support.Filters(), now=MONDAY).rows[0].ticket is ticket
    desk.answer(session, ticket, MONDAY + 2 * HOUR)
    assert clock(session, ticket, "next_response").due_at == MONDAY + timedelta(days=1, hours=2)
    assert clock(session, ticket, "resolution").due_at == MONDAY + timedelta(days=3, hours=1)
    desk.close(session, ticket, MONDAY + 3 * HOUR)
    assert (ticket.closed_by, ticket.next_due_at) == (desk.sue.person_id, None)
    desk.reopen(session, ticket, MONDAY + 4 * HOUR)
    assert ticket.closed_at is None
    assert clock(session, ticket, "resolution").due_at == MONDAY + timedelta(days=3, hours=2)
    assert [said.message.kind for said in support.conversation(session, ticket.id, notes=True)] == [
        "message",
        "note",
        "message",
        "message",
    ]
    assert len(support.conversation(session, ticket.id, notes=False)) == 3


def test_a_strangers_ticket_is_not_there(session, desk):
    ticket = desk.open(session)
    with pytest.raises(Missing):
        support.ticket(session, desk.charlies, ticket.number)
