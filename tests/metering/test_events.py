"""Events: usage measured elsewhere enters the ledger, each event once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import keys, metering
from portal.kit.errors import Invalid
from portal.kit.outbox import ToldFact
from portal.kit.tokens import Pepper
from portal.metering import Event, UsageDay, UsageRow, UsageTotal, Window
from tests.plans.people import OPERATOR, account_of

STAMP = keys.Stamp("upk", Pepper("p1", b"0123456789abcdef"))


def event(house, number=1, **changes):
    one = Event(
        id=f"evt-{number}", source="/worker", meter="tokens", subject=house.account, units=10, at=house.now
    )
    return replace(one, **changes)


def take(house, *events):
    with house.unit() as session:
        taken = metering.take_events(session, events, now=house.now)
    return taken.inserted, taken.duplicates


def total(house):
    with house.database() as session:
        return sum(session.scalars(select(UsageTotal.units)))


def test_events_are_added_up(house):
    assert take(house, event(house, 1), event(house, 2, units=5), event(house, 3, endpoint="POST /chat")) == (
        3,
        0,
    )
    with house.database() as session:
        rows = session.scalars(select(UsageRow).order_by(UsageRow.endpoint)).all()
        assert [(row.endpoint, row.units, row.calls, row.key_id, row.batch_id) for row in rows] == [
            ("", 15, 2, "", None),
            ("POST /chat", 10, 1, "", None),
        ]
    assert total(house) == 25


def test_an_event_told_twice_counts_once(house):
    assert take(house, event(house, 1)) == (1, 0)
    assert take(house, event(house, 1), event(house, 2)) == (1, 1)
    assert take(house, event(house, 2), event(house, 2), event(house, 3), event(house, 3)) == (1, 3)
    assert take(house, event(house, 1, source="/elsewhere")) == (1, 0)
    assert total(house) == 40


def test_calls_that_the_gate_could_not_count_are_the_keys(house):
    with house.unit() as session:
        key = keys.mint(session, house.account, "Live", stamp=STAMP, actor=OPERATOR, now=house.now)
    calls = event(house, 1, meter="calls", units=12, calls=9, key_id=key.key_id, endpoint="GET /a")
    assert take(house, calls) == (1, 0)
    with house.database() as session:
        (row,) = session.scalars(select(UsageRow))
        assert (row.key_id, row.meter, row.units, row.calls) == (key.key_id, "calls", 12, 9)


def test_what_a_test_key_used_counts_in_its_own_window(house):
    with house.unit() as session:
        key = keys.mint(
            session,
            house.account,
            "Test",
            stamp=STAMP,
            actor=OPERATOR,
            environment="test",
            now=house.now,
        )
    assert take(house, event(house, 1, key_id=key.key_id), event(house, 2, units=3)) == (2, 0)
    with house.database() as session:
        kinds = select(Window.kind, UsageRow.units).join(Window, Window.id == UsageRow.window_id)
        assert dict(session.execute(kinds).all()) == {"test": 10, "free": 3}


def test_a_key_of_another_account_is_refused(house):
    with house.unit() as session:
        other = account_of(session, "Charlie", house.now)
        key = keys.mint(session, other, "Live", stamp=STAMP, actor=OPERATOR, now=house.now)
    with pytest.raises(Invalid) as refusal:
        take(house, event(house, 1), event(house, 2, key_id=key.key_id))
    assert refusal.value.field == "data.key_id" and total(house) == 0


def test_a_batch_with_a_fault_is_not_taken_at_all(house):
    with pytest.raises(Invalid) as refusal:
        take(house, event(house, 1), event(house, 2, subject="acc_nobody"))
    assert refusal.value.field == "subject"
    with pytest.raises(Invalid) as refusal:
        take(house, event(house, 1), event(house, 2, meter="unheard"))
    assert refusal.value.field == "type"
    assert total(house) == 0
    assert take(house, event(house, 1)) == (1, 0), "what was refused may be told again"


def test_the_same_events_from_many_sides_count_once(house):
    events = [event(house, number) for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda turn: take(house, *events[turn * 7 :], *events[: turn * 7]), range(4)))
    assert sum(inserted for inserted, _ in answers) == 40
    assert total(house) == 400


def test_usage_of_the_past_counts_now_and_is_shown_when_it_happened(house):
    take(
        house,
        event(house, 1, at=house.now - timedelta(days=400)),
        event(house, 2, at=house.now + timedelta(days=9)),
    )
    with house.database() as session:
        assert {row.day for row in session.scalars(select(UsageDay))} == {house.now.date()}


def test_the_gate_learns_of_events(house):
    assert house.call(meter="calls").valid
    take(house, event(house, 1, meter="calls", units=999))
    with house.database() as session:
        told = session.scalars(select(ToldFact).where(ToldFact.name == "metering.UsageTold")).all()
        assert [fact.data for fact in told] == [{"account_id": house.account}]
    house.gate.push(house.tag)
    assert house.call().code == "QUOTA_EXCEEDED", "the call in the bucket and the events fill the month"


def test_events_alone_may_reach_a_quota(house):
    take(house, event(house, 1, meter="calls", units=800))
    take(house, event(house, 2, meter="calls", units=300))
    take(house, event(house, 3, meter="calls", units=300))
    with house.database() as session:
        told = session.scalars(
            select(ToldFact).where(ToldFact.name == "metering.QuotaReached").order_by(ToldFact.id)
        ).all()
        assert [fact.data["percent"] for fact in told] == [80, 100]


def test_nothing_is_taken_from_nothing(house):
    assert take(house) == (0, 0)
