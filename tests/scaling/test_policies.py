"""Ways to scale: exact where the answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.scaling import policies
from portal.scaling.figures import Capacity

FOUR = Capacity(tasks=4, calls_an_hour=1000, hourly=0.05)
DAY = np.array([200.0] * 8 + [3000.0] * 12 + [200.0] * 4)
WEEK = np.tile(DAY, 7)
BEFORE, MONTH = np.tile(WEEK, 4), np.tile(DAY, 30)


def ways(before=BEFORE, month=MONTH, capacity=FOUR):
    return {one.name: one for one in policies.tried(before, month, capacity)}


def test_a_load_that_is_the_same_each_day_is_planned_by_the_clock_without_a_short_hour():
    found = ways()
    assert found["As it is now"].cost == pytest.approx(4 * 720 * 0.05)
    clock = found["By the clock"]
    assert (clock.mean_tasks, clock.most_tasks, clock.short_hours) == ((12 * 1 + 12 * 4) / 24, 4, 0)


def test_what_follows_the_load_is_short_when_it_rises_at_once():
    assert ways()["By the load"].short_hours == 30


def test_too_small_a_capacity_is_short_in_every_busy_hour():
    assert ways(capacity=Capacity(2, 1000, 0.05))["As it is now"].short_hours == 30 * 12


def test_without_weeks_before_the_clock_plans_what_stands():
    assert ways(before=BEFORE[:0], month=WEEK)["By the clock"].mean_tasks == 4


@given(st.lists(st.integers(0, 20_000), min_size=168, max_size=168), st.integers(1, 9))
@settings(max_examples=25)
def test_no_way_has_less_than_one_task_and_the_clock_repeats_what_was(hours, tasks):
    week = np.array(hours, float)
    found = ways(np.tile(week, 4), week, Capacity(tasks, 1000, 0.05))
    assert all(one.mean_tasks >= 1 for one in found.values())
    assert found["By the clock"].short_hours == 0


def test_the_busiest_of_each_hour_of_the_day():
    assert policies.by_hour(np.concatenate([DAY, 2 * DAY]))[8] == 6000
    assert policies.by_hour(DAY[:5]) == []
