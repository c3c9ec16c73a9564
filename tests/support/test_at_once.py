"""Two at once: what only one may do, one does; and nothing is lost or told twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from portal import support
from portal.kit.db import unit
from portal.kit.errors import Conflict, Refusal
from portal.support import rules
from portal.support.models import Attachment, TicketClock, TicketMessage
from portal.support.values import File
from tests.accounts.people import facts
from tests.support.desk import MONDAY, set_up

HOUR = timedelta(hours=1)
MANY = 6


@pytest.fixture
def at_once(database):
    """`at_once(verb, verb, ...)`: each in a unit and a thread of its own; what each gave, refusals too."""

    def run(*verbs):
        def one(verb):
            try:
                with database() as session, unit(session):
                    return verb(session)
            except Refusal as refusal:
                return refusal

        with ThreadPoolExecutor(len(verbs)) as pool:
            return list(pool.map(one, verbs))

    return run


@pytest.fixture
def desk(database):
    with database() as session, unit(session):
        return set_up(session)


@pytest.fixture
def ticket(database, desk):
    with database() as session, unit(session):
        return desk.open(session)


def refusals(results):
    return [one for one in results if isinstance(one, Refusal)]


def test_two_agents_take_one_ticket_and_one_has_it(database, at_once, desk, ticket):
    def take(actor, minute):
        now = MONDAY + timedelta(minutes=minute)
        return lambda session: support.take(session, ticket.id, actor=actor, now=now)

    results = at_once(take(desk.sue, 1), take(desk.sam, 2))
    [refused] = refusals(results)
    with database() as session:
        found = support.staff_ticket(session, ticket.id)
    assert isinstance(refused, Conflict)
    name, minute = ("Sue", 1) if found.assigned_to == desk.sue.person_id else ("Sam", 2)
    assert refused.sentence == f"{name} took this ticket at 09:0{minute} UTC."


def test_two_who_give_one_ticket_away_do_not_overwrite_each_other(at_once, desk, ticket):
    def give(to):
        return lambda session: support.assign(
            session, ticket.id, to.person_id, expected=None, actor=desk.sam, now=MONDAY
        )

    assert len(refusals(at_once(give(desk.sue), give(desk.sam)))) == 1


def test_numbers_within_an_account_are_all_different_and_without_gaps(database, at_once, desk):
    opened = at_once(*[lambda session: desk.open(session)] * MANY)
    others = at_once(*[lambda session: desk.open(session, account=desk.charlies, actor=desk.charlie)] * 2)
    assert sorted(ticket.number for ticket in opened) == list(range(1, MANY + 1))
    assert sorted(ticket.number for ticket in others) == [1, 2]


def test_a_double_click_opens_one_ticket(database, at_once, desk):
    opened = at_once(*[lambda session: desk.open(session, nonce="same")] * MANY)
    assert len({ticket.id for ticket in opened}) == 1
    with database() as session:
        assert session.scalar(select(func.count()).select_from(TicketMessage)) == 1
        assert len(facts(session, support.TicketOpened)) == 1


@pytest.mark.parametrize("verb", ["answer", "reply", "note"])
def test_what_is_sent_twice_at_once_is_said_once(database, at_once, desk, ticket, verb):
    def say(session):
        return getattr(desk, verb)(session, ticket, MONDAY + HOUR, nonce="same")

    said = at_once(*[say] * MANY)
    assert len({message.id for message in said}) == 1
    with database() as session:
        assert len(support.conversation(session, ticket.id, notes=True)) == 2


def test_two_who_send_files_at_once_do_not_share_the_last_room(database, at_once, desk, ticket):
    tickets = [ticket, *at_once(lambda session: desk.open(session))]
    filled = [File("a.txt", b"abc")]
    with database() as session, unit(session):
        desk.answer(session, ticket, MONDAY, files=filled)
        session.scalars(select(Attachment)).one().size = rules.FILE_BYTES_A_DAY - 4
    results = at_once(
        *[
            lambda session, one=one: desk.answer(session, one, MONDAY + HOUR, files=filled)
            for one in tickets * 3
        ]
    )
    assert len(refusals(results)) == len(results) - 1, results


def test_two_customers_who_answer_at_once_start_one_clock(database, at_once, desk, ticket):
    with database() as session, unit(session):
        desk.reply(session, ticket, MONDAY)
    answers = [
        lambda session, actor=actor: desk.answer(session, ticket, MONDAY + HOUR, actor=actor)
        for actor in (desk.alice, desk.bob) * 2
    ]
    assert refusals(at_once(*answers)) == []
    with database() as session:
        running = [clock.kind for clock in support.clocks(session, ticket.id) if clock.runs]
        assert sorted(running) == ["next_response", "resolution"]
        assert len(support.conversation(session, ticket.id, notes=False)) == 6


def test_closing_and_answering_at_once_leave_it_open_and_owed_or_closed_and_not(
    database, at_once, desk, ticket
):
    for hour in range(1, 7):
        now = MONDAY + hour * HOUR
        results = at_once(
            lambda session, now=now: desk.close(session, ticket, now),
            lambda session, now=now: desk.answer(session, ticket, now),
            lambda session, now=now: desk.reply(session, ticket, now),
        )
        assert refusals(results) == []
        with database() as session, unit(session):
            found = support.staff_ticket(session, ticket.id)
            due = [one.due_at for one in support.clocks(session, ticket.id) if one.runs and one.due_at]
            running = [one.kind for one in support.clocks(session, ticket.id) if one.runs]
            assert found.next_due_at == min(due, default=None)
            assert bool(running) == (found.closed_at is None)
            if found.closed_at is not None:
                desk.reopen(session, ticket, now)


def test_two_watches_at_once_give_one_notice(database, at_once, desk, ticket):
    watch = [lambda session: support.watch(session, now=MONDAY + 3 * HOUR)] * MANY
    assert sum(at_once(*watch)) == 1
    watch = [lambda session: support.watch(session, now=MONDAY + 5 * HOUR)] * MANY
    assert sum(at_once(*watch)) == 1
    with database() as session:
        assert len(facts(session, support.TicketDueSoon)) == 1
        assert len(facts(session, support.TicketBreached)) == 1


def test_a_watch_and_an_answer_at_once_keep_both(database, at_once, desk, ticket):
    late = MONDAY + 5 * HOUR
    at_once(
        lambda session: desk.reply(session, ticket, late), lambda session: support.watch(session, now=late)
    )
    with database() as session:
        [clock] = session.scalars(select(TicketClock).where(TicketClock.kind == "first_response")).all()
        assert clock.met_at == late and clock.breached_at == MONDAY + 4 * HOUR
        assert len(facts(session, support.TicketBreached)) <= 1


def test_a_watch_that_ends_before_its_commit_loses_nothing_and_doubles_nothing(database, desk, ticket):
    for hours, fact in ((3, support.TicketDueSoon), (5, support.TicketBreached)):
        now = MONDAY + hours * HOUR
        with pytest.raises(KeyboardInterrupt), database() as session, unit(session):
            assert support.watch(session, now=now) == 1
            raise KeyboardInterrupt
        for told in (1, 0):
            with database() as session, unit(session):
                assert support.watch(session, now=now) == told
        with database() as session:
            assert len(facts(session, fact)) == 1


@pytest.mark.parametrize("verb", ["close", "reopen"])
def test_of_two_who_close_or_reopen_at_once_one_does_and_it_is_told_once(
    database, at_once, desk, ticket, verb
):
    if verb == "reopen":
        with database() as session, unit(session):
            desk.close(session, ticket, MONDAY)
    deeds = [
        lambda session, side=side: getattr(desk, verb)(session, ticket, MONDAY + HOUR, side=side)
        for side in ("staff", "customer")
    ]
    assert len(refusals(at_once(*deeds))) == 1
    with database() as session:
        assert (
            len(facts(session, {"close": support.TicketClosed, "reopen": support.TicketReopened}[verb])) == 1
        )
