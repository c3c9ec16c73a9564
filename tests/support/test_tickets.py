"""Tickets: opened, answered, closed and opened again, and what is owed meanwhile."""

from datetime import timedelta

import pytest

from portal import accounts, plans, support
from portal.accounts.models import Member
from portal.kit.errors import Conflict, Forbidden, Invalid, Missing
from tests.accounts.people import actions, facts
from tests.plans.people import OPERATOR, someone
from tests.support.desk import ENTERPRISE, MONDAY, PRIORITY, clock, set_up

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST, NEXT, RESOLUTION = "first_response", "next_response", "resolution"


@pytest.fixture
def desk(session):
    return set_up(session)


@pytest.fixture
def ticket(session, desk):
    return desk.open(session)


def running(session, ticket):
    return {one.kind: one for one in support.clocks(session, ticket.id) if one.runs}


def past(session, ticket, kind):
    return [one for one in support.clocks(session, ticket.id) if not one.runs and one.kind == kind]


def play(session, desk, ticket, story):
    """Do what a story says, an hour after the other: "reply note answer close reopen"."""
    now = MONDAY
    for word in story.split():
        now += HOUR
        verb, _, side = word.partition(":")
        getattr(desk, verb)(session, ticket, now, **({"side": side} if side else {}))
    return now


# ---- Opening -------------------------------------------------------------------------------------


def test_a_ticket_carries_what_the_account_holds_and_its_number_counts_there(session, desk):
    first, second = desk.open(session), desk.open(session, actor=desk.bob)
    assert (first.number, second.number) == (1, 2)
    assert (first.tier, first.plan, first.priority) == ("paid", "Support Priority", "normal")
    assert (first.opened_by, first.opened_at) == (desk.alice.person_id, MONDAY)
    assert desk.open(session, account=desk.charlies, actor=desk.charlie).number == 1


def test_what_is_owed_from_the_opening_on(session, ticket):
    due = {kind: one.due_at for kind, one in running(session, ticket).items()}
    assert due == {FIRST: MONDAY + 4 * HOUR, RESOLUTION: MONDAY + 2 * DAY + 8 * HOUR}
    assert ticket.next_due_at == MONDAY + 4 * HOUR
    assert ticket.unanswered_since == MONDAY


def test_community_has_no_clocks_whatever_happens(session, desk):
    ticket = desk.open(session, account=desk.charlies, actor=desk.charlie)
    assert (ticket.tier, ticket.policy) == ("free", None)
    now = MONDAY
    for _ in range(2):
        desk.reply(session, ticket, now)
        desk.answer(session, ticket, now, actor=desk.charlie)
        desk.close(session, ticket, now)
        desk.reopen(session, ticket, now, side="staff")
    assert support.clocks(session, ticket.id) == [] and ticket.next_due_at is None
    assert support.watch(session, now=MONDAY + 100 * DAY) == 0


def test_a_promise_without_a_next_answer_has_no_such_clock(session, desk):
    held = plans.current(session, desk.account, line="support", now=MONDAY)
    assert held.sla.next_response_minutes == 480
    ticket = desk.open(session)
    ticket.policy = {**ticket.policy, "next_response_minutes": None}
    session.flush()
    play(session, desk, ticket, "reply answer")
    assert set(running(session, ticket)) == {RESOLUTION}


def test_a_changed_catalogue_moves_nothing_in_an_open_ticket(session, desk, ticket):
    before = plans.calendar(session, "business")
    text = plans.SHIPPED.read_text().replace('holidays = ""', 'holidays = "DE"', 1)
    plans.sync(session, plans.read(text), MONDAY)
    assert plans.calendar(session, "business") != before
    play(session, desk, ticket, "reply answer")
    assert support.staff_ticket(session, ticket.id).policy["calendar"]["holidays"] == ""
    assert desk.open(session).policy["calendar"]["holidays"] == "DE"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"subject": " "}, "subject"),
        ({"subject": "x" * 201}, "subject"),
        ({"body": "\n \x00"}, "body"),
        ({"body": "x" * 20_001}, "body"),
        ({"kind": "complaint"}, "kind"),
    ],
)
def test_what_will_not_do_is_refused_at_its_field(session, desk, given, field):
    with pytest.raises(Invalid) as refused:
        desk.open(session, **given)
    assert refused.value.field == field
    assert support.open_of(session, desk.account) == 0


