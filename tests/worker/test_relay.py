from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal import accounts, keys
from portal.kit.db import unit
from portal.kit.errors import Conflict
from portal.kit.outbox import Heard, ToldFact, tell
from tests.worker.stage import follow, letters, team, told
from worker import relay, words


def facts(house):
    with house.sessions() as session:
        return session.scalars(select(ToldFact).order_by(ToldFact.id)).all()


def undone(house):
    return [fact.name for fact in facts(house) if fact.done_at is None]


def half_a_minute_passes(house):
    with house.sessions() as session, unit(session):
        session.execute(update(ToldFact).values(handed_at=ToldFact.handed_at - timedelta(seconds=30)))


def suspended(house):
    """A suspension that nothing has followed from yet: it reaches the gate and writes a letter."""
    account, _ = team(house)
    follow(house)
    with house.sessions() as session, unit(session):
        operator = accounts.Actor(None, "operator")
        accounts.suspend(session, account.id, "Unpaid.", actor=operator, now=account.created_at)
    return account


def test_a_fact_reaches_all_of_its_reactions(house):
    account = suspended(house)
    follow(house)
    assert house.gate.pushed == [account.tag]
    assert [letter.template for letter in letters(house)] == ["accounts/suspended"]
    assert undone(house) == []


def test_a_repeated_errand_does_nothing_more(house):
    account = suspended(house)
    errands = []
    relay.hand_out(house, errands.append)
    for errand in [*errands, *errands]:
        relay.react(house, errand.fact_id, errand.reaction)
    assert house.gate.pushed == [account.tag]
    assert len(letters(house)) == 1


def test_a_wiped_broker_loses_nothing(house):
    account = suspended(house)
    relay.hand_out(house, lambda errand: None)
    assert relay.hand_out(house, lambda errand: None) == 0
    half_a_minute_passes(house)
    follow(house)
    assert house.gate.pushed == [account.tag]
    assert len(letters(house)) == 1
    assert undone(house) == []


def test_a_broker_that_is_away_loses_nothing(house):
    suspended(house)

    def away(errand):
        raise ConnectionError("no broker")

    with pytest.raises(ConnectionError):
        relay.hand_out(house, away)
    half_a_minute_passes(house)
    follow(house)
    assert len(letters(house)) == 1


def test_two_relays_at_once_hand_out_each_fact_once(house):
    suspended(house)
    handed = []

    def nested(errand):
        handed.append(errand)
        relay.hand_out(house, handed.append)

    relay.hand_out(house, nested)
    assert len(handed) == len(set(handed)) == 2


@pytest.mark.parametrize("heard", [0, 1, 2])
def test_a_worker_killed_between_any_two_reactions_loses_nothing(house, heard):
    account = suspended(house)
    errands = []
    relay.hand_out(house, errands.append)
    for errand in errands[:heard]:
        relay.react(house, errand.fact_id, errand.reaction)
    half_a_minute_passes(house)
    follow(house)
    assert house.gate.pushed == [account.tag]
    assert len(letters(house)) == 1
    assert undone(house) == []


def test_a_worker_killed_within_a_reaction_leaves_no_trace_of_it(house):
    account = suspended(house)

    class Killed(BaseException):
        pass

    class DyingGate:
        def push(self, tag):
            raise Killed

    dying = replace(house, gate=DyingGate())
    errands = []
    relay.hand_out(dying, errands.append)
    with pytest.raises(Killed):
        relay.react(dying, errands[0].fact_id, "push")
    with house.sessions() as session:
        assert session.scalars(select(Heard).where(Heard.fact_id == errands[0].fact_id)).all() == []
    half_a_minute_passes(house)
    follow(house)
    assert house.gate.pushed == [account.tag]


def test_what_a_reaction_writes_is_committed_with_its_mark_or_not_at_all(house):
    account, _ = team(house)
    follow(house)
    with house.sessions() as session, unit(session):
        tell(session, accounts.AccountClosed(account.id))
        fact_id = session.scalar(select(ToldFact.id).where(ToldFact.done_at.is_(None)))

    def bug(session, fact, occasion):
        words.account_closed(session, fact, occasion)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        relay.react(house, fact_id, "account_closed", find=lambda fact, name: bug)
    assert letters(house) == []
    relay.react(house, fact_id, "account_closed")
    assert len(letters(house)) == 1


def test_a_refusal_is_heard_and_not_tried_again(house):
    account, _ = team(house)
    follow(house)
    with house.sessions() as session, unit(session):
        tell(session, accounts.AccountOpened(account.id))
        fact_id = session.scalar(select(ToldFact.id).where(ToldFact.done_at.is_(None)))

    def refuse(session, fact, occasion):
        raise Conflict("It is too late for that.")

    relay.react(house, fact_id, "refuse", find=lambda fact, name: refuse)
    with house.sessions() as session:
        assert session.get(Heard, (fact_id, "refuse")).refusal == "It is too late for that."
    assert undone(house) == []


def test_a_fact_about_what_is_gone_is_refused_and_done(house):
    told(house, keys.KeyAmended("acc_gone", "key_gone", "nobody"))
    assert undone(house) == []
