"""Windows: which month counts, and that no plan change gives an allowance twice."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from portal import metering, plans
from portal.kit.db import unit
from portal.metering import UsageTotal, Window, rules
from portal.metering.models import UsageFinal
from tests.metering.conftest import ACTOR
from tests.plans.people import account_of, publish


def day(year, month, day, hour=0):
    return datetime(year, month, day, hour, tzinfo=UTC)


ANCHORED = [
    (day(2027, 1, 31), day(2027, 2, 10), day(2027, 1, 31), day(2027, 2, 28), day(2027, 3, 31)),
    (day(2027, 1, 31), day(2027, 2, 28), day(2027, 2, 28), day(2027, 3, 31), day(2027, 4, 30)),
    (day(2028, 1, 31), day(2028, 2, 15), day(2028, 1, 31), day(2028, 2, 29), day(2028, 3, 31)),
    (day(2028, 2, 29), day(2029, 2, 28, 5), day(2029, 2, 28), day(2029, 3, 29), day(2029, 4, 29)),
    (
        day(2026, 12, 15, 7),
        day(2027, 1, 15, 6),
        day(2026, 12, 15, 7),
        day(2027, 1, 15, 7),
        day(2027, 2, 15, 7),
    ),
]


@pytest.mark.parametrize(("anchor", "at", "start", "end", "after"), ANCHORED)
def test_paid_months_count_from_the_first_anchor(anchor, at, start, end, after):
    assert rules.periods(anchor, at) == ((start, end), (end, after))


def test_free_months_are_calendar_months():
    assert rules.periods(None, day(2028, 2, 29, 23)) == (
        (day(2028, 2, 1), day(2028, 3, 1)),
        (day(2028, 3, 1), day(2028, 4, 1)),
    )


moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@given(anchor=st.none() | moments, at=moments)
def test_windows_cover_time_without_a_gap(anchor, at):
    present, following = rules.periods(anchor, at)
    assert present[0] <= at < present[1] == following[0] < following[1]
    assert rules.periods(anchor, present[0])[0] == present
    assert rules.periods(anchor, present[1])[0] == following


NOON = day(2026, 11, 22, 12)


@pytest.fixture
def alice(session):
    publish(session, day(2026, 1, 1))
    return account_of(session, "Alice", day(2026, 1, 2))


def opened(session, account_id, now):
    return metering.open_windows(session, plans.current(session, account_id, now=now), now=now)


def test_windows_are_opened_once(session, alice):
    first = opened(session, alice, NOON)
    assert (first.live.kind, first.live.starts_at, first.live.ends_at) == (
        "free",
        day(2026, 11, 1),
        day(2026, 12, 1),
    )
    assert first.live_next.starts_at == first.live.ends_at
    assert (first.test.kind, first.test.starts_at) == ("test", day(2026, 11, 1))
    assert opened(session, alice, NOON + timedelta(days=1)) == first
    december = opened(session, alice, day(2026, 12, 1))
    assert (december.live, december.test) == (first.live_next, first.test_next)


def test_a_paid_plan_has_windows_of_its_own_and_another_paid_plan_keeps_them(session, alice):
    free = opened(session, alice, NOON).live
    plans.grant(session, alice, "api-pro", ACTOR, NOON)
    paid = opened(session, alice, NOON).live
    assert (paid.kind, paid.starts_at, paid.ends_at) == ("paid", NOON, day(2026, 12, 22, 12))
    assert paid.id != free.id
    plans.grant(session, alice, "api-enterprise", ACTOR, NOON + timedelta(days=3))
    assert opened(session, alice, NOON + timedelta(days=3)).live == paid


def test_coming_back_within_a_month_finds_the_free_window_that_was_left(session, alice):
    free = opened(session, alice, NOON).live
    plans.grant(session, alice, "api-pro", ACTOR, NOON)
    opened(session, alice, NOON)
    plans.end(session, alice, "api", ACTOR, NOON + timedelta(days=2))
    assert opened(session, alice, NOON + timedelta(days=2)).live == free


def test_a_free_allowance_is_not_given_twice(house):
    assert house.call(cost=900).valid
    house.grant("api-pro")
    assert house.call(cost=50_000).quota.used == 50_000
    with house.unit() as session:
        plans.end(session, house.account, "api", ACTOR, house.now)
    house.gate.push(house.tag)
    assert house.call(cost=101).code == "QUOTA_EXCEEDED"
    assert house.call(cost=100).quota.used == 1000


def test_an_upgrade_holds_at_once(house):
    assert house.call(cost=1000).valid
    assert house.call().code == "QUOTA_EXCEEDED"
    house.grant("api-pro")
    verdict = house.call()
    assert (verdict.plan, verdict.quota.used, verdict.quota.limit) == ("api-pro", 1, 100_000)


def test_a_plan_that_ends_is_noticed_by_the_gate_itself(house):
    ends_at = house.now + timedelta(hours=1)
    with house.unit() as session:
        plans.grant(session, house.account, "api-pro", ACTOR, house.now, ends_at=ends_at)
    house.gate.push(house.tag)
    assert house.call().plan == "api-pro"
    house.offset += timedelta(hours=2)
    assert house.call().plan == "api-free"


def test_windows_cannot_be_changed_by_the_application(house):
    house.call()
    house.settle()
    for statement in (
        "UPDATE usage_window SET ends_at = ends_at + interval '1 day'",
        "DELETE FROM usage_window",
        "UPDATE usage_row SET units = 0",
        "DELETE FROM usage_row",
        "DELETE FROM usage_batch",
        "DELETE FROM usage_event",
        "UPDATE usage_final SET units = 0",
    ):
        with pytest.raises(Exception, match="permission denied"), house.unit() as session:
            session.execute(text(statement))


def test_final_counters_are_stored_an_hour_after_the_end(house):
    house.call(cost=7)
    house.settle()
    with house.unit() as session:
        november = session.scalars(select(Window).where(Window.kind == "free").order_by(Window.id)).first()
        assert metering.close_windows(session, now=november.ends_at + timedelta(minutes=59)) == 0
        assert (
            metering.close_windows(session, now=november.ends_at + timedelta(hours=1)) == 2
        )  # live and test
        assert metering.close_windows(session, now=november.ends_at + timedelta(hours=2)) == 0
        finals = session.scalars(select(UsageFinal)).all()
        assert [(final.window_id, final.meter, final.units) for final in finals] == [
            (november.id, "calls", 7)
        ]


def test_the_windows_of_a_great_many_accounts_are_closed_at_once(house):
    many = 66_000  # more than a query may name
    house.call(cost=1)
    with house.unit() as session:
        found = select(Window.account_id, Window.ends_at).order_by(Window.id)
        account, ends_at = session.execute(found).first()
        session.execute(
            text(
                "INSERT INTO usage_window (account_id, kind, starts_at, ends_at, opened_at) "
                "SELECT :account, 'paid', :ends_at - number * interval '1 minute', :ends_at, :ends_at "
                "FROM generate_series(1, :many) AS number"
            ),
            {"account": account, "ends_at": ends_at, "many": many},
        )
        session.execute(
            text(
                "INSERT INTO usage_total SELECT id, 'calls', account_id, 3, 1 FROM usage_window "
                "WHERE kind = 'paid'"
            )
        )
    with house.unit() as session:
        assert metering.close_windows(session, now=ends_at + timedelta(hours=1)) == many + 2
        assert session.scalar(select(func.sum(UsageFinal.units))) == 3 * many


def test_what_comes_after_the_close_is_carried_forward(house):
    name = house.call(cost=5, reserve=True).reservation_id
    house.call(cost=2)
    house.settle()
    with house.unit() as session:
        ends_at = session.scalars(select(Window.ends_at).order_by(Window.id)).first()
        metering.close_windows(session, now=ends_at + timedelta(hours=1))
    house.gate.confirm(name, 5)
    house.settle()
    with house.database() as session, unit(session):
        assert session.scalars(select(UsageTotal.units)).all() == [7]
        assert session.scalars(select(UsageFinal.units)).all() == [2]
