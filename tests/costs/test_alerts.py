"""Alerts on costs: the shipped amounts, changed, and each told once a month for what is and what will be."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from portal import costs
from portal.kit.db import unit
from portal.kit.errors import Conflict, Invalid, Missing
from portal.kit.money import Money
from portal.kit.outbox import ToldFact
from tests.costs.bills import NOW, OSCAR, bill, line, take
from worker import costs as duties
from worker.house import House

DAY = timedelta(days=1)


def set_level(session, cents):
    costs.set_level(session, Money(cents), actor=OSCAR, now=NOW)


def drop_level(session, cents):
    costs.drop_level(session, Money(cents), actor=OSCAR, now=NOW)


def amounts(session):
    return [one.amount for one in costs.levels(session, "usd")]


def told(session):
    facts = session.query(ToldFact).filter_by(name="costs.CostReached").order_by(ToldFact.id)
    return [(one.data["month"], one.data["amount"], one.data["kind"]) for one in facts]


def test_ten_fifty_and_a_hundred_are_shipped(session):
    assert amounts(session) == [10_00, 50_00, 100_00]
    assert costs.levels(session, "jpy") == [Money(10, "jpy"), Money(50, "jpy"), Money(100, "jpy")]


def test_two_first_changes_at_once_both_hold(database):
    def change(cents):
        with database() as session, unit(session):
            set_level(session, cents)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(change, cents) for cents in (250_00, 300_00)]:
            done.result()
    with database() as session:
        assert amounts(session) == [10_00, 50_00, 100_00, 250_00, 300_00]


def test_amounts_are_added_and_removed(session):
    set_level(session, 250_00)
    drop_level(session, 10_00)
    assert amounts(session) == [50_00, 100_00, 250_00]
    for cents in (50_00, 100_00, 250_00):
        drop_level(session, cents)
    assert amounts(session) == []
    set_level(session, 10_00)
    assert amounts(session) == [10_00]


def test_what_cannot_be_is_refused(session):
    with pytest.raises(Conflict):
        set_level(session, 50_00)
    with pytest.raises(Missing):
        drop_level(session, 51_00)
    with pytest.raises(Invalid):
        set_level(session, 0)
    for cents in range(9):
        set_level(session, 200_00 + cents)
    with pytest.raises(Conflict, match="Remove one first"):
        set_level(session, 300_00)


def cost(session, cents, **more):
    month = datetime(2026, 11, 1, tzinfo=UTC)
    costs.add(session, "Servers", "Servers", Money(cents), begins_at=month, actor=OSCAR, now=NOW, **more)


def test_what_is_owed_from_the_first_day_is_told_as_it_is_and_not_as_foreseen_too(session):
    cost(session, 60_00)
    assert costs.watch(session, "usd", now=NOW) == 2
    assert costs.watch(session, "usd", now=NOW + DAY) == 0
    assert told(session) == [("2026-11", 10_00, "actual"), ("2026-11", 50_00, "actual")]


def test_what_is_foreseen_is_told_before_it_is_reached(session):
    lines = [line("3", day=f"2026-10-{day:02}") for day in range(1, 32)]
    take(session, bill(*lines, *(line("3", day=f"2026-11-{day:02}") for day in range(1, 3))))
    costs.watch(session, "usd", now=datetime(2026, 11, 3, tzinfo=UTC))
    assert told(session) == [("2026-11", 10_00, "forecast"), ("2026-11", 50_00, "forecast")]


def test_each_month_is_told_anew(session):
    cost(session, 10_00)
    for now in (NOW, NOW + 10 * DAY, NOW + 11 * DAY):
        costs.watch(session, "usd", now=now)
    assert told(session) == [("2026-11", 10_00, "actual"), ("2026-12", 10_00, "actual")]


def test_another_currency_reaches_nothing(session):
    cost(session, 10_00)
    assert costs.watch(session, "eur", now=NOW) == 0


def test_two_watches_at_once_tell_once(database):
    with database() as session, unit(session):
        cost(session, 10_00)
    with database() as first, database() as second:
        with unit(first):
            assert costs.watch(first, "usd", now=NOW) == 1
        with unit(second):
            assert costs.watch(second, "usd", now=NOW) == 0


def test_what_is_charged_in_another_currency_than_that_of_the_plans_is_watched_too(database, settings):
    house = House(settings, database, gate=None, letterhead=None)
    with database() as session, unit(session):
        server = ("Server", "Server", Money(60_00, "eur"))
        costs.add(session, *server, begins_at=NOW.replace(day=1, hour=0), actor=OSCAR, now=NOW)
        assert costs.watched(session, "usd", now=NOW) == ["usd", "eur"]
    assert (duties.watch(house, now=NOW), duties.watch(house, now=NOW)) == (2, 0)
    with database() as session:
        assert {
            one.data["currency"] for one in session.query(ToldFact).filter_by(name="costs.CostReached")
        } == {"eur"}
