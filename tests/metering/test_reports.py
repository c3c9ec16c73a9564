"""Usage as its customer reads it: exact to the last call, whatever is settled and whatever is not."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from portal import metering
from portal.gate import Unavailable
from portal.metering.reports import forecast
from portal.metering.windows import Span

NOVEMBER = Span(1, "free", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def report(house, environment="live", *, back=0, gate=None, meter="calls"):
    with house.unit() as session:
        month = metering.months(session, house.account, environment, now=house.now)[back]
        return metering.report(session, house.account, month, meter, gate=gate or house.gate, now=house.now)


def test_a_call_is_in_the_report_at_once(house):
    house.call(endpoint="GET /memories")
    house.call(cost=5, endpoint="POST /memories")
    found = report(house)
    assert (found.total.calls, found.total.units, found.used) == (2, 6, 6)
    assert {name: (one.calls, one.units) for name, one in found.endpoints.items()} == {
        "POST /memories": (1, 5),
        "GET /memories": (1, 1),
    }
    assert [(one.calls, one.units) for one in found.keys.values()] == [(2, 6)]


def test_what_is_settled_and_what_is_not_add_up(house):
    house.call(cost=5, endpoint="GET /memories")
    house.settle()
    house.call(cost=7, endpoint="GET /memories")
    found = report(house)
    assert (found.total.calls, found.total.units) == (2, 12)
    assert found.endpoints["GET /memories"].units == 12


def test_a_batch_that_is_settled_meanwhile_does_not_count_twice(house):
    house.call(cost=5)
    before = house.gate.peek(house.tag)
    house.settle()
    late = SimpleNamespace(peek=lambda tag: before)
    assert report(house, gate=late).total.units == 5


def test_test_keys_are_counted_apart(house):
    token = house.mint("test")
    house.call(token, cost=3)
    house.call(cost=4)
    assert report(house, "test").total.units == 3
    assert report(house).total.units == 4


def test_what_is_held_for_running_calls_counts_as_used(house):
    house.call(cost=30, reserve=True)
    found = report(house)
    assert (found.total.units, found.held, found.used) == (0, 30, 30)


def test_every_day_so_far_is_there(house):
    house.call()
    found = report(house)
    days = list(found.days)
    assert days[0] == found.month.starts_at.date() and days[-1] == house.now.date()
    assert len(days) == (days[-1] - days[0]).days + 1
    assert sum(one.calls for one in found.days.values()) == 1


def test_before_the_first_call_the_month_is_empty(house):
    found = report(house)
    assert (found.limit, found.used, found.keys, found.endpoints, found.forecast) == (1000, 0, {}, {}, None)


def test_after_an_upgrade_the_month_before_keeps_its_calls(house):
    house.call(cost=9)
    house.settle()
    house.grant("api-pro")
    house.call(cost=2)
    assert (report(house).used, report(house).limit) == (2, 100_000)
    assert (report(house, back=1).used, report(house, back=1).limit) == (9, None)


def test_a_refused_call_is_not_in_the_report(house):
    house.call(cost=1000)
    assert house.call().code == "QUOTA_EXCEEDED"
    assert (report(house).total.calls, report(house).total.units) == (1, 1000)


def test_what_was_merely_observed_is_no_meter(house):
    with house.unit() as session:
        month = metering.months(session, house.account, now=house.now)[0]
        assert metering.meters(session, house.account, month) == set()


def test_when_redis_is_away_the_ledger_is_shown_and_said_to_be_partial(house):
    house.call(cost=5)
    house.settle()
    found = report(house, gate=SimpleNamespace(peek=away))
    assert (found.total.units, found.partial) == (5, True)


def test_lines_are_what_the_report_sums(house):
    other = house.mint()
    house.call(cost=5, endpoint="GET /memories")
    house.settle()
    house.call(other, cost=2, endpoint="GET /memories")
    house.call(cost=1, endpoint="GET /memories")
    with house.unit() as session:
        month = metering.months(session, house.account, now=house.now)[0]
        lines = list(metering.lines(session, house.account, month, gate=house.gate))
    found = report(house)
    assert sum(line.units for line in lines) == found.total.units == 8
    assert sum(line.calls for line in lines) == found.total.calls == 3
    for key_id, tally in found.keys.items():
        assert sum(line.units for line in lines if line.key_id == key_id) == tally.units


def test_balances_tell_what_is_used_of_what_the_plan_includes(house):
    house.call(cost=5)
    house.settle()
    house.call(cost=2)
    with house.unit() as session:
        [live] = metering.balances(session, house.account, gate=house.gate, now=house.now)
    assert (live.environment, live.meter, live.used, live.limit) == ("live", "calls", 7, 1000)
    assert live.resets_at == live.month.ends_at


@pytest.mark.parametrize(
    ("used", "limit", "units", "runs_out_on"),
    [
        (100, 1000, 300, None),
        (500, 1000, 1500, date(2026, 11, 21)),
        (1000, 1000, 3000, None),
        (500, None, 1500, None),
    ],
)
def test_a_forecast_goes_on_at_the_present_pace(used, limit, units, runs_out_on):
    ahead = forecast(used, limit, NOVEMBER, None, datetime(2026, 11, 11, tzinfo=UTC))
    assert ahead.units == units
    assert (ahead.runs_out_at and ahead.runs_out_at.date()) == runs_out_on


def test_a_forecast_counts_from_the_first_day_of_use():
    ahead = forecast(100, 10_000, NOVEMBER, date(2026, 11, 10), datetime(2026, 11, 11, tzinfo=UTC))
    assert ahead.units == 100 + 20 * 100


@pytest.mark.parametrize("now", [NOVEMBER.starts_at + timedelta(hours=5), NOVEMBER.ends_at])
def test_there_is_no_forecast_too_early_nor_too_late(now):
    assert forecast(100, 1000, NOVEMBER, None, now) is None


def away(tag):
    raise Unavailable("Redis does not answer.")
