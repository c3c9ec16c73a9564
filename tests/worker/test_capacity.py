"""Suggestions worked out by the clock."""

from portal import scaling
from portal.kit.db import unit
from tests.costs.bills import bill, take
from tests.scaling.test_suggestions import NOW, past
from worker.scaling import suggest


def test_the_nightly_duty_suggests_once(house):
    with house.sessions() as session, unit(session):
        take(session, bill(*past()), now=NOW)
    assert len(suggest(house, now=NOW)) == 1
    assert suggest(house, now=NOW) == []
    with house.sessions() as session:
        assert [one.state for one in scaling.suggestions(session, "usd", now=NOW)] == ["open"]
