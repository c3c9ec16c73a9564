"""Quotes: offered within bounds, accepted once, and of four ends only one."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from deploy.local.process import wait_until
from portal import accounts, support
from portal.accounts.models import Member
from portal.kit.db import unit
from portal.kit.errors import Conflict, Forbidden, Invalid, Missing
from portal.kit.money import Money
from portal.kit.outbox import Fact, ToldFact
from portal.support.models import Quote
from tests.support.desk import MONDAY, clock, set_up
from tests.waiting import somebody_waits

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
USUAL = Money(80_000)


@pytest.fixture
def desk(session):
    return set_up(session)


@pytest.fixture
def ticket(session, desk):
    return desk.open(session, kind="deployment")


def offer(session, desk, ticket, now=MONDAY + HOUR, **given):
    words = {"valid_days": 14, "nonce": desk.nonce(), "actor": desk.sue, "now": now, **given}
    amount = words.pop("amount", USUAL)
    return support.offer(session, ticket.id, amount, words.pop("text", "We set it up."), **words)


def accept(session, desk, quote, ticket, now=MONDAY + 2 * HOUR, **given):
    words = {"actor": desk.alice, "now": now, **given}
    return support.accept(session, words.pop("account", desk.account), ticket.number, quote.id, **words)


def decline(session, desk, quote, ticket, now=MONDAY + 2 * HOUR, **given):
    words = {"actor": desk.alice, "now": now, **given}
    return support.decline(session, words.pop("account", desk.account), ticket.number, quote.id, **words)


def withdraw(session, desk, quote, ticket, now=MONDAY + 2 * HOUR, **given):
    return support.withdraw(session, ticket.id, quote.id, **{"actor": desk.sue, "now": now, **given})


def told(session, *kinds):
    session.flush()
    names = [kind.name for kind in kinds]
    rows = session.scalars(select(ToldFact).where(ToldFact.name.in_(names)).order_by(ToldFact.id))
    return [Fact.known[row.name](**row.data) for row in rows]


def test_a_quote_is_an_answer_of_staff_with_a_price(session, desk, ticket):
    quote = offer(session, desk, ticket)
    assert quote.state(MONDAY + 2 * HOUR) == "offered" and quote.expires_at == MONDAY + HOUR + 14 * DAY
    said = support.conversation(session, ticket.id, notes=False)[-1]
    assert (said.message.body, said.message.side) == ("We set it up.", "staff")
    assert clock(session, ticket, "first_response") is None
    assert clock(session, ticket, "resolution").stands_still == "customer"
    assert told(session, support.QuoteOffered) == [support.QuoteOffered(desk.account, ticket.id, quote.id)]
    assert told(session, support.TicketAnswered) == [], "it has a letter of its own"


def test_offered_twice_by_a_double_click_it_is_one(session, desk, ticket):
    first = offer(session, desk, ticket, nonce="once")
    assert offer(session, desk, ticket, nonce="once") is first
    assert len(support.quotes(session, ticket.id)) == 1


@pytest.mark.parametrize(
    ("amount", "reason", "field"),
    [
        (0, "", "amount"),
        (-100, "", "amount"),
        (49_999, "", "reason"),
        (200_001, "", "reason"),
        (2_000_001, "Large.", "amount"),
        (50_000, "", None),
        (200_000, "", None),
        (49_999, "A friend.", None),
        (2_000_000, "Three regions.", None),
    ],
)
def test_an_amount_outside_of_the_catalogues_needs_a_reason(session, desk, ticket, amount, reason, field):
    if field is None:
        assert offer(session, desk, ticket, amount=Money(amount), reason=reason).reason == (reason or None)
        return
    with pytest.raises(Invalid) as refused:
        offer(session, desk, ticket, amount=Money(amount), reason=reason)
    assert refused.value.field == field


@pytest.mark.parametrize("days", [0, 91, -1])
def test_a_quote_stands_for_some_days(session, desk, ticket, days):
    with pytest.raises(Invalid):
        offer(session, desk, ticket, valid_days=days)


def test_one_stands_at_a_time(session, desk, ticket):
    first = offer(session, desk, ticket)
    with pytest.raises(Conflict, match="stands in this ticket already"):
        offer(session, desk, ticket)
    withdraw(session, desk, first, ticket)
    second = offer(session, desk, ticket)
    after = second.expires_at + HOUR
    third = offer(session, desk, ticket, now=after)
    assert [one.state(after) for one in support.quotes(session, ticket.id)] == [
        "offered",
        "expired",
        "withdrawn",
    ]
    assert third.id and told(session, support.QuoteExpired) == [
        support.QuoteExpired(desk.account, ticket.id, second.id)
    ]


def test_quotes_are_for_open_tickets_about_a_deployment(session, desk, ticket):
    with pytest.raises(Conflict):
        offer(session, desk, desk.open(session))
    desk.close(session, ticket, MONDAY)
    with pytest.raises(Conflict):
        offer(session, desk, ticket)


def test_customers_offer_nothing_and_withdraw_nothing(session, desk, ticket):
    with pytest.raises(Forbidden):
        offer(session, desk, ticket, actor=desk.alice)
    quote = offer(session, desk, ticket)
    with pytest.raises(Forbidden):
        withdraw(session, desk, quote, ticket, actor=desk.alice)


def test_accepted_it_is_told_once_and_once_it_is_paid_it_is_our_turn(session, desk, ticket):
    quote = offer(session, desk, ticket)
    for _ in range(2):
        assert accept(session, desk, quote, ticket).state(MONDAY + DAY) == "accepted"
    assert quote.accepted_by == desk.alice.person_id
    assert len(told(session, support.QuoteAccepted)) == 1
    assert clock(session, ticket, "resolution").stands_still == "customer", "they pay next"
    support.begin_work(session, quote.id, now=MONDAY + 3 * HOUR)
    assert clock(session, ticket, "resolution").stands_still is None
    assert ticket.unanswered_since == MONDAY + 3 * HOUR
    assert clock(session, ticket, "next_response") is None, "work is awaited, and no answer"
    with pytest.raises(Conflict, match="accepted by Alice on 23 November 2026, 11:00 UTC"):
        decline(session, desk, quote, ticket)


def test_declined_it_is_told_once(session, desk, ticket):
    quote = offer(session, desk, ticket)
    for _ in range(2):
        assert decline(session, desk, quote, ticket).state(MONDAY + DAY) == "declined"
    assert len(told(session, support.QuoteDeclined)) == 1
    assert clock(session, ticket, "next_response").started_at == MONDAY + 2 * HOUR
    with pytest.raises(Conflict, match="was declined by Alice"):
        accept(session, desk, quote, ticket)
    with pytest.raises(Conflict):
        withdraw(session, desk, quote, ticket)


@pytest.mark.parametrize("verb", [accept, decline])
def test_only_who_spends_the_accounts_money_says_yes_or_no(session, desk, ticket, verb):
    quote = offer(session, desk, ticket)
    with pytest.raises(Forbidden):
        verb(session, desk, quote, ticket, actor=desk.bob)
    with pytest.raises(Forbidden):
        verb(session, desk, quote, ticket, actor=desk.charlie)
    with pytest.raises(Forbidden):
        verb(session, desk, quote, ticket, actor=desk.sue)
    with pytest.raises(Missing):
        verb(session, desk, quote, ticket, actor=desk.charlie, account=desk.charlies)
    assert quote.state(MONDAY + DAY) == "offered"


def test_a_quote_of_another_ticket_is_not_there(session, desk, ticket):
    quote, other = offer(session, desk, ticket), desk.open(session, kind="deployment")
    for verb in (accept, decline, withdraw):
        with pytest.raises(Missing):
            verb(session, desk, quote, other)


def test_after_its_time_it_can_be_accepted_no_more_also_before_anybody_noticed(session, desk, ticket):
    quote = offer(session, desk, ticket)
    with pytest.raises(Conflict, match="could be accepted until 7 December 2026, 10:00 UTC"):
        accept(session, desk, quote, ticket, now=quote.expires_at)
    assert accept(session, desk, quote, ticket, now=quote.expires_at - timedelta(seconds=1))


def test_expiry_is_told_once(session, desk, ticket):
    quote = offer(session, desk, ticket)
    assert support.expire_quotes(session, now=quote.expires_at - HOUR) == 0
    assert [support.expire_quotes(session, now=quote.expires_at) for _ in range(2)] == [1, 0]
    assert len(told(session, support.QuoteExpired)) == 1


def test_withdrawn_it_can_be_accepted_no_more(session, desk, ticket):
    quote = offer(session, desk, ticket)
    for _ in range(2):
        withdraw(session, desk, quote, ticket)
    with pytest.raises(Conflict, match="was withdrawn on"):
        accept(session, desk, quote, ticket)
    assert [fact.accepted for fact in told(session, support.QuoteWithdrawn)] == [False]


def test_an_accepted_one_can_be_withdrawn_and_that_is_said(session, desk, ticket):
    quote = offer(session, desk, ticket)
    accept(session, desk, quote, ticket)
    withdraw(session, desk, quote, ticket)
    assert quote.state(MONDAY + DAY) == "withdrawn"
    assert [fact.accepted for fact in told(session, support.QuoteWithdrawn)] == [True]


def test_who_offered_accepted_and_withdrew_is_noted(session, desk, ticket):
    quote = offer(session, desk, ticket)
    accept(session, desk, quote, ticket)
    withdraw(session, desk, quote, ticket)
    session.flush()
    entry = accounts.AuditEntry
    noted = session.scalars(select(entry).where(entry.action.contains("quote")).order_by(entry.id))
    assert [(row.actor.partition("@")[0], row.action) for row in noted] == [
        ("sue", "ticket.quote_offered"),
        ("alice", "quote.accepted"),
        ("sue", "ticket.quote_withdrawn"),
    ]


def at_once(database, *verbs):
    """What each of these gave back or was refused with, all begun together."""
    barrier, outcomes = threading.Barrier(len(verbs)), []

    def go(verb):
        with database() as session:
            barrier.wait()
            try:
                with unit(session):
                    verb(session)
                outcomes.append(None)
            except Conflict as refusal:
                outcomes.append(refusal.sentence)

    threads = [threading.Thread(target=go, args=(verb,)) for verb in verbs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_of_two_members_at_once_one_accepts_and_the_other_reads_who(database):
    with database() as session, unit(session):
        desk = set_up(session)
        session.get_one(Member, (desk.account, desk.bob.person_id)).role = "billing"
        ticket = desk.open(session, kind="deployment")
        quote = offer(session, desk, ticket)
    refused = [
        sentence
        for sentence in at_once(
            database,
            lambda session: accept(session, desk, quote, ticket),
            lambda session: accept(session, desk, quote, ticket, actor=desk.bob),
        )
        if sentence
    ]
    assert len(refused) == 1 and "was accepted by" in refused[0]
    with database() as session:
        assert len(told(session, support.QuoteAccepted)) == 1


def test_of_accepting_and_withdrawing_at_once_either_order_is_one_story(database):
    with database() as session, unit(session):
        desk = set_up(session)
        ticket = desk.open(session, kind="deployment")
        quote = offer(session, desk, ticket)
    at_once(
        database,
        lambda session: accept(session, desk, quote, ticket),
        lambda session: withdraw(session, desk, quote, ticket),
    )
    with database() as session:
        row = session.scalars(select(Quote)).one()
        [withdrawn] = told(session, support.QuoteWithdrawn)
        assert row.withdrawn_at is not None
        assert withdrawn.accepted == (row.accepted_at is not None)
        assert len(told(session, support.QuoteAccepted)) == withdrawn.accepted


def test_paid_after_the_ticket_was_closed_it_is_open_again_for_the_work(session, desk, ticket):
    quote = offer(session, desk, ticket)
    accept(session, desk, quote, ticket)
    desk.close(session, ticket, MONDAY + 3 * HOUR)
    support.begin_work(session, quote.id, now=MONDAY + 4 * HOUR)
    assert ticket.closed_at is None and ticket.unanswered_since == MONDAY + 4 * HOUR
    assert clock(session, ticket, "resolution").stands_still is None


def test_paid_after_the_account_was_closed_nothing_begins(session, desk, ticket):
    quote = offer(session, desk, ticket)
    accept(session, desk, quote, ticket)
    desk.close(session, ticket, MONDAY + 3 * HOUR)
    accounts.get(session, desk.account).closed_at = MONDAY + 3 * HOUR
    support.begin_work(session, quote.id, now=MONDAY + 4 * HOUR)
    assert ticket.closed_at == MONDAY + 3 * HOUR


def test_another_is_offered_once_the_accepted_one_is_paid_or_withdrawn_and_not_before(session, desk, ticket):
    first = offer(session, desk, ticket)
    accept(session, desk, first, ticket)
    with pytest.raises(Conflict, match="was accepted and is not paid yet"):
        offer(session, desk, ticket)
    second = offer(session, desk, ticket, settled=[first.id])
    accept(session, desk, second, ticket)
    with pytest.raises(Conflict, match="was accepted and is not paid yet"):
        offer(session, desk, ticket, settled=[first.id])
    withdraw(session, desk, second, ticket)
    assert offer(session, desk, ticket, settled=[first.id])


def test_of_two_who_offer_at_once_one_does_and_the_other_reads_of_it(database):
    with database() as session, unit(session):
        desk = set_up(session)
        ticket = desk.open(session, kind="deployment")
    refused = at_once(
        database,
        lambda session: offer(session, desk, ticket),
        lambda session: offer(session, desk, ticket, actor=desk.sam),
    )
    assert sorted(filter(None, refused)) == [
        "A quote stands in this ticket already. Withdraw it before you offer another."
    ]
    with database() as session:
        assert len(told(session, support.QuoteOffered)) == 1


def test_of_accepting_and_expiring_at_once_one_happens_and_is_told(database):
    with database() as session, unit(session):
        desk = set_up(session)
        ticket = desk.open(session, kind="deployment")
        quote = offer(session, desk, ticket)
    last = quote.expires_at - timedelta(seconds=1)
    at_once(
        database,
        lambda session: accept(session, desk, quote, ticket, now=last),
        lambda session: support.expire_quotes(session, now=quote.expires_at),
        lambda session: support.expire_quotes(session, now=quote.expires_at),
    )
    with database() as session:
        row = session.scalars(select(Quote)).one()
        assert (row.accepted_at is None) != (row.expired_at is None)
        assert len(told(session, support.QuoteAccepted, support.QuoteExpired)) == 1


def test_an_expiry_that_another_quote_brings_is_told_once_also_with_the_watch_at_once(database):
    with database() as session, unit(session):
        desk = set_up(session)
        ticket = desk.open(session, kind="deployment")
        quote = offer(session, desk, ticket)
    after = quote.expires_at + HOUR
    with database() as session, database() as other:
        with unit(session):
            support.expire_quotes(session, now=after)
            offering = threading.Thread(
                target=lambda: _in_unit(other, lambda: offer(other, desk, ticket, now=after))
            )
            offering.start()
            assert wait_until(lambda: somebody_waits(database), 30)
        offering.join()
        assert len(told(session, support.QuoteExpired)) == 1
        assert len(support.quotes(session, ticket.id)) == 2


def _in_unit(session, verb):
    with unit(session):
        verb()
