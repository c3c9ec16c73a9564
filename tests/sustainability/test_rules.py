"""Sustainability, as decided: how long the cash lasts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kit.money import Money
from portal.sustainability import Month, Runway, is_stale, runway

CENTS = st.integers(0, 10**12)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cash", "cost", "revenue", "months"),
    [
        (4200_00, 500_00, 0, 8),
        (4200_00, 600_00, 100_00, 8),
        (4200_00, 500_00, 499_99, 420_000),
        (4200_00, 500_00, 500_00, None),
        (0, 500_00, 600_00, None),
        (0, 500_00, 0, 0),
        (499_99, 500_00, 0, 0),
        (500_00, 500_00, 0, 1),
    ],
)
def test_the_cash_lasts_for_whole_months(cash, cost, revenue, months):
    assert runway(Money(cash), Money(cost), Money(revenue)).months == months


@given(CENTS, CENTS, CENTS)
def test_that_many_months_can_be_paid_and_not_one_more(cash, cost, revenue):
    months = runway(Money(cash), Money(cost), Money(revenue)).months
    if months is None:
        assert revenue >= cost
    else:
        assert months * (cost - revenue) <= cash < (months + 1) * (cost - revenue)


@given(CENTS, CENTS, CENTS, CENTS)
def test_more_cash_or_more_revenue_never_shortens_it(cash, cost, revenue, more):
    def length(found):
        return float("inf") if found.months is None else found.months

    first = length(runway(Money(cash), Money(cost), Money(revenue)))
    assert length(runway(Money(cash + more), Money(cost), Money(revenue))) >= first
    assert length(runway(Money(cash), Money(cost), Money(revenue + more))) >= first


def test_two_currencies_are_never_mixed():
    for amounts in ((Money(1), Money(2, "eur"), Money(0)), (Money(1, "eur"), Money(2), Money(0))):
        with pytest.raises(AssertionError):
            runway(*amounts)


@pytest.mark.parametrize(
    ("months", "words"),
    [
        (None, "Covered by revenue"),
        (0, "Less than a month"),
        (1, "About 1 month"),
        (23, "About 23 months"),
        (24, "About 2 years"),
        (47, "About 3 years"),
        (119, "About 9 years"),
        (120, "More than 10 years"),
        (420_000, "More than 10 years"),
    ],
)
def test_it_is_said_without_false_precision(months, words):
    assert Runway(months).words == words


def test_net_is_what_came_in_less_what_it_cost():
    assert Month(NOW, Money(142_00), Money(100_00)).net == Money(-42_00)


def test_cash_grows_old_after_two_months():
    assert not is_stale(NOW - timedelta(days=61), NOW)
    assert is_stale(NOW - timedelta(days=62), NOW)