def test_an_account_of_which_no_address_is_proven_is_asked_for_it_first(session, desk):
    accounts.person(session, desk.alice.person_id).verified_at = None
    with pytest.raises(Forbidden, match="Confirm your e-mail address"):
        desk.open(session)


@pytest.mark.parametrize("role", accounts.ROLES)
def test_everybody_in_the_account_may_ask_whatever_their_role(session, desk, role):
    person = someone(session, role.title())
    session.add(Member(account_id=desk.account, person_id=person.id, role=role, joined_at=MONDAY))
    session.flush()
    assert desk.open(session, actor=accounts.actor(person)).opened_by == person.id


# ---- Strangers -----------------------------------------------------------------------------------


def test_a_stranger_finds_nothing_and_may_do_nothing(session, desk, ticket):
    with pytest.raises(Missing):
        support.ticket(session, desk.charlies, ticket.number)
    with pytest.raises(Forbidden):
        desk.open(session, actor=desk.charlie)
    with pytest.raises(Forbidden):
        desk.answer(session, ticket, MONDAY, actor=desk.charlie)
    with pytest.raises(Forbidden):
        support.close(session, ticket.id, actor=desk.charlie, side="customer", now=MONDAY)
    with pytest.raises(Missing):
        support.answer(session, desk.charlies, ticket.number, "Hi", nonce="n", actor=desk.charlie, now=MONDAY)
    assert support.tickets(session, desk.charlies, state="all").rows == []


def test_a_customer_may_do_nothing_that_staff_do(session, desk, ticket):
    given = {"actor": desk.alice, "now": MONDAY}
    for verb in (
        lambda: support.reply(session, ticket.id, "Hi", nonce="n", **given),
        lambda: support.note(session, ticket.id, "Hi", nonce="n", **given),
        lambda: support.close(session, ticket.id, side="staff", **given),
        lambda: support.take(session, ticket.id, **given),
        lambda: support.assign(session, ticket.id, desk.sue.person_id, expected=None, **given),
        lambda: support.release(session, ticket.id, expected=None, **given),
        lambda: support.prioritise(session, ticket.id, "urgent", **given),
        lambda: support.tag(session, ticket.id, ["bug"], **given),
    ):
        with pytest.raises(Forbidden):
            verb()


def test_who_left_may_not_write_any_more(session, desk, ticket):
    accounts.remove(session, desk.account, desk.bob.person_id, actor=desk.alice, now=MONDAY)
    with pytest.raises(Forbidden):
        desk.answer(session, ticket, MONDAY, actor=desk.bob)


def test_notes_are_for_staff_alone(session, desk, ticket):
    note = desk.note(session, ticket, MONDAY, files=[support.File("a.txt", b"secret")])
    kinds = [said.message.kind for said in support.conversation(session, ticket.id, notes=True)]
    assert kinds == ["message", "note"]
    assert [said.message.kind for said in support.conversation(session, ticket.id, notes=False)] == [
        "message"
    ]
    [file] = support.conversation(session, ticket.id, notes=True)[1].files
    assert file.message_id == note.id
    assert support.attachment(session, file.id).content == b"secret"
    with pytest.raises(Missing):
        support.attachment(session, file.id, desk.account)


# ---- What is owed, by story ----------------------------------------------------------------------

