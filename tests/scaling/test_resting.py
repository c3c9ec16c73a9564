"""Rest and sizes, as decided: what nobody came for may sleep, and what is never half used can be smaller."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.scaling.prices import MEMORY, Prices
from portal.scaling.rates import shipped
from portal.scaling.resting import busy_shares, pause, runs_for_nobody
from portal.scaling.sizing import LEAST_HOURS, Use, fits, smaller_task, use

PRICES = Prices(shipped())


def days(count, busy=range(6, 22)):
    """So many days, in which somebody came in these hours."""
    return [hour not in busy for _ in range(count) for hour in range(24)]


def test_the_hours_in_which_nobody_came_are_found_over_midnight():
    found = pause(days(29), [0.1] * 29 * 24)
    assert (found.starts_hour, found.ends_hour, found.hours) == (22, 6, 8)
    assert (found.idle, found.measured) == (28, 28)
    assert found.monthly == pytest.approx((0.8 * 30.4,) * 3)


def test_a_single_night_in_which_somebody_came_is_counted_and_saves_nothing():
    idle = days(29)
    idle[10 * 24 + 2] = False
    found = pause(idle, [0.1] * len(idle))
    assert (found.hours, found.idle, found.measured, min(found.saved)) == (8, 27, 28, 0)
    idle[15 * 24 + 2] = False
    found = pause(idle, [0.1] * len(idle))
    assert found.starts_hour >= 3 or found.ends_hour <= 2


@pytest.mark.parametrize("busy", [range(24), range(0, 24, 4)])
def test_without_a_quiet_stretch_there_is_no_pause(busy):
    assert pause(days(29, busy), [0.1] * 29 * 24) is None


def test_nights_that_were_not_measured_are_no_quiet_ones():
    idle = days(29)
    idle[: 10 * 24] = [None] * 10 * 24
    assert pause(idle, [0.1] * len(idle)) is None


def test_a_range_comes_from_what_ran_in_each_night():
    hourly = [0.1 if number < 14 * 24 else 0.3 for number in range(29 * 24)]
    low, likely, high = pause(days(29), hourly).monthly
    assert low < likely <= high and high == pytest.approx(8 * 0.3 * 30.4)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([True, False, None]), min_size=24, max_size=24), st.integers(22, 30))
def test_a_pause_never_lies_where_somebody_comes_every_day(day, count):
    found = pause(day * count, [0.1] * 24 * count)
    if found is not None:
        hours = [(found.starts_hour + number) % 24 for number in range(found.hours)]
        assert all(day[hour] for hour in hours)


def test_it_runs_for_nobody_only_when_two_weeks_say_so():
    assert runs_for_nobody([True] * 14 * 24)
    assert not runs_for_nobody([True] * 14 * 24 + [False])
    assert not runs_for_nobody([None] * 2 * 24 + [True] * 12 * 24)
    assert not runs_for_nobody([True] * 24)


def test_busy_hours_are_shown_by_the_hour_of_the_day():
    assert busy_shares(days(4))[5:8] == [0, 1, 1]


@pytest.mark.parametrize(
    ("cpu", "memory", "processor", "held", "found"),
    [
        (1024, 4096, 40, 30, (512, 2048)),
        (1024, 4096, 40, 90, (512, 4096)),
        (1024, 8192, 40, 90, None),
        (1024, 4096, 60, 30, (1024, 2048)),
        (256, 512, 10, 10, None),
        (256, 2048, 10, 10, (256, 1024)),
        (4096, 30720, 10, 10, (2048, 15360)),
        (1000, 4096, 10, 10, None),
    ],
)
def test_the_next_smaller_task_still_holds_what_was_used(cpu, memory, processor, held, found):
    assert smaller_task(cpu, memory, Use(5, processor), Use(5, held)) == found


def test_thirty_days_have_to_be_known_and_the_busiest_moments_count():
    assert use([1.0] * 100, [1.0] * 100) is None
    hours = [10.0] * LEAST_HOURS
    assert use(hours, hours) == Use(10, 10)
    assert use(hours, [*hours[:-2], 90, 90]).peak > 50


@pytest.mark.parametrize(
    ("usual", "peak", "memory", "does"),
    [(5, 40, 1, True), (5, 60, 1, False), (5, 40, 1.7, False), (18, 40, 1, False)],
)
def test_a_smaller_machine_must_hold_processor_memory_and_what_bursts_for_long(usual, peak, memory, does):
    assert fits(PRICES.machine("db.t4g.small"), Use(usual, peak), memory) is does


@pytest.mark.parametrize(
    ("kind", "less", "price"),
    [
        ("db.t4g.medium", "db.t4g.small", 0.03225),
        ("db.m7g.2xlarge", "db.m7g.xlarge", 0.336),
        ("db.m7g.large", None, None),
        ("db.t4g.micro", None, None),
        ("db.new.large", None, None),
        ("cache.t4g.medium", "cache.t4g.small", 0.0325),
    ],
)
def test_the_next_smaller_machine_is_known_with_its_price(kind, less, price):
    found = PRICES.smaller(kind)
    assert (found.type if found else None) == less
    assert found is None or found.hourly == pytest.approx(price)


def test_two_small_tasks_cost_what_aws_says():
    assert 2 * PRICES.task(256, 512, "X86_64") * 730 == pytest.approx(18.02, abs=0.01)
    assert PRICES.task(1024, 2048, "ARM64") < PRICES.task(1024, 2048, "X86_64")


def test_every_family_has_a_price_and_says_since_when():
    assert all(PRICES.machine(f"{family}.large") for family in MEMORY)
    assert PRICES.words == "AWS's list prices for us-east-1, as of November 2026: no offer"
