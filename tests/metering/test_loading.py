"""Load: what all accounts used in a span, by hour and by account."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from portal import metering
from tests.metering.used import use
from tests.plans.people import account_of, publish

HOUR = timedelta(hours=1)
BEGIN = datetime(2028, 2, 27, tzinfo=UTC)  # over a leap day
HOURS = 96


@pytest.fixture
def used(session):
    """Two accounts, and how many calls they made in each of four days' hours."""
    publish(session, BEGIN)
    names = [account_of(session, name, BEGIN) for name in ("Alice", "Bob")]
    told = {}
    for number in range(HOURS):
        account_id, at = names[number % 3 == 0], BEGIN + number * HOUR
        told[account_id, at] = 2**number % 1_009 + 1
        use(session, account_id, told[account_id, at], at, now=at, endpoint=f"GET /{number % 2}")
        use(session, account_id, 7, at, now=at, meter="seconds")
    return told


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, HOURS), st.integers(0, HOURS))
def test_any_span_of_hours_is_added_up_exactly_by_hour_and_by_account(session, used, one, other):
    since, until = (BEGIN + number * HOUR for number in sorted((one, other)))
    within = {key: calls for key, calls in used.items() if since <= key[1] < until}
    assert metering.load(session, since, until) == {at: calls for (_, at), calls in within.items()}
    expected = {}
    for (account_id, _), calls in within.items():
        expected[account_id] = expected.get(account_id, 0) + calls
    assert metering.load_by_account(session, since, until) == expected
    assert metering.units(session, "seconds", since, until) == 7 * len(within)


def test_nothing_used_is_nothing(session):
    span = BEGIN, BEGIN + 50 * HOUR
    assert metering.load(session, *span) == metering.load_by_account(session, *span) == {}
    assert metering.units(session, "calls", *span) == 0
