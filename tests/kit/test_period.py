"""Months: calendar ones and anchored ones."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kit.period import add_months, anchored_month, calendar_month

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "count", "expected"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2026-01-31", 2, "2026-03-31"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-01-31", -2, "2025-11-30"),
    ],
)
def test_months_are_added_to_the_first_anchor(anchor, count, expected):
    assert add_months(at(anchor), count) == at(expected)


@given(moments)
def test_a_calendar_month_holds_its_moment(moment):
    start, end = calendar_month(moment)
    assert start <= moment < end
    assert (start.day, end.day) == (1, 1)
    assert calendar_month(end - timedelta(microseconds=1)) == (start, end)


@given(moments, moments)
def test_an_anchored_month_holds_its_moment_and_meets_its_neighbours(anchor, moment):
    start, end = anchored_month(anchor, moment)
    assert start <= moment < end
    assert anchored_month(anchor, end)[0] == end
    assert anchored_month(anchor, start - timedelta(microseconds=1))[1] == start
    assert start.day == anchor.day or (start + timedelta(days=1)).day == 1
