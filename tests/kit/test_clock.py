"""The one clock: real, unless a sandbox's file moves it, and then forwards alone."""

from datetime import timedelta

import pytest

from portal.kit import clock
from sandbox.stripe.clock import Clock


@pytest.fixture
def moved(tmp_path):
    path = tmp_path / "clock"
    clock.configure(path)
    yield path
    clock.configure(None)


def test_it_is_real_time_until_it_is_moved(moved):
    assert clock.offset_us() == 0
    clock.advance(moved, timedelta(days=31))
    assert clock.offset_us() == 31 * 86_400_000_000


def test_two_movers_add_up(moved):
    before = clock.now()
    clock.advance(moved, timedelta(hours=1))
    clock.advance(moved, timedelta(hours=2))
    assert timedelta(hours=3) <= clock.now() - before < timedelta(hours=3, minutes=5)
    assert moved.read_text().strip() == str(3 * 3_600_000_000)


def test_what_another_process_moved_is_seen_at_once(moved):
    for hours in range(1, 20):
        clock.offset_us()
        Clock(moved).move_to(Clock(moved).now() + 3600)
        assert clock.offset_us() == int(moved.read_text()) > (hours - 1) * 3_600_000_000


def test_time_does_not_go_back(moved):
    with pytest.raises(AssertionError):
        clock.advance(moved, timedelta(seconds=-1))


def test_a_clock_that_follows_nothing_is_not_moved(tmp_path):
    clock.advance(tmp_path / "another", timedelta(days=1))
    assert clock.offset_us() == 0