STORIES = {  # story: what runs then, and which clocks were met and dropped
    "": ({FIRST, RESOLUTION}, [], []),
    "note": ({FIRST, RESOLUTION}, [], []),
    "answer": ({FIRST, RESOLUTION}, [], []),
    "answer answer": ({FIRST, RESOLUTION}, [], []),
    "reply": ({RESOLUTION}, [FIRST], []),
    "reply reply": ({RESOLUTION}, [FIRST], []),
    "reply note": ({RESOLUTION}, [FIRST], []),
    "reply answer": ({NEXT, RESOLUTION}, [FIRST], []),
    "reply answer answer": ({NEXT, RESOLUTION}, [FIRST], []),
    "reply answer note": ({NEXT, RESOLUTION}, [FIRST], []),
    "reply answer reply": ({RESOLUTION}, [FIRST, NEXT], []),
    "reply answer reply answer": ({NEXT, RESOLUTION}, [FIRST, NEXT], []),
    "close:staff": (set(), [RESOLUTION], [FIRST]),
    "close:customer": (set(), [RESOLUTION], [FIRST]),
    "reply close:staff": (set(), [FIRST, RESOLUTION], []),
    "reply answer close:staff": (set(), [FIRST, RESOLUTION], [NEXT]),
    "reply answer close:customer": (set(), [FIRST, RESOLUTION], [NEXT]),
    "close:staff reopen:staff": ({FIRST, RESOLUTION}, [], [FIRST]),
    "close:customer reopen:customer": ({FIRST, RESOLUTION}, [], [FIRST]),
    "close:staff answer": ({FIRST, RESOLUTION}, [], [FIRST]),
    "reply close:staff reopen:staff": ({RESOLUTION}, [FIRST], []),
    "reply close:staff reopen:customer": ({NEXT, RESOLUTION}, [FIRST], []),
    "reply close:staff answer": ({NEXT, RESOLUTION}, [FIRST], []),
    "reply close:staff answer answer": ({NEXT, RESOLUTION}, [FIRST], []),
    "reply answer close:staff reopen:staff": ({NEXT, RESOLUTION}, [FIRST], [NEXT]),
    "reply close:customer answer reply": ({RESOLUTION}, [FIRST, NEXT], []),
    "close:staff reply": (set(), [RESOLUTION], [FIRST]),
}


@pytest.mark.parametrize("story", STORIES)
def test_what_is_owed_follows_from_what_was_said(session, desk, ticket, story):
    play(session, desk, ticket, story)
    runs, met, dropped = STORIES[story]
    assert set(running(session, ticket)) == runs
    clocks = support.clocks(session, ticket.id)
    assert sorted(one.kind for one in clocks if one.met_at is not None) == sorted(met)
    assert sorted(one.kind for one in clocks if one.dropped_at is not None) == sorted(dropped)


UNANSWERED = {  # the hour after opening since which the customer waits
    "": 0,
    "answer": 0,
    "note": 0,
    "reply": None,
    "reply answer": 2,
    "reply answer answer note": 2,
    "reply answer reply": None,
    "close:staff": 0,
    "close:staff reopen:staff": 0,
    "reply close:staff reopen:staff": None,
    "reply close:staff reopen:customer": 3,
    "reply close:customer answer": 3,
    "close:staff reply": None,
}


@pytest.mark.parametrize("story", UNANSWERED)
def test_since_when_the_customer_waits(session, desk, ticket, story):
    play(session, desk, ticket, story)
    hour = UNANSWERED[story]
    assert ticket.unanswered_since == (None if hour is None else MONDAY + hour * HOUR)


def test_an_answer_that_closes_meets_both(session, desk, ticket):
    desk.reply(session, ticket, MONDAY + HOUR, close=True)
    assert ticket.closed_at == MONDAY + HOUR and running(session, ticket) == {}
    assert {one.kind for one in support.clocks(session, ticket.id) if one.met_at} == {FIRST, RESOLUTION}


