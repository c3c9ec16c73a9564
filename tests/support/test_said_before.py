"""Said before: what comes again from one page is heard once, and something else is refused, never lost."""

from datetime import timedelta

import pytest

from portal import support
from portal.kit.errors import Conflict
from portal.kit.money import Money
from tests.support.desk import MONDAY, set_up

FILE = support.File("a.txt", b"a")


@pytest.fixture
def desk(session):
    return set_up(session)


@pytest.fixture
def ticket(session, desk):
    return desk.open(session, kind="deployment")


def say(session, desk, ticket, body="Words.", verb=support.reply, actor=None, **more):
    whose = (ticket.account_id, ticket.number) if verb is support.answer else (ticket.id,)
    actor = actor or (desk.alice if verb is support.answer else desk.sue)
    return verb(session, *whose, body, **{"nonce": "page", "actor": actor, "now": MONDAY, **more})


def offer(session, desk, ticket, amount=80_000, text="Words.", **more):
    words = {"valid_days": 14, "nonce": "page", "actor": desk.sue, "now": MONDAY, **more}
    return support.offer(session, ticket.id, Money(amount), text, **words)


@pytest.mark.parametrize("verb", [support.answer, support.reply, support.note])
def test_the_same_words_and_files_again_are_one_message(session, desk, ticket, verb):
    first = say(session, desk, ticket, verb=verb, files=[FILE])
    assert say(session, desk, ticket, " Words.\r\n", verb=verb, files=[FILE]) is first
    assert len(support.conversation(session, ticket.id, notes=True)) == 2


@pytest.mark.parametrize("verb", [support.answer, support.reply, support.note])
@pytest.mark.parametrize(
    "changed",
    [
        {"body": "Other words."},
        {"files": [FILE]},
        {"files": [support.File("b.txt", b"a")]},
    ],
)
def test_other_words_or_files_from_the_same_page_are_refused(session, desk, ticket, verb, changed):
    files = [support.File("c.txt", b"c")] if "files" not in changed else []
    say(session, desk, ticket, verb=verb, files=files)
    with pytest.raises(Conflict, match="Something else was sent from this page already"):
        say(session, desk, ticket, verb=verb, **{"files": files, **changed})
    assert len(support.conversation(session, ticket.id, notes=True)) == 2


def test_a_note_is_no_answer_and_one_agents_words_are_not_anothers(session, desk, ticket):
    say(session, desk, ticket, verb=support.note)
    for more in ({"verb": support.reply}, {"verb": support.note, "actor": desk.sam}):
        with pytest.raises(Conflict):
            say(session, desk, ticket, **more)


def test_an_answer_that_was_sent_is_not_closed_by_the_other_button_unnoticed(session, desk, ticket):
    say(session, desk, ticket)
    with pytest.raises(Conflict):
        say(session, desk, ticket, close=True)


def test_an_answer_that_closed_may_come_again(session, desk, ticket):
    first = say(session, desk, ticket, close=True)
    assert say(session, desk, ticket, close=True) is first


def test_a_page_is_not_used_for_two_tickets(session, desk, ticket):
    say(session, desk, ticket)
    with pytest.raises(Conflict, match="in another ticket"):
        say(session, desk, desk.open(session))


@pytest.mark.parametrize(
    "changed", [{"subject": "Another"}, {"body": "Other words."}, {"kind": "deployment"}, {"files": [FILE]}]
)
def test_another_ticket_from_the_same_page_is_refused(session, desk, changed):
    first = desk.open(session, nonce="page")
    assert desk.open(session, nonce="page") is first
    with pytest.raises(Conflict):
        desk.open(session, nonce="page", **changed)
    with pytest.raises(Conflict):
        desk.open(session, nonce="page", actor=desk.bob)


def test_a_ticket_is_not_taken_for_the_answer_that_was_sent_from_a_page(session, desk, ticket):
    say(session, desk, ticket, "What do I do?", verb=support.answer, now=MONDAY + timedelta(minutes=1))
    with pytest.raises(Conflict):
        desk.open(session, subject=ticket.subject, kind=ticket.kind, nonce="page")


@pytest.mark.parametrize(
    "changed", [{"amount": 90_000}, {"text": "Other words."}, {"valid_days": 30}, {"reason": "A friend."}]
)
def test_another_quote_from_the_same_page_is_refused(session, desk, ticket, changed):
    first = offer(session, desk, ticket)
    assert offer(session, desk, ticket) is first
    with pytest.raises(Conflict, match="Something else was sent from this page already"):
        offer(session, desk, ticket, **changed)


def test_a_quote_is_not_taken_for_the_answer_that_was_sent_from_a_page(session, desk, ticket):
    say(session, desk, ticket)
    with pytest.raises(Conflict, match="Something else was sent from this page already"):
        offer(session, desk, ticket)
    assert support.quotes(session, ticket.id) == []
