"""Paying by the call, sharing machines, credits: by tables, and by what must hold."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import costs, scaling
from portal.scaling import calling, consolidation, crediting, serverless, sharing
from portal.scaling.cases import read, write
from portal.scaling.crediting import Left
from portal.scaling.figures import Calls, Capacity, Credits, Figures

RATES = scaling.shipped_rates()
VALUES = {name: rate.value for name, rate in RATES.items()}
HTTP, REST = (calling.prices(VALUES, gateway) for gateway in ("http", "rest"))
EACH = Calls(milliseconds=100, memory_mb=512)
SERVERS = Capacity(tasks=2, calls_an_hour=20_000, hourly=0.0123425, balancer_monthly=22.27)
NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.mark.parametrize(("million", "saved"), [(1, 98), (5, 86), (20, 16)])
def test_what_calls_save_against_two_small_tasks_and_a_balancer(million, saved):
    assert SERVERS.monthly == pytest.approx(40.29, abs=0.01)
    cost = calling.cost(million * 1e6, EACH, HTTP)
    assert round(100 * (1 - cost / SERVERS.monthly)) == saved


def test_where_both_cost_the_same_hangs_on_the_gateway():
    assert round(calling.even(SERVERS.monthly, EACH, HTTP) / 1e6) == 23
    assert round(calling.even(SERVERS.monthly, EACH, REST) / 1e6) == 10
    assert calling.cost(20e6, EACH, REST) > 2 * SERVERS.monthly


@given(st.integers(1, 5000), st.integers(128, 4096), st.floats(1, 5000))
def test_below_the_break_even_calls_are_cheaper_and_above_they_are_not(ms, mb, monthly):
    each = Calls(ms, mb)
    even = calling.even(monthly, each, HTTP)
    assert calling.cost(even, each, HTTP) <= monthly < calling.cost(even + 2, each, HTTP) + 1e-9


def months(*million):
    return {datetime(2026, 1 + number, 1, tzinfo=UTC): round(one * 1e6) for number, one in enumerate(million)}


def test_few_calls_are_better_paid_one_by_one_and_the_worst_case_is_growth():
    found = serverless.case(SERVERS, EACH, months(1, 2, 5, 4), RATES, NOW)
    assert found.saving.low < found.saving.likely < found.saving.high < SERVERS.monthly
    assert found.worst.amount == pytest.approx(calling.cost(50e6, EACH, HTTP) - SERVERS.monthly)
    assert found.break_even.at == "23.2 million calls a month"
    assert "4 of 4 months had fewer" in found.break_even.words
    assert found.alternatives[0].saving.likely < found.saving.likely
    assert read(write(found)) == found


def test_many_calls_are_not():
    assert serverless.case(SERVERS, EACH, months(30, 40), RATES, NOW) is None


def busy(hour, peak=8000.0):
    """Four weeks with one busy hour a day."""
    day = np.full(24, 100.0)
    day[hour] = peak
    return np.tile(day, 28)


def test_tenants_whose_busy_hours_differ_need_fewer_tasks_together():
    found = sharing.share([busy(hour) for hour in range(6)], 10_000)
    assert (found.apart, found.together) == ((6,) * 4, (2,) * 4)


def test_tenants_who_are_busy_at_once_save_nothing():
    found = sharing.share([busy(9)] * 6, 10_000)
    assert found.together == (6,) * 4 and set(found.freed) == {0}
    assert consolidation.case(found, 6, SERVERS, 174.0, "usd") is None


@given(st.lists(st.lists(st.integers(0, 9000), min_size=24, max_size=24), min_size=2, max_size=6))
@settings(max_examples=25)
def test_together_never_needs_more_than_one_task_more_than_apart(tenants):
    found = sharing.share([np.tile(np.array(one, float), 7) for one in tenants], 1000)
    assert all(together <= apart + 1 for apart, together in zip(found.apart, found.together, strict=True))


def test_sharing_says_what_is_lost_if_they_leave():
    found = consolidation.case(
        sharing.share([busy(hour) for hour in range(6)], 10_000), 6, SERVERS, 174.0, "usd"
    )
    assert found.worst.amount == 174 and found.saving.likely == pytest.approx(4 * 0.0123425 * 730)
    assert found.alternatives[0].saving.likely > found.saving.likely
    assert read(write(found)) == found


def asked():
    return scaling.Asked("usd", (1.0,) * 12, NOW)


def left(balance, ends_on, at=NOW):
    """What was typed then."""
    return crediting.known(Figures(credits=Credits(balance, ends_on), typed_at={"credits": at}), None, NOW)


@pytest.mark.parametrize(
    ("balance", "ends_on", "title", "said"),
    [
        (90.0, "2027-11-01", "Credits until 25 January 2027", "used up before"),
        (200.0, "2026-12-26", "Credits until 26 December 2026", "lapse on 26 December 2026"),
    ],
)
def test_credits_end_when_they_are_used_up_or_lapse(balance, ends_on, title, said):
    found = crediting.case(left(balance, ends_on), 45.6, asked())
    assert found.title == title and said in found.why
    assert found.worst.amount == 45.6 and title.removeprefix("Credits until ") in found.worst.words
    assert found.evidence.series[0] == ("now", round(balance))
    assert found.evidence.series[-1][1] == 0
    assert read(write(found)) == found


@pytest.mark.parametrize(
    ("balance", "ends_on", "monthly"), [(0, "2027-01-01", 40), (90, "2026-11-01", 40), (90, "2027-01-01", 0)]
)
def test_credits_that_pay_nothing_are_not_spoken_of(balance, ends_on, monthly):
    assert crediting.case(left(balance, ends_on), monthly, asked()) is None


def test_what_was_paid_since_it_was_typed_is_taken_off():
    found = crediting.case(left(90.0, "2027-11-01", NOW - timedelta(days=28)), 45.6, asked())
    assert found.evidence.series[0] == ("now", 48)


def test_a_long_balance_is_no_overflow():
    assert crediting.case(left(1e9, "2027-12-01"), 0.01, asked()).saving.likely > 1e6


LAMBDA = costs.Allowance("AWS Lambda", "Global-Request", "global", "Always Free", "Requests", 4e5, 9e5, 1e6)
METRICS = costs.Allowance("CloudWatch", "CW:Metrics", "us-east-1", "Always Free", "Metrics", 1.5, 2, 10)


def told(amount=100.0, ends_at=None, at=NOW, currency="usd"):
    """What AWS told."""
    return costs.Given(at, costs.AwsPlan("FREE", "ACTIVE", amount, currency, ends_at), (LAMBDA, METRICS))


TYPED = Figures(credits=Credits(90.0, "2027-11-01"), typed_at={"credits": NOW - timedelta(days=2)})
ENDS = datetime(2027, 3, 1, tzinfo=UTC)
NOVEMBER = datetime(2027, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "given", "balance", "ends_at"),
    [
        (TYPED, None, 90, NOVEMBER),
        (TYPED, told(ends_at=ENDS), 100, ENDS),
        (TYPED, told(), 100, NOVEMBER),
        (TYPED, told(amount=None), 90, NOVEMBER),
        (TYPED, told(currency="eur"), 90, NOVEMBER),
        (TYPED, told(at=NOW - timedelta(days=6)), 100, NOVEMBER),
        (TYPED, told(at=NOW - timedelta(days=8)), 90, NOVEMBER),
        (Figures(), told(at=NOW - timedelta(days=8)), 100, None),
    ],
)
def test_what_aws_says_of_credits_counts_before_what_was_typed(typed, given, balance, ends_at):
    found = crediting.known(typed, given, NOW)
    assert (found.balance, found.ends_at) == (balance, ends_at)


def test_without_credits_nothing_is_known_of_them():
    assert crediting.known(Figures(), None, NOW) is None
    assert crediting.known(Figures(), costs.Given(NOW, None, ()), NOW) is None


def test_what_is_nearly_used_up_of_the_free_tier_is_named_first_with_its_numbers():
    found = crediting.case(Left(100.0, NOW, ENDS), 45.6, asked(), told(ends_at=ENDS))
    assert dict(found.checks) == {
        "Plan of the account": "Free plan until 1 March 2027, active",
        "Nearly used up, as AWS expects": "AWS Lambda: Global-Request, always free (90 %)",
    }
    assert found.evidence.rows == (
        ("AWS Lambda: Global-Request, always free", "400,000", "900,000 (90 %)", "1,000,000 Requests"),
        ("CloudWatch: CW:Metrics, always free", "1.50", "2.00 (20 %)", "10.00 Metrics"),
    )
    assert read(write(found)) == found


def test_credits_of_which_nobody_says_when_they_end_last_until_they_are_used_up():
    found = crediting.case(Left(90.0, NOW, None), 45.6, asked())
    assert found.title == "Credits until 25 January 2027" and found.saving.high == 0
    assert "AWS does not say" in found.why and read(write(found)) == found
