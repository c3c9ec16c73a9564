"""Settling: counts enter the ledger once, and quotas that are reached are told once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from portal import accounts, keys, metering
from portal.kit.outbox import ToldFact
from portal.metering import UsageDay, UsageHour, UsageRow, UsageTotal
from tests.gate.book import restart
from tests.metering.conftest import ACTOR


def test_a_call_is_counted_and_settled(house):
    assert house.call(endpoint="GET /a").code == "VALID"
    assert house.call(endpoint="GET /a").code == "VALID"
    assert house.call(endpoint="GET /b", cost=5).quota.used == 7
    done = house.settle()
    assert (done.batches, done.lines) == (1, 2)
    with house.database() as session:
        rows = session.scalars(select(UsageRow).order_by(UsageRow.endpoint)).all()
        assert [(row.endpoint, row.units, row.calls) for row in rows] == [("GET /a", 2, 2), ("GET /b", 5, 1)]
        for table in (UsageHour, UsageDay, UsageTotal):
            rows = session.scalars(select(table)).all()
            assert (sum(row.units for row in rows), sum(row.calls for row in rows)) == (7, 3)
    assert house.gate.peek(house.tag).counts == ()
    assert house.call().quota.used == 8


def test_what_is_settled_is_never_settled_again(house):
    house.call()
    house.settle()
    assert house.settle().batches == 0
    sealed = house.gate.seal([house.tag])
    assert sealed[0].counts == ()


def test_the_letters_are_told_once(house):
    house.call(cost=799)
    assert house.settle().notices == 0
    house.call()
    assert house.settle().notices == 1
    house.call(cost=200)
    assert house.settle().notices == 1
    assert house.settle().notices == 0
    with house.database() as session:
        told = session.scalars(
            select(ToldFact).where(ToldFact.name == "metering.QuotaReached").order_by(ToldFact.id)
        ).all()
        assert [fact.data["percent"] for fact in told] == [80, 100]
    assert house.call().code == "QUOTA_EXCEEDED"


def test_both_percentages_reached_at_once_are_both_told(house):
    house.call(cost=1000)
    assert house.settle().notices == 2


def test_a_settled_call_shows_when_its_key_was_used(house):
    house.call()
    house.settle()
    with house.database() as session:
        key = session.scalars(select(keys.Key)).one()
        assert key.last_used_at is not None and key.last_used_at <= house.now


def test_two_settlers_at_once_do_no_harm(house):
    for _ in range(5):
        for endpoint in ("GET /a", "GET /b"):
            assert house.call(endpoint=endpoint, cost=3).valid
        house.offset += timedelta(minutes=1)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: metering.settle(house.database, house.gate, now=house.now), range(4)))
    with house.database() as session:
        assert sum(row.units for row in session.scalars(select(UsageRow))) == 30
    assert all(balance.balanced for balance in metering.reconcile(house.database, house.gate, now=house.now))


def test_a_settler_without_a_database_loses_nothing(house):
    house.call()

    def away():
        raise OperationalError("SELECT 1", {}, ConnectionError("away"))

    house.offset += timedelta(minutes=1)
    with pytest.raises(OperationalError):
        metering.settle(away, house.gate, now=house.now)
    assert house.settle().lines == 1


def test_counts_of_no_account_are_left_alone(house):
    house.call()
    house.redis.hset("{Nobody00}:bucket", "gen|1|1|key_x|calls|1|", 1)
    assert house.settle().lines == 1
    assert house.redis.hlen("{Nobody00}:bucket") == 1


def test_a_quota_reached_before_a_restart_is_told_after_it(engines, house):
    house.call(cost=1000)
    restart(engines, house.redis)
    assert house.settle().notices == 2


def test_observed_verdicts_are_in_the_ledger_and_do_not_count(house):
    with house.unit() as session:
        accounts.observe(session, house.account, True, actor=ACTOR, now=house.now)
    house.gate.push(house.tag)
    assert house.call(cost=1001).observed == "QUOTA_EXCEEDED"
    house.settle()
    with house.database() as session:
        totals = {row.meter: row.units for row in session.scalars(select(UsageTotal))}
        assert totals == {"calls": 1001, "observed:QUOTA_EXCEEDED": 1}


def test_ten_thousand_counts_are_settled_in_a_few_statements(house):
    """Each statement settles many rows: their number does not grow with what was counted."""
    bucket = f"{{{house.tag}}}:bucket"
    house.call()
    gen = house.gate.peek(house.tag).gen
    window = house.gate.peek(house.tag).spans["live"].id
    minute = house.gate.peek(house.tag).now_ms // 60_000
    fields = {f"{gen}|{minute}|{window}|key_{n % 50}|calls|1|GET /{n // 50}": 2 for n in range(10_000)}
    house.redis.hset(bucket, mapping=fields)
    statements = []
    with counted(house, statements):
        assert house.settle().lines == 10_001
    assert len(statements) < 40
    with house.database() as session:
        assert session.scalar(select(UsageTotal.units)) == 20_001


@contextmanager
def counted(house, statements):
    bind = house.database.kw["bind"]

    def note(connection, cursor, statement, *more):
        statements.append(statement)

    event.listen(bind, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(bind, "before_cursor_execute", note)


def test_while_postgres_is_down_known_keys_pass_and_nothing_is_lost(engines, house):
    assert house.call().valid
    engines.postgres.stop()
    try:
        assert house.call().quota.used == 2
        with pytest.raises(OperationalError):
            house.settle()
    finally:
        engines.postgres.start()
    assert house.settle().lines >= 1
    with house.database() as session:
        assert session.scalar(select(UsageTotal.units)) == 2