def test_the_resolution_stands_still_while_the_customer_is_awaited(session, desk, ticket):
    desk.reply(session, ticket, MONDAY + HOUR)
    still = running(session, ticket)[RESOLUTION]
    assert (still.due_at, still.stands_still, ticket.next_due_at) == (None, "customer", None)
    desk.reply(session, ticket, MONDAY + 2 * HOUR)
    desk.answer(session, ticket, MONDAY + 3 * HOUR)
    assert running(session, ticket)[RESOLUTION].due_at == MONDAY + 3 * DAY + 2 * HOUR
    assert running(session, ticket)[NEXT].due_at == MONDAY + DAY + 3 * HOUR


def test_the_time_closed_is_credited(session, desk, ticket):
    desk.close(session, ticket, MONDAY + 2 * HOUR)
    desk.reopen(session, ticket, MONDAY + DAY, side="staff")  # six working hours later
    assert running(session, ticket)[RESOLUTION].due_at == MONDAY + 3 * DAY + 6 * HOUR


def test_opened_again_by_staff_the_customer_is_awaited_as_before(session, desk, ticket):
    play(session, desk, ticket, "reply close:staff reopen:staff")
    assert running(session, ticket)[RESOLUTION].stands_still == "customer"


def test_the_first_answer_never_stands_still(session, desk, ticket):
    play(session, desk, ticket, "answer note")
    assert running(session, ticket)[FIRST].due_at == MONDAY + 4 * HOUR


def test_what_is_answered_too_late_is_a_breach_also_when_nobody_watched(session, desk, ticket):
    desk.reply(session, ticket, MONDAY + 5 * HOUR)
    [late] = past(session, ticket, FIRST)
    assert (late.met_at, late.breached_at) == (MONDAY + 5 * HOUR, MONDAY + 4 * HOUR)
    assert facts(session, support.TicketBreached) == []


def test_what_is_overdue_when_the_customer_is_asked_stays_a_breach_and_is_told(session, desk, ticket):
    desk.reply(session, ticket, MONDAY + 3 * DAY)
    assert running(session, ticket)[RESOLUTION].breached_at == MONDAY + 2 * DAY + 8 * HOUR
    assert [one.ticket_id for one in facts(session, support.TicketBreached)] == [ticket.id]
    assert support.watch(session, now=MONDAY + 4 * DAY) == 0


def test_a_closed_ticket_cannot_be_closed_nor_an_open_one_opened(session, desk, ticket):
    with pytest.raises(Conflict):
        desk.reopen(session, ticket, MONDAY)
    desk.close(session, ticket, MONDAY)
    with pytest.raises(Conflict):
        desk.close(session, ticket, MONDAY)


def test_customers_open_a_new_ticket_after_thirty_days_and_staff_may_open_the_old_one(session, desk, ticket):
    desk.close(session, ticket, MONDAY)
    late = MONDAY + 30 * DAY
    for verb in (desk.reopen, desk.answer):
        with pytest.raises(Conflict, match="more than 30 days ago"):
            verb(session, ticket, late)
    assert ticket.closed_at == MONDAY
    desk.reopen(session, ticket, late, side="staff")
    desk.close(session, ticket, late)
    desk.reopen(session, ticket, late + 30 * DAY - timedelta(seconds=1))


# ---- Said once -----------------------------------------------------------------------------------


def test_what_is_sent_twice_is_said_once(session, desk, ticket):
    again = [desk.open(session, nonce="a", subject="One") for _ in range(2)]
    assert again[0] is again[1]
    for verb in (desk.answer, desk.reply, desk.note):
        first = verb(session, ticket, MONDAY, nonce=verb.__name__)
        assert verb(session, ticket, MONDAY + HOUR, nonce=verb.__name__).id == first.id
    assert len(support.conversation(session, ticket.id, notes=True)) == 4


def test_a_nonce_of_another_ticket_is_refused(session, desk, ticket):
    other = desk.open(session)
    desk.answer(session, other, MONDAY, nonce="x")
    with pytest.raises(Conflict):
        desk.answer(session, ticket, MONDAY, nonce="x")


# ---- Sorting -------------------------------------------------------------------------------------


