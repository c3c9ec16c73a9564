from sqlalchemy import select

from portal import keys
from portal.kit.outbox import ToldFact
from portal.metering import UsageDay, UsageHour, UsageRow, UsageTotal


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
        told = session.scalars(select(ToldFact).where(ToldFact.name == "metering.QuotaReached")).all()
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
