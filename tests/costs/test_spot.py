"""The capacity controller over HTTP: a duty that says what it would do, and does it when it may."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from portal.cli.spot import spot_group
from portal.costs import gateway
from portal.kit.settings import SpotPair
from tests.costs import clouds
from tests.costs.test_gateway import build
from tests.costs.verbs import upkeep
from worker.house import House
from worker.scaling import steer

__all__ = ["upkeep"]

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
PAIR = SpotPair("main", "worker", "web", 1, 4)
LATER = NOW + timedelta(minutes=2)
"""The server's tasks are always about to start: by then all three of the spot service are missing."""


@pytest.fixture
def house(database, settings, aws_url):
    """A house whose controller is in a mode."""

    def house(mode, pairs=(PAIR,)):
        aws = clouds.settings(aws_url, spot_pairs=pairs, spot_mode=mode)
        return House(replace(settings, aws=aws), database, gate=None, letterhead=None)

    build(aws_url, machines=False)
    return house


def test_it_does_nothing_when_it_is_off_and_in_a_dry_run_only_says_what_it_would_do(house, aws):
    assert steer(house("off"), now=NOW) == {}
    assert steer(house("dry-run"), now=NOW) == {}
    assert steer(house("dry-run"), now=LATER) == {"main/worker+web": 4}
    assert gateway.counts(aws, "main", ["web"])["web"].desired == 2
    assert steer(house("on"), now=LATER) == {"main/worker+web": 4}
    assert gateway.counts(aws, "main", ["web"])["web"].desired == 4
    assert steer(house("on"), now=LATER + timedelta(minutes=1)) == {}


def test_a_pair_that_is_not_there_keeps_no_other_from_its_turn(house):
    pairs = (SpotPair("main", "nothing", "worker", 1, 2), PAIR)
    assert steer(house("dry-run", pairs), now=NOW) == {}
    assert steer(house("dry-run", pairs), now=LATER) == {"main/worker+web": 4}


def test_the_command_shows_how_each_pair_stands(house, upkeep, aws_url):
    assert upkeep(spot_group, "show").exit_code == 1
    environ = clouds.environ(aws_url, SPOT_PAIRS="main/worker+web:1:4")
    assert "not looked at yet" in upkeep(spot_group, "show", **environ).output
    for now in (NOW, LATER):
        steer(house("dry-run"), now=now)
    shown = upkeep(spot_group, "show", **environ).output
    assert "0 lent, 2 would be; spot was there 50.0 % of the time; looked at 2026-11-25 03:02 UTC" in shown
