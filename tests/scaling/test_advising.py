"""Advice about one pool: what is steady is promised, what is not agreed upon is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.scaling import advise, survival

SURE = (1.0,) * 12
DAYS = 200


def use(level=1.0, days=DAYS):
    return np.full(days * 24, float(level))


@given(st.floats(0.1, 50), st.floats(0.3, 0.9))
def test_all_of_a_constant_use_is_promised_and_the_saving_is_known(level, rate):
    found = advise(use(level), rate, SURE, 0).suggested
    assert found is not None and found.level == pytest.approx(level)
    assert found.low < found.likely < found.high == pytest.approx(level * (1 - rate) * 730)
    assert found.worst == pytest.approx(rate * level * 8760)
    assert found.saved == found.tried


@given(st.floats(0.5, 20))
def test_twice_the_use_is_twice_the_promise(level):
    drawn = np.random.default_rng(3).uniform(0.8, 1, DAYS * 24)
    one, two = (advise(drawn * level * times, 0.7, SURE, 0).suggested for times in (1, 2))
    assert one and two and two.hourly == pytest.approx(2 * one.hourly)


def test_a_platform_that_closes_for_sure_is_told_to_promise_nothing():
    assert advise(use(), 0.7, survival(1.0), 0).suggested is None


@given(st.integers(0, 9))
def test_one_noisy_day_changes_nothing(day):
    noisy = use()
    noisy[-(day + 1) * 24 : len(noisy) - day * 24] = 40
    before, after = (advise(one, 0.7, SURE, 0).suggested for one in (use(), noisy))
    assert before.level == after.level


def test_what_is_promised_already_is_taken_off():
    found = advise(use(3), 0.7, SURE, 2).suggested
    assert found.level == pytest.approx(1) and found.high == pytest.approx(0.3 * 730)
    assert advise(use(3), 0.7, SURE, 3).suggested is None


def test_what_only_the_last_weeks_used_is_usual_advice_and_not_ours():
    hours = np.concatenate([use(0, 140), use(1, 60)])
    found = advise(hours, 0.7, SURE, 0)
    assert found.suggested is None and found.usual.level == pytest.approx(1)
    assert found.above[60] == 1 and found.above[182] == pytest.approx(60 / 182)


def test_less_than_thirty_days_say_nothing():
    assert advise(use(days=29), 0.7, SURE, 0).suggested is None


def test_what_is_not_worth_a_thought_is_not_suggested():
    assert advise(use(0.001), 0.7, SURE, 0).suggested is None
