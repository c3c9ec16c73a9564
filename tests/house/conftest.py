"""Alice, an owner; Bob, of her team; Charlie, a stranger with an account of her own; and the staff."""

import re
from types import SimpleNamespace

import pytest

from portal import accounts, keys, plans, support
from portal.kit import clock, ids, mail
from portal.kit.db import unit
from portal.kit.letterhead import Rendered

ADDRESS = "192.0.2.7"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture
def town(database, settings):
    """Everybody and what is theirs: the people, their accounts, and one of each thing that has an id."""
    now = clock.now()
    with database() as session, unit(session):
        plans.sync(session, plans.read(plans.SHIPPED.read_text()), now)
        people = {name: person(session, name, now) for name in ("alice", "bob", "charlie", "oscar", "sue")}
        mine = accounts.open_account(session, "Alice's", people["alice"], now=now)
        hers = accounts.open_account(session, "Charlie's", people["charlie"], now=now)
        people["oscar"].staff_role, people["sue"].staff_role = "operator", "support"
        actor = accounts.Actor(people["alice"].id, people["alice"].email)
        stamp = keys.Stamp(settings.key_prefix, settings.key_peppers[0])
        key = keys.mint(session, mine.id, "Alice's key", stamp=stamp, actor=actor, now=now)
        file = support.File("log.txt", b"It fails here.")
        ticket = support.open_ticket(
            session, mine.id, "It fails", "Why?", files=[file], nonce="one", actor=actor, now=now
        )
        [said] = support.conversation(session, ticket.id, notes=False)
        invitation = accounts.invite(session, mine.id, "dora@example.com", "viewer", actor=actor, now=now)
        words = Rendered("accounts/verify", "Subject", "text", "<p>html</p>")
        letter = mail.write(session, "a letter", words, to="alice@example.com", now=now)
        tokens = {
            name: accounts.begin(session, one, accounts.Browser(ADDRESS, "tests"), now=now)
            for name, one in people.items()
        }
        session.flush()
        sign_in = accounts.sign_ins(session, people["alice"].id, now=now)[0]
    return SimpleNamespace(
        alices=mine.id,
        charlies=hers.id,
        cookies=tokens,
        ids={
            "account_id": mine.id,
            "key_id": key.key_id,
            "person_id": people["alice"].id,
            "invitation_id": invitation.id,
            "sign_in_id": sign_in.id,
            "letter_id": letter,
            "token": "nonsense",
            "event_id": "evt_nonsense",
            "ticket_id": ticket.id,
            "number": str(ticket.number),
            "attachment_id": said.files[0].id,
            "purchase_id": "pur_nonsense",
            "cost_id": "cost_nonsense",
            "suggestion_id": "sug_nonsense",
            "import_id": "imp_nonsense",
        },
    )


def person(session, name, now):
    found = accounts.Person(
        id=ids.new("per"),
        email=f"{name}@example.com",
        name=name.title(),
        created_at=now,
        verified_at=now,
        letters_off=[],
    )
    session.add(found)
    session.flush()
    return found


@pytest.fixture
def enter(web_app, town, redis):
    """`enter("alice")`: a browser that she is signed in with, and the token that its forms carry."""

    def signed_in(name):
        client = web_app.test_client()
        client.set_cookie("upkeep", town.cookies[name])
        page = client.get("/settings")
        return client, TOKEN.search(page.text).group(1)

    return signed_in
