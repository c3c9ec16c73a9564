"""Unit economics: every cent of a month is somebody's or idle, and who loses money comes first."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import accounts, costs, sustainability
from portal.kit.money import Money, small
from portal.sustainability.rules import apportion
from tests.costs.bills import OSCAR, bill, line, take
from tests.metering.used import use
from tests.plans.people import publish, someone
from tests.web import money

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
START = datetime(2026, 11, 1, tzinfo=UTC)
AMOUNTS = st.decimals(0, 10_000, places=4)
CALLS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**6), max_size=6)


@given(AMOUNTS, CALLS, st.integers(1, 744))
def test_what_is_used_and_what_is_idle_are_the_whole(monthly, calls, hours):
    busiest = max(1, -(-sum(calls.values()) // hours))
    shares, idle = apportion(monthly, calls, busiest, hours)
    assert abs(sum(shares.values()) + idle - monthly) < Decimal("1e-15")
    assert idle > Decimal("-1e-15") and all(share >= 0 for share in shares.values())


def test_at_a_steady_pace_nothing_is_idle():
    assert apportion(Decimal(100), {"a": 600, "b": 200}, 10, 80) == ({"a": Decimal(75), "b": Decimal(25)}, 0)


def test_without_calls_everything_is_idle():
    assert apportion(Decimal(100), {}, 0, 80) == ({}, Decimal(100))


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0.0041", "$0.0041"),
        ("0.00000123", "$0.0000012"),
        ("1.255", "$1.26"),
        ("0", "$0.00"),
        ("0.5", "$0.50"),
    ],
)
def test_a_tiny_amount_keeps_its_digits(amount, shown):
    assert small(Decimal(amount), "usd") == shown


@pytest.fixture
def accounts_of(session):
    """Alice pays for api-pro, Charlie pays nothing: their accounts."""
    publish(session, NOW)
    found = []
    for name in ("Alice", "Charlie"):
        owner = someone(session, name, NOW)
        found.append(accounts.open_account(session, f"{name}'s", owner, now=NOW).id)
    money.subscription(session, money.customer(session, found[0], NOW), "api-pro", NOW)
    return found


def call(session, account_id, calls, hour=START):
    use(session, account_id, calls, hour, now=NOW)


def economics(session, now=NOW):
    return sustainability.economics(session, money.SANDBOX, "usd", now=now)


def test_who_costs_more_than_they_bring_comes_first_and_idle_is_a_line_of_its_own(session, accounts_of):
    alice, charlie = accounts_of
    costs.add(session, "Servers", "Servers", Money(300_00), begins_at=START, actor=OSCAR, now=NOW)
    until = START + timedelta(days=10)
    for hours in range(240):
        call(session, charlie, 40, START + timedelta(hours=hours))
    call(session, alice, 60, START + timedelta(hours=7))
    found = economics(session, now=until)
    assert (found.busiest, found.calls) == (100, 9_660)
    assert [(one.name, one.cost.amount, one.revenue.amount) for one in found.rows] == [
        ("Charlie's", 120_00, 0),
        ("Alice's", 75, 19_00),
    ]
    assert (found.idle, found.cost) == (Money(179_25), Money(300_00))
    assert found.losing == 1
    assert small(found.per_thousand, "usd") == "$10.35" and small(found.per_thousand_used, "usd") == "$4.17"


def test_the_newest_billed_days_are_measured_and_what_is_paid_ahead_counts_where_it_is_used(
    session, accounts_of
):
    lines = [line("0", EffectiveCost="2", day=f"2026-11-{day:02}") for day in range(1, 16)]
    take(session, bill(*lines))
    call(session, accounts_of[1], 5)
    call(session, accounts_of[1], 5, START + timedelta(days=20))
    found = economics(session)
    assert (found.until, found.calls, found.cost) == (START + timedelta(days=15), 5, Money(60_00))


def test_a_month_that_has_just_begun_shows_the_last_one(session, accounts_of):
    costs.add(session, "Servers", "Servers", Money(300_00), begins_at=START, actor=OSCAR, now=NOW)
    call(session, accounts_of[1], 5)
    found = economics(session, now=datetime(2026, 12, 1, 3, tzinfo=UTC))
    assert (found.starts_at, found.calls) == (START, 5)


def test_without_anything_known_nothing_is_said(session):
    found = economics(session)
    assert (found.cost, found.rows, found.per_thousand) == (Money(0), (), None)
