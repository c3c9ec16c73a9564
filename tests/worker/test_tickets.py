"""Who is written to about a ticket, and what: played with the real verbs."""

from datetime import timedelta

import pytest

from portal import accounts, plans, support
from portal.kit.db import unit
from tests.plans.people import OPERATOR
from tests.support.desk import ENTERPRISE, MONDAY, set_up
from tests.worker.stage import follow, letters

HOUR = timedelta(hours=1)


@pytest.fixture
def act(house):
    """Do something in a transaction, and let everything follow from it."""

    def run(verb):
        with house.sessions() as session, unit(session):
            result = verb(session)
        follow(house)
        return result

    return run


@pytest.fixture
def desk(act):
    return act(set_up)


@pytest.fixture
def ticket(act, desk):
    return act(lambda session: desk.open(session, subject="Keys & <locks>", body="It *fails*."))


def readers(house, letter):
    return [one.to.partition("@")[0] for one in letters(house, f"support/{letter}")]


def the(house, letter):
    [found] = letters(house, f"support/{letter}")
    return found


def test_a_new_ticket_is_told_to_its_opener_with_what_is_due_and_to_all_staff(house, ticket):
    mine = the(house, "opened")
    assert mine.to == "alice@example.com"
    assert mine.subject == "We have your ticket 1: Keys & <locks>"
    assert "- First answer by Mon 23 Nov 2026, 13:00 UTC" in mine.text
    assert "- Resolution by Wed 25 Nov 2026, 17:00 UTC" in mine.text
    assert "/tickets/1" in mine.text and mine.kind == "tickets"
    assert readers(house, "opened_to_staff") == ["sam", "sue"]
    theirs = letters(house, "support/opened_to_staff")[0]
    assert theirs.subject == "New ticket of Acme: Keys & <locks>"
    assert "Acme (Support Priority)" in theirs.text and "It *fails*." in theirs.text
    assert f"/staff/tickets/{ticket.id}" in theirs.text
    assert "<em>fails</em>" in theirs.html and "<locks>" not in theirs.html


def test_without_a_deadline_the_letter_says_so(house, act, desk):
    act(lambda session: desk.open(session, account=desk.charlies, actor=desk.charlie))
    assert "Support Community has no deadlines" in the(house, "opened").text


def test_an_answer_goes_to_whoever_asked_and_wrote_and_cannot_be_turned_off(house, act, desk, ticket):
    act(lambda session: accounts.choose_letters(session, desk.alice.person_id, []))
    act(lambda session: desk.answer(session, ticket, MONDAY, actor=desk.bob))
    act(lambda session: desk.reply(session, ticket, MONDAY + HOUR))
    assert sorted(readers(house, "answered")) == ["alice", "bob"]
    letter = letters(house, "support/answered")[0]
    assert letter.kind is None and "Sue wrote:" in letter.text and "Try this." in letter.text


def test_a_note_is_told_to_nobody(house, act, desk, ticket):
    before = len(letters(house))
    act(lambda session: desk.note(session, ticket, MONDAY))
    assert len(letters(house)) == before


def test_who_left_the_account_reads_no_more_answers(house, act, desk, ticket):
    act(lambda session: desk.answer(session, ticket, MONDAY, actor=desk.bob))
    act(
        lambda session: accounts.remove(
            session, desk.account, desk.bob.person_id, actor=desk.alice, now=MONDAY
        )
    )
    act(lambda session: desk.reply(session, ticket, MONDAY + HOUR))
    assert readers(house, "answered") == ["alice"]


def test_what_a_customer_writes_goes_to_whoever_has_the_ticket_else_to_all_staff(house, act, desk, ticket):
    act(lambda session: desk.answer(session, ticket, MONDAY))
    assert readers(house, "customer_answered") == ["sam", "sue"]
    act(lambda session: support.take(session, ticket.id, actor=desk.sue, now=MONDAY))
    act(lambda session: desk.answer(session, ticket, MONDAY))
    assert readers(house, "customer_answered") == ["sam", "sue", "sue"]


def test_an_answer_that_closes_is_one_letter(house, act, desk, ticket):
    act(lambda session: desk.reply(session, ticket, MONDAY, close=True))
    assert "With this answer your ticket was closed." in the(house, "answered").text
    assert letters(house, "support/closed") == []


