"""How much to promise: by tables, and by what must hold for any demand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.scaling import rules

YEAR = 364 * 24
betas = st.floats(0.3, 0.95)
demands = st.lists(st.integers(0, 40), min_size=24, max_size=24)


def days(*levels):
    """A series of whole days, each with one level."""
    return np.repeat(np.array(levels, float), 24)


@pytest.mark.parametrize(
    ("hours", "share", "level"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.7, 3),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.69, 4),
        ([5, 5, 5, 5], 0.99, 5),
        ([5, 5, 5, 5], 1.0, 0),
        ([0, 0, 0, 9], 0.7, 0),
        ([2.5, 2.5, 2.5, 9], 0.7, 2.5),
    ],
)
def test_a_level_is_worth_a_promise_when_more_than_its_share_of_hours_need_it(hours, share, level):
    assert rules.worthwhile(np.array(hours, float), share) == level


@given(st.integers(0, 50), betas)
def test_the_promise_for_a_constant_demand_is_the_demand(level, beta):
    agreed = rules.agree(np.full(YEAR, float(level)), beta)
    assert agreed.level == level and set(agreed.levels.values()) == {level}


@given(demands, betas)
def test_twice_the_demand_is_twice_the_promise(day, beta):
    hours = np.tile(np.array(day, float), 90)
    assert rules.agree(2 * hours, beta).level == 2 * rules.agree(hours, beta).level


@given(demands, betas, st.floats(0.02, 0.3))
def test_a_worse_price_never_promises_more(day, beta, dearer):
    hours = np.tile(np.array(day, float), 90)
    assert rules.agree(hours, beta + dearer).level <= rules.agree(hours, beta).level


def test_growth_is_followed_only_as_far_as_every_look_back_has_seen_it():
    agreed = rules.agree(days(*[4] * 300, *[10] * 64), 0.7)
    assert (agreed.levels[30], agreed.levels[364], agreed.level) == (10, 4, 4)


def test_decline_is_seen_by_the_shortest_look_back():
    assert rules.agree(days(*[10] * 334, *[3] * 30), 0.7).level == 3


@given(demands, st.integers(0, 400))
def test_one_noisy_day_changes_nothing_where_demand_is_steady(day, noise):
    steady = np.full(YEAR, 8.0)
    noisy = steady.copy()
    noisy[-48:-24] = np.array(day, float) + noise
    assert rules.agree(noisy, 0.7) == rules.agree(steady, 0.7)


def test_less_history_than_the_shortest_look_back_promises_nothing():
    assert rules.agree(days(*[9] * 29), 0.5) == rules.Agreement({}, 0.0)
    assert rules.agree(days(*[9] * 30), 0.5).level == 9


@pytest.mark.parametrize(("hazard", "share"), [(0.0, 0.7), (0.01, 0.7468), (0.03, 0.8486), (0.05, 0.9618)])
def test_the_odds_of_closing_raise_the_bar(hazard, share):
    assert rules.break_even(0.7, rules.survival(hazard)) == pytest.approx(share, abs=1e-4)


@given(st.integers(0, 50))
def test_a_project_that_surely_closes_promises_nothing(level):
    share = rules.break_even(0.7, rules.survival(1.0))
    assert rules.agree(np.full(YEAR, float(level)), share).level == 0


@pytest.mark.parametrize(
    ("level", "promised", "caution", "more"), [(10, 4, 1, 6), (10, 4, 0.5, 3), (4, 10, 1, 0), (0, 0, 1, 0)]
)
def test_what_is_promised_already_is_not_promised_again(level, promised, caution, more):
    assert rules.to_promise(rules.Agreement({}, level), promised, caution) == more
