"""Strangers at every door: what is another account's, the staff's or the operator's is not there for them."""

import re

import pytest

from portal import accounts, support
from portal.kit.db import unit
from portal.kit.money import Money


@pytest.fixture
def town(desk):
    """Alice's ticket with a file and a quote that stands; the ids of what is hers, by the names in routes."""
    with desk.database() as session, unit(session):
        alice, sue = (accounts.actor(accounts.person(session, desk.people[one])) for one in ("alice", "sue"))
        ticket = support.open_ticket(
            session, desk.ids["alice"], "Mine", "Alone.", kind="deployment", nonce="a", actor=alice,
            files=[support.File("a.txt", b"a")], now=desk.now,
        )  # fmt: skip
        [said] = support.conversation(session, ticket.id, notes=False)
        quote = support.offer(
            session, ticket.id, Money(80_000), "Work.", valid_days=14, nonce="q", actor=sue, now=desk.now
        )
        desk.quote = quote.id
        return {
            "number": ticket.number,
            "ticket_id": ticket.id,
            "attachment_id": said.files[0].id,
            "account_id": desk.ids["alice"],
            "person_id": desk.people["bob"],
        }


def doors(desk, town, under):
    """(method, path) of every route below these, with Alice's ids in it where it asks for some."""
    for rule in desk.app.url_map.iter_rules():
        if rule.rule.startswith(under):
            path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(town.get(found[1], "none")), rule.rule)
            yield from ((method, path) for method in sorted(rule.methods & {"GET", "POST"}))


def knock(desk, name, method, path):
    person = desk.browser(name)
    if method == "GET":
        return person.get(path).status_code
    return person.post(path, body="Hello.", nonce="x", quote=desk.quote, do="take", say="reply").status_code


def standing(desk, town):
    """How everything of Alice's stands."""
    with desk.database() as session:
        ticket = support.staff_ticket(session, town["ticket_id"])
        [quote] = support.quotes(session, ticket.id)
        said = len(support.conversation(session, ticket.id, notes=True))
        account = accounts.get(session, ticket.account_id)
        ends = (ticket.closed_at, ticket.assigned_to, account.suspended_at, account.closed_at)
        return said, quote.state(desk.now), ends


@pytest.mark.parametrize(
    ("name", "under"),
    [("alice", "/staff"), ("alice", "/operator"), ("charlie", "/staff"), ("sue", "/operator")],
)
def test_the_staffs_doors_are_not_there_for_others(desk, town, name, under):
    before = standing(desk, town)
    knocked = {door: knock(desk, name, *door) for door in doors(desk, town, under)}
    assert len(knocked) > 10
    assert {door: status for door, status in knocked.items() if status != 404} == {}
    assert standing(desk, town) == before


@pytest.mark.parametrize("name", ["charlie", "sue"])
def test_what_is_in_a_ticket_is_not_there_for_another_account(desk, town, name):
    before = standing(desk, town)
    inside = list(doors(desk, town, "/tickets/<int:number>"))
    knocked = {door: knock(desk, name, *door) for door in inside}
    assert len(knocked) >= 6
    assert {door: status for door, status in knocked.items() if status not in (403, 404)} == {}
    assert standing(desk, town) == before
