"""Costs on the database: added, changed, ended, and what each month cost."""

from datetime import UTC, datetime

import pytest

from portal import accounts, costs
from portal.kit.db import unit
from portal.kit.errors import Conflict, Missing
from portal.kit.money import Money

OSCAR = accounts.Actor(None, "oscar@example.com")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def month(text):
    return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)


@pytest.fixture
def session(database):
    with database() as session, unit(session):
        yield session


def add(session, name="Database", cents=2650, service="Database", begins="2026-01", ends=None, **more):
    return costs.add(
        session,
        name,
        service,
        Money(cents, **more),
        begins_at=month(begins),
        ends_at=month(ends) if ends else None,
        actor=OSCAR,
        now=NOW,
    )


def year(session, currency="usd"):
    return [one.total(currency).amount for one in costs.months(session, month("2026-01"), 12)]


def test_a_month_is_shown_by_service_the_dearest_first(session):
    for name, service, cents in (("A", "Servers", 10_00), ("B", "Database", 26_50), ("C", "Servers", 20_00)):
        add(session, name, cents, service)
    found = costs.month(session, NOW)
    assert [(one.service, one.amount) for one in found.services] == [
        ("Servers", Money(30_00)),
        ("Database", Money(26_50)),
    ]
    assert [one.name for one in found.services[0].charges] == ["C", "A"]
    assert found.totals == (Money(56_50),)


def test_a_cost_counts_in_its_months_alone(session):
    add(session, cents=100, begins="2026-03", ends="2026-06")
    assert year(session) == [0, 0, 100, 100, 100, 0, 0, 0, 0, 0, 0, 0]


def test_another_amount_leaves_the_months_before_as_they_were(session):
    row = add(session, cents=100)
    fresh = costs.change(session, row.id, Money(250), begins_at=month("2026-11"), actor=OSCAR, now=NOW)
    assert year(session) == [100] * 10 + [250, 250]
    assert (row.amount, row.ended_by, fresh.amount) == (100, OSCAR.label, 250)


def test_a_planned_end_outlives_a_change(session):
    row = add(session, cents=100, ends="2026-12")
    costs.change(session, row.id, Money(250), begins_at=month("2026-05"), actor=OSCAR, now=NOW)
    assert year(session) == [100] * 4 + [250] * 7 + [0]


def test_a_cost_ends_with_its_last_month_and_only_once(session):
    row = add(session, cents=100)
    costs.end(session, row.id, last_month=month("2026-10"), actor=OSCAR, now=NOW)
    assert year(session) == [100] * 10 + [0, 0]
    with pytest.raises(Conflict):
        costs.end(session, row.id, last_month=month("2026-11"), actor=OSCAR, now=NOW)
    with pytest.raises(Missing):
        costs.end(session, "cost_nothing", last_month=month("2026-11"), actor=OSCAR, now=NOW)


def test_what_was_typed_by_mistake_is_withdrawn_and_stays_readable(session):
    row = add(session, begins="2026-11")
    costs.end(session, row.id, last_month=month("2026-10"), actor=OSCAR, now=NOW)
    assert year(session) == [0] * 12
    assert [one.id for one in costs.typed(session)] == [row.id]


def test_currencies_stand_beside_each_other(session):
    add(session, "Mail", 500, currency="eur")
    add(session, "Servers", 1000)
    assert costs.month(session, NOW).totals == (Money(500, "eur"), Money(1000))
    assert year(session, "eur") == [500] * 12