def test_closing_and_opening_again_is_told_to_the_other_side(house, act, desk, ticket):
    act(lambda session: support.take(session, ticket.id, actor=desk.sue, now=MONDAY))
    act(lambda session: desk.close(session, ticket, MONDAY, "staff"))
    assert readers(house, "closed") == ["alice"]
    act(lambda session: desk.reopen(session, ticket, MONDAY + HOUR, "customer"))
    assert readers(house, "reopened_by_customer") == ["sue"]
    assert "First answer by" in the(house, "reopened_by_customer").text
    act(lambda session: desk.close(session, ticket, MONDAY + HOUR, "customer"))
    assert readers(house, "closed_by_customer") == ["sue"]
    act(lambda session: desk.reopen(session, ticket, MONDAY + HOUR, "staff"))
    assert readers(house, "reopened") == ["alice"]


def test_answering_a_closed_ticket_is_one_letter_that_says_so(house, act, desk, ticket):
    act(lambda session: desk.reply(session, ticket, MONDAY, close=True))
    act(lambda session: desk.answer(session, ticket, MONDAY + HOUR))
    assert "and opened it again by that" in letters(house, "support/customer_answered")[0].text
    assert letters(house, "support/reopened_by_customer") == []


def test_closing_can_be_turned_off_by_its_reader(house, act, desk, ticket):
    wanted = [kind for kind in accounts.LETTER_KINDS if kind != "tickets"]
    act(lambda session: accounts.choose_letters(session, desk.alice.person_id, wanted))
    act(lambda session: desk.close(session, ticket, MONDAY, "staff"))
    assert letters(house, "support/closed") == []


def test_a_ticket_that_is_given_to_somebody_is_told_to_them(house, act, desk, ticket):
    def give(to, by, expected):
        act(
            lambda session: support.assign(
                session, ticket.id, to.person_id, expected=expected, actor=by, now=MONDAY
            )
        )

    give(desk.sue, desk.sam, None)
    assert readers(house, "assigned") == ["sue"]
    assert the(house, "assigned").subject == "Sam gave you ticket 1 of Acme: Keys & <locks>"
    give(desk.sam, desk.sam, desk.sue.person_id)
    assert readers(house, "assigned") == ["sue"]


def test_each_deadline_is_warned_of_once_and_told_once_when_it_is_missed(house, act, desk, ticket):
    act(lambda session: support.take(session, ticket.id, actor=desk.sue, now=MONDAY))
    for minutes in (179, 180, 181, 239, 240, 241):
        act(lambda session, at=MONDAY + timedelta(minutes=minutes): support.watch(session, now=at))
    warning, notice = the(house, "due_soon"), the(house, "breached")
    assert (warning.to, notice.to) == ("sue@example.com", "sue@example.com")
    assert warning.subject == "Due soon: first answer in ticket 1 of Acme"
    assert "is due Mon 23 Nov 2026, 13:00 UTC." in warning.text
    assert "was due Mon 23 Nov 2026, 13:00 UTC and was not given in time" in notice.text


def test_what_nobody_has_is_warned_of_to_all_staff(house, act, desk, ticket):
    act(lambda session: support.watch(session, now=MONDAY + 3 * HOUR))
    assert readers(house, "due_soon") == ["sam", "sue"]


def test_who_has_the_ticket_but_left_the_staff_does_not_swallow_the_warning(house, act, desk, ticket):
    def leave(session):
        support.take(session, ticket.id, actor=desk.sue, now=MONDAY)
        accounts.person(session, desk.sue.person_id).staff_role = None

    act(leave)
    act(lambda session: support.watch(session, now=MONDAY + 3 * HOUR))
    assert readers(house, "due_soon") == ["sam"]


def test_a_better_plan_is_owed_in_open_tickets_too(house, act, desk, ticket):
    act(lambda session: plans.grant(session, desk.account, ENTERPRISE, OPERATOR, MONDAY + HOUR))
    with house.sessions() as session:
        found = support.staff_ticket(session, ticket.id)
        assert (found.tier, found.plan) == ("custom", "Support Enterprise")


def test_tickets_of_an_account_that_is_closed_are_closed_without_a_letter(house, act, desk, ticket):
    before = len(letters(house))
    act(lambda session: accounts.close(session, desk.account, "Acme", actor=desk.alice, now=MONDAY))
    with house.sessions() as session:
        found = support.staff_ticket(session, ticket.id)
        assert found.closed_at is not None and found.closed_by == "the account was closed"
        assert found.next_due_at is None
    assert {one.template for one in letters(house)[before:]} == {"accounts/closed"}
