"""Suggestions worked out by the clock."""

from datetime import timedelta

from portal import costs, scaling
from portal.kit.db import unit
from portal.kit.settings import Aws
from tests.costs.bills import bill, take
from tests.scaling.test_rates import RecordedAws
from tests.scaling.test_suggestions import NOW, past
from worker.scaling import refresh, suggest


def test_the_nightly_duty_suggests_once(house):
    with house.sessions() as session, unit(session):
        take(session, bill(*past()), now=NOW)
    assert len(suggest(house, now=NOW)) == 1
    assert suggest(house, now=NOW) == []
    with house.sessions() as session:
        assert [one.state for one in scaling.suggestions(session, "usd", now=NOW)] == ["open"]


class Refuses:
    """AWS that lets nobody ask."""

    def ask(self, *asked, **what):
        raise costs.NotAllowed("Not pricing:GetProducts.")

    pages = ask


def test_prices_are_asked_of_aws_once_a_week_and_only_where_that_is_wanted(house, furnish):
    assert refresh(house, now=NOW, asks=RecordedAws()) == 0
    wanted = furnish(house, aws=Aws(region="eu-central-1", collects=True))
    assert refresh(wanted, now=NOW, asks=Refuses()) == 0
    assert refresh(wanted, now=NOW, asks=RecordedAws()) == 1
    assert refresh(wanted, now=NOW + timedelta(days=6), asks=RecordedAws()) == 0
    assert refresh(wanted, now=NOW + timedelta(days=7), asks=RecordedAws()) == 1
