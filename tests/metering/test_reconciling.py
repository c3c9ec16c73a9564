"""Reconciling: the proof holds, and it fails when something is wrong."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from portal import metering
from portal.gate import Unavailable
from portal.kit import db
from portal.metering import settling
from tests.gate.book import restart

MINUTE = timedelta(minutes=1)


def balances(house):
    return metering.reconcile(house.database, house.gate, account_id=house.account, now=house.now)


def calls(house):
    (found,) = [one for one in balances(house) if (one.environment, one.meter) == ("live", "calls")]
    return found


def test_an_account_without_a_call_balances(house):
    found = balances(house)
    assert {(one.environment, one.meter) for one in found} == {
        (environment, meter) for environment in ("live", "test") for meter in ("calls", "tokens")
    }
    assert all(one.balanced and one.counter == 0 and one.state == "cold" for one in found)


def test_settled_unsettled_and_held_make_up_the_counter(house):
    house.call(cost=5)
    house.settle()
    house.call(cost=3)
    house.call(cost=2, reserve=True)
    found = calls(house)
    assert (found.counter, found.ledger, found.unsettled, found.held) == (10, 5, 3, 2)
    assert (found.difference, found.torn, found.state) == (0, (), "warm")


def test_a_settlement_that_was_not_cleared_is_no_difference(house):
    house.call(cost=5)
    house.offset += MINUTE
    sealed = house.gate.seal([house.tag])
    with house.unit() as session:
        settling.book(session, sealed, now=house.now)
    found = calls(house)
    assert (found.counter, found.ledger, found.unsettled, found.difference) == (5, 5, 0, 0)


def test_a_restarted_redis_balances(engines, house):
    house.call(cost=5)
    house.settle()
    house.call(cost=2)
    restart(engines, house.redis)
    found = calls(house)
    assert (found.counter, found.difference, found.state) == (7, 0, "cold")


def test_all_accounts_with_an_open_window_are_compared(house):
    house.call()
    assert {one.account for one in metering.reconcile(house.database, house.gate, now=house.now)} == {
        house.account
    }


def test_a_counter_that_is_wrong_is_found(house):
    house.call(cost=5)
    name = f"{{{house.tag}}}:account"
    (field,) = [name for name in house.redis.hkeys(name) if name.startswith(b"u:")]
    house.redis.hincrby(name, field, 3)
    found = calls(house)
    assert (found.difference, found.balanced) == (3, False)


def test_a_roll_up_that_is_wrong_is_found(house):
    house.call(cost=5)
    house.settle()
    with house.unit() as session:
        session.execute(text("UPDATE usage_hour SET units = units + 1"))
    assert calls(house).torn == ("hour",)


def test_a_line_that_was_lost_is_found(house, owner_database_url):
    house.call(cost=5)
    house.settle()
    owner = db.engine(owner_database_url)
    with owner.begin() as connection:
        connection.execute(text("DELETE FROM usage_row"))
    owner.dispose()
    found = calls(house)
    assert (found.difference, found.torn) == (5, ("total", "day", "hour"))


def test_without_redis_nothing_is_said(engines, house):
    engines.redis.kill()
    with pytest.raises(Unavailable):
        balances(house)
    engines.redis.start()


def test_events_that_the_gate_learnt_of_balance(house):
    house.call()
    with house.unit() as session:
        event = metering.Event("1", "/s", "calls", house.account, 4, house.now)
        metering.take_events(session, [event], now=house.now)
    house.gate.push(house.tag)
    found = calls(house)
    assert (found.counter, found.ledger, found.unsettled, found.difference) == (5, 4, 1, 0)
