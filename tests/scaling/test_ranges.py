"""Ranges and proofs: exact where the answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.scaling import proving, ranges, rules
from portal.scaling.backtesting import POLICIES
from portal.scaling.ranges import Moved, Past, Trial, Use

STEADY = np.full(104 * 168 + 13 * 168, 4.0)
SURE = {year: Moved(0.0, 0.0, 0.0) for year in (False, True)}


@given(st.floats(0.05, 0.99), st.integers(1, 900))
def test_seasons_that_nobody_saw_raise_what_is_asked_for_and_never_to_all_hours(share, days):
    found = rules.asked(share, days)
    assert share <= found + 1e-12 and found < 1
    assert found <= rules.asked(share, 1) + 1e-12
    if days >= 364:
        assert found == pytest.approx(share)


def test_what_never_pays_stays_so():
    assert rules.asked(1.2, 30) == 1.2


def test_what_look_backs_would_have_used_is_the_range_before_it_is_moved():
    hours = np.repeat([0.0, 2.0], [30 * 24, 30 * 24])
    past = ranges.before(hours, 0, 1)
    assert (past.days, past.use) == (60, Use(0.5, 0.75, 1.0))
    assert past.wavers == pytest.approx(0.5)
    assert ranges.expected(past, SURE) == past.use


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=20, max_size=60))
@settings(max_examples=25)
def test_eight_of_ten_of_what_a_range_was_measured_on_lie_in_it(drawn):
    trials = [Trial(Past(100, Use(was, was, was), 0.2), used) for was, used in drawn]
    assert np.mean(ranges.covered(trials, ranges.moved(trials))) >= 0.8 - 2 / len(trials)


@given(st.floats(0, 1), st.floats(0, 0.5), st.integers(30, 500))
def test_a_range_is_a_share_and_its_middle_lies_in_it(used, wavers, days):
    found = ranges.expected(Past(days, Use(used, used, used), wavers))
    assert 0 <= found.low <= found.likely <= found.high <= 1


def test_every_promise_on_a_steady_demand_is_used_whole():
    found = proving.trials(STEADY, beta=0.7, history_weeks=13)
    assert [(one.used, one.past.use) for one in found] == [(1, Use(1, 1, 1))] * 2
    assert ranges.covered(found) == [True, True]


@pytest.mark.parametrize("gated", [True, False])
def test_a_platform_that_never_closes_pays_what_it_promised(gated):
    cost = proving.closing([STEADY], beta=0.7, monthly_hazard=0.0, history_weeks=13, gated=gated)
    assert cost == pytest.approx(0.7)


def test_told_the_chance_of_closing_the_advice_never_costs_more_than_on_demand():
    for hazard in (0.03, 0.1, 0.5):
        args = {"beta": 0.8, "monthly_hazard": hazard, "history_weeks": 13}
        told, untold = (proving.closing([STEADY], gated=gated, **args) for gated in (True, False))
        assert told <= 1 + 1e-9 and told <= untold + 1e-9
    assert proving.closing([STEADY], policy=POLICIES["on-demand"], **args) == pytest.approx(1)