def test_a_ticket_is_taken_given_on_and_given_back(session, desk, ticket):
    support.take(session, ticket.id, actor=desk.sue, now=MONDAY)
    support.take(session, ticket.id, actor=desk.sue, now=MONDAY + HOUR)
    assert (ticket.assigned_to, ticket.assigned_at) == (desk.sue.person_id, MONDAY)
    with pytest.raises(Conflict, match=r"^Sue took this ticket at 09:00 UTC\.$"):
        support.take(session, ticket.id, actor=desk.sam, now=MONDAY)
    with pytest.raises(Conflict, match=r"^Sue took this ticket on 23 Nov at 09:00 UTC\.$"):
        support.take(session, ticket.id, actor=desk.sam, now=MONDAY + DAY)
    given = {"actor": desk.sam, "now": MONDAY}
    with pytest.raises(Conflict, match="Sue took"):
        support.assign(session, ticket.id, desk.sam.person_id, expected=None, **given)
    with pytest.raises(Invalid):
        support.assign(session, ticket.id, desk.alice.person_id, expected=desk.sue.person_id, **given)
    support.assign(session, ticket.id, desk.sam.person_id, expected=desk.sue.person_id, **given)
    assert facts(session, support.TicketAssigned) == []  # Sam gave it to himself
    support.assign(session, ticket.id, desk.sue.person_id, expected=desk.sam.person_id, **given)
    [told] = facts(session, support.TicketAssigned)
    assert (told.person_id, told.by) == (desk.sue.person_id, desk.sam.person_id)
    support.release(session, ticket.id, expected=desk.sue.person_id, **given)
    assert ticket.assigned_to is None
    with pytest.raises(Conflict, match="Nobody has this ticket any more"):
        support.release(session, ticket.id, expected=desk.sue.person_id, **given)


def test_priority_and_tags_are_the_staffs_words(session, desk, ticket):
    given = {"actor": desk.sue, "now": MONDAY}
    support.prioritise(session, ticket.id, "urgent", **given)
    support.tag(session, ticket.id, ["Data  loss", "bug", "bug", " "], **given)
    assert (ticket.priority, ticket.tags) == ("urgent", ["bug", "data-loss"])
    with pytest.raises(Invalid):
        support.prioritise(session, ticket.id, "panic", **given)
    for tags in (["x" * 41], [str(number) for number in range(11)], ["a,b"], ["bell\x07"]):
        with pytest.raises(Invalid):
            support.tag(session, ticket.id, tags, **given)


def test_what_staff_say_and_do_is_in_the_audit_and_how_they_sort_is_not_the_customers(session, desk, ticket):
    desk.reply(session, ticket, MONDAY)
    support.take(session, ticket.id, actor=desk.sue, now=MONDAY)
    support.tag(session, ticket.id, ["tedious"], actor=desk.sue, now=MONDAY)
    desk.close(session, ticket, MONDAY)
    desk.reopen(session, ticket, MONDAY, side="staff")
    account = accounts.get(session, desk.account)
    assert actions(session, account)[:3] == ["ticket.reopened", "ticket.closed", "ticket.answered"]
    assert not {"ticket.tagged", "ticket.taken"} & set(actions(session, account))


# ---- Moving to another plan ----------------------------------------------------------------------


def move(session, desk, plan, now):
    plans.grant(session, desk.account, plan, OPERATOR, now)
    return support.rebase(session, desk.account, now=now)


def test_a_better_plan_holds_in_open_tickets_from_the_opening_on(session, desk, ticket):
    now = MONDAY + timedelta(minutes=20)
    assert move(session, desk, ENTERPRISE, now) == 1
    assert (ticket.tier, ticket.plan) == ("custom", "Support Enterprise")
    assert running(session, ticket)[FIRST].due_at == MONDAY + HOUR
    assert running(session, ticket)[RESOLUTION].due_at == MONDAY + DAY
    assert move(session, desk, PRIORITY, now + HOUR) == 0
    assert running(session, ticket)[RESOLUTION].due_at == MONDAY + DAY and ticket.tier == "custom"


