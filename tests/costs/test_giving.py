"""What AWS gives for nothing: asked once a day, kept as it was told, the fullest first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from portal import costs
from portal.costs import gateway
from portal.costs.models import FreeTier
from tests.costs import clouds
from worker import costs as duties
from worker.house import House

NOW = datetime(2026, 11, 25, 5, tzinfo=UTC)
DAY = timedelta(days=1)
ENDS = datetime(2027, 3, 1, tzinfo=UTC)
STATE = {
    "accountId": clouds.ACCOUNT,
    "accountPlanType": "FREE",
    "accountPlanStatus": "ACTIVE",
    "accountPlanRemainingCredits": {"amount": 139.5, "unit": "USD"},
    "accountPlanExpirationDate": ENDS,
}
LAMBDA = {
    "service": "AWS Lambda",
    "operation": "Invoke",
    "usageType": "Global-Request",
    "region": "global",
    "actualUsageAmount": 400_000.0,
    "forecastedUsageAmount": 900_000.0,
    "limit": 1_000_000.0,
    "unit": "Requests",
    "description": "1,000,000 requests are always free",
    "freeTierType": "Always Free",
}
METRICS = LAMBDA | {"service": "AmazonCloudWatch", "actualUsageAmount": 2.0, "forecastedUsageAmount": 4.0}
METRICS |= {"usageType": "CW:MetricMonitorUsage", "unit": "Metrics", "limit": 10.0}


def aws(state=STATE, *usages, more=None):
    """AWS that tells this, in two pages when there is `more`."""
    first = {"freeTierUsages": list(usages)} | ({"nextToken": "more"} if more else {})
    pages = [("get_free_tier_usage", first)]
    if more:
        pages.append(("get_free_tier_usage", {"freeTierUsages": more}, {"nextToken": "more"}))
    return clouds.recorded("freetier", ("get_account_plan_state", state), *pages)


def test_it_is_kept_as_it_was_told_the_fullest_first_and_the_newest_holds(database):
    with database() as session:
        assert costs.given(session) is None and costs.is_given_due(session, now=NOW)
    told = costs.ask_given(database, aws(STATE, METRICS, more=[LAMBDA]), now=NOW)
    with database() as session:
        assert costs.given(session) == told
        assert not costs.is_given_due(session, now=NOW + timedelta(hours=18))
        assert costs.is_given_due(session, now=NOW + timedelta(hours=19))
    assert told.plan == costs.AwsPlan("FREE", "ACTIVE", 139.5, "usd", ENDS)
    assert [one.service for one in told.allowances] == ["AWS Lambda", "AmazonCloudWatch"]
    assert [one.usage for one in told.nearly] == ["Global-Request"]
    less = STATE | {"accountPlanRemainingCredits": {"amount": 12.0, "unit": "USD"}}
    costs.ask_given(database, aws(less), now=NOW + DAY)
    with database() as session:
        assert costs.given(session).plan.credits == 12 and costs.given(session).allowances == ()
        assert session.scalar(select(func.count()).select_from(FreeTier)) == 1


def test_an_account_without_such_a_plan_has_none(database):
    found = costs.ask_given(database, aws("ResourceNotFoundException", LAMBDA), now=NOW)
    assert found.plan is None and len(found.allowances) == 1
    with database() as session:
        assert costs.given(session) == found


def test_a_plan_without_credits_is_told_so():
    state = {name: STATE[name] for name in ("accountId", "accountPlanStatus")} | {"accountPlanType": "PAID"}
    assert gateway.plan(aws(state)) == gateway.Plan("PAID", "ACTIVE", None, "usd", None)


@pytest.mark.parametrize(
    ("forecast", "actual", "limit", "share"), [(85, 0, 100, 0.85), (0, 120, 100, 1.2), (5, 5, 0, 0)]
)
def test_how_full_it_will_be_is_the_forecast_or_what_is_used_already(forecast, actual, limit, share):
    one = gateway.Allowance("S", "U", "", "", "", actual, forecast, limit)
    assert one.share == pytest.approx(share)
    assert bool(costs.Given(NOW, None, (one,)).nearly) == (share >= 0.85)


def test_the_duty_asks_once_a_day_and_only_when_it_is_wanted(database, settings):
    def look(now, aws, collects=True):
        told = replace(settings, aws=clouds.settings(None, collects=collects))
        return duties.look_at_given(House(told, database, gate=None, letterhead=None), now=now, aws=aws)

    assert look(NOW, aws(), collects=False) is None
    assert look(NOW, aws("AccessDeniedException")) is None
    assert look(NOW, aws()).plan.credits == 139.5
    assert look(NOW + timedelta(hours=1), aws()) is None
    assert look(NOW + DAY, aws()) is not None