def test_what_would_be_overdue_at_once_begins_with_the_move(session, desk, ticket):
    now = MONDAY + 2 * HOUR
    move(session, desk, ENTERPRISE, now)
    assert running(session, ticket)[FIRST].due_at == now + HOUR
    assert running(session, ticket)[RESOLUTION].due_at == MONDAY + DAY


def test_a_ticket_of_the_community_gets_its_clocks_with_the_plan(session):
    desk = set_up(session, plan=None)
    fresh, answered = desk.open(session), desk.open(session)
    old = desk.open(session, MONDAY - 30 * DAY)
    desk.reply(session, answered, MONDAY)
    now = MONDAY + HOUR
    assert move(session, desk, PRIORITY, now) == 3
    assert running(session, fresh)[FIRST].due_at == MONDAY + 4 * HOUR
    assert running(session, fresh)[RESOLUTION].due_at == MONDAY + 2 * DAY + 8 * HOUR
    assert set(running(session, answered)) == {RESOLUTION}
    assert running(session, answered)[RESOLUTION].stands_still == "customer"
    assert running(session, old)[FIRST].due_at == now + 4 * HOUR
    assert running(session, old)[RESOLUTION].due_at == now + 3 * DAY
    assert support.watch(session, now=now) == 0


def test_a_breach_stays_one_after_the_move(session, desk, ticket):
    late = MONDAY + 5 * HOUR
    support.watch(session, now=late)
    move(session, desk, ENTERPRISE, late)
    assert running(session, ticket)[FIRST].breached_at == MONDAY + 4 * HOUR
    assert support.watch(session, now=late + 30 * DAY) == 1  # the resolution's own


def test_a_ticket_that_was_closed_moves_when_it_is_opened_again(session, desk, ticket):
    desk.close(session, ticket, MONDAY + HOUR)
    assert move(session, desk, ENTERPRISE, MONDAY + 2 * HOUR) == 0
    desk.reopen(session, ticket, MONDAY + 3 * HOUR)
    assert ticket.tier == "custom"
    assert running(session, ticket)[RESOLUTION].due_at == MONDAY + DAY + 2 * HOUR


# ---- The watch -----------------------------------------------------------------------------------


def test_what_is_due_soon_and_overdue_is_told_once_of_each_clock(session, desk, ticket):
    told = []
    for minutes in (0, 179, 180, 200, 239, 240, 241, 1000):
        told.append(support.watch(session, now=MONDAY + timedelta(minutes=minutes)))
    assert told == [0, 0, 1, 0, 0, 1, 0, 0]
    assert clock(session, ticket, FIRST).breached_at == MONDAY + 4 * HOUR


def test_what_nobody_watched_in_time_is_told_as_overdue_alone(session, desk, ticket):
    assert support.watch(session, now=MONDAY + 10 * DAY) == 2
    assert facts(session, support.TicketDueSoon) == []
    assert len(facts(session, support.TicketBreached)) == 2


def test_nothing_is_told_of_what_was_given_or_stands_still(session, desk, ticket):
    desk.reply(session, ticket, MONDAY)
    assert support.watch(session, now=MONDAY + 10 * DAY) == 0
    desk.answer(session, ticket, MONDAY)
    desk.close(session, ticket, MONDAY)
    assert support.watch(session, now=MONDAY + 20 * DAY) == 0


def test_closing_all_leaves_nothing_owed(session, desk, ticket):
    desk.reply(session, desk.open(session), MONDAY)
    assert support.close_all(session, desk.account, by="the account was closed", now=MONDAY) == 2
    assert support.close_all(session, desk.account, by="the account was closed", now=MONDAY) == 0
    assert support.open_of(session, desk.account) == 0
    assert support.watch(session, now=MONDAY + 20 * DAY) == 0
