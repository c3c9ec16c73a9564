"""The capacity controller: it tells ECS what was decided, once, also when two are at it or one is killed."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from threading import Barrier

import pytest
from sqlalchemy import select

from portal import accounts, costs, scaling
from portal.accounts.models import AuditEntry
from portal.kit.settings import SpotPair

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAIR = SpotPair("main", "web-spot", "web", 1, 4)
CONTROLLER = accounts.Actor(None, "spot controller")


class Cluster:
    """A cluster of two services: so many spot tasks find room, and whoever asks may be made to wait."""

    def __init__(self, room=3, barrier=None, fails=()):
        self.spot, self.room, self.web = 3, room, 1
        self.barrier, self.fails, self.told = barrier, list(fails), []

    def counts(self, cluster, services):
        running = min(self.spot, self.room)
        found = {
            "web-spot": costs.TaskCounts(self.spot, running, 0),
            "web": costs.TaskCounts(self.web, self.web, 0),
        }
        if self.barrier is not None:
            self.barrier.wait(20)
        return found

    def set_desired(self, cluster, service, desired):
        if self.fails:
            raise self.fails.pop()
        assert (cluster, service) == ("main", "web")
        self.told.append(desired)
        self.web = desired


@pytest.fixture
def steer(database):
    def steer(cluster, now=NOW, is_dry=False):
        return scaling.steer(database, cluster, PAIR, is_dry=is_dry, actor=CONTROLLER, now=now)

    return steer


def audit(database):
    with database() as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        return [(row.action, row.data["before"], row.data["after"]) for row in rows]


def standing(database):
    with database() as session:
        return scaling.fallbacks(session)["main/web-spot+web"]


def test_missing_spot_tasks_are_stood_in_for_and_given_back_when_spot_is_whole_again(steer, database):
    cluster = Cluster()
    assert steer(cluster) is None
    cluster.room = 1
    assert steer(cluster, NOW + MINUTE) == 3
    assert steer(cluster, NOW + 2 * MINUTE) is None
    cluster.room = 3
    for minute in range(3, 13):
        assert steer(cluster, NOW + minute * MINUTE) is None
    assert steer(cluster, NOW + 13 * MINUTE) == 1
    assert cluster.told == [3, 1]
    assert audit(database) == [("spot.raised", 1, 3), ("spot.lowered", 3, 1)]
    row = standing(database)
    assert (row.watched, row.missing, row.lent) == (42, 4, 0)


def test_a_dry_run_tells_ecs_nothing_and_notes_each_step_once(steer, database):
    cluster = Cluster(room=0)
    for minute in range(5):
        steer(cluster, NOW + minute * MINUTE, is_dry=True)
    cluster.room = 3
    for minute in range(5, 20):
        steer(cluster, NOW + minute * MINUTE, is_dry=True)
    assert cluster.told == []
    assert audit(database) == [("spot.would_be_raised", 1, 4), ("spot.would_be_lowered", 4, 1)]


def test_two_controllers_at_once_do_not_lend_twice(steer, database):
    cluster = Cluster(room=1, barrier=Barrier(2))
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: steer(cluster), range(2)))
    assert sorted(done, key=str) == [3, None] and cluster.told == [3]
    assert audit(database) == [("spot.raised", 1, 3)]
    assert standing(database).lent == 2


def test_a_step_that_was_never_told_is_told_again_and_not_before_the_first_could_be_done(steer, database):
    cluster = Cluster(room=1, fails=[KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        steer(cluster)
    assert steer(cluster, NOW + MINUTE / 2) is None and cluster.told == []
    assert steer(cluster, NOW + MINUTE) == 3
    assert steer(cluster, NOW + 2 * MINUTE) is None
    assert cluster.told == [3] and standing(database).lent == 2


@pytest.mark.parametrize("meanwhile", ["dry run", "off"])
def test_a_step_that_was_never_told_is_not_told_when_it_is_switched_on_long_after(steer, database, meanwhile):
    cluster = Cluster(room=1, fails=[KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        steer(cluster)
    cluster.room, later = 3, NOW + 61 * MINUTE
    if meanwhile == "dry run":
        assert steer(cluster, NOW + MINUTE, is_dry=True) is None
        later = NOW + 2 * MINUTE
    assert steer(cluster, later) is None and cluster.told == []
    assert standing(database).lent == 0


def test_services_that_sleep_are_not_woken(steer, database):
    cluster = Cluster()
    cluster.spot = cluster.web = 0
    assert steer(cluster) is None and cluster.told == []
    cluster.spot = 3
    assert steer(cluster, NOW + MINUTE) == 1


def test_what_aws_refuses_is_noted(steer, database):
    cluster = Cluster(room=1, fails=[costs.NotAllowed("Not ecs:UpdateService.")])
    with pytest.raises(costs.NotAllowed):
        steer(cluster)
    assert standing(database).problem == "Not ecs:UpdateService."
    assert steer(cluster, NOW + MINUTE) == 3
    steer(cluster, NOW + 2 * MINUTE)
    assert standing(database).problem is None


class Unsteady(Cluster):
    """A cluster that kills whoever tells it something, before it was heard or after."""

    def __init__(self, drawn):
        super().__init__()
        self.drawn = drawn

    def set_desired(self, cluster, service, desired):
        kind = self.drawn.choice(["heard", "heard", "killed before", "killed after", "away"])
        if kind == "killed before":
            raise KeyboardInterrupt
        if kind == "away":
            raise costs.AwsAway("AWS is busy.")
        super().set_desired(cluster, service, desired)
        if kind == "killed after":
            raise KeyboardInterrupt


@pytest.mark.parametrize("seed", range(3))
def test_whoever_is_killed_and_whatever_comes_it_stays_in_bounds_and_settles(steer, database, seed):
    drawn, now = Random(seed), NOW
    cluster = Unsteady(drawn)
    for minute in range(60):
        if minute % 7 == 0:
            cluster.room = drawn.randint(0, 3) if minute < 40 else 3
        for _ in range(drawn.randint(1, 2)):
            with suppress(KeyboardInterrupt, costs.AwsAway):
                steer(cluster, now)
            assert 1 <= cluster.web <= 4
        now += MINUTE
    cluster.drawn = Random(0)
    cluster.drawn.choice = lambda kinds: kinds[0]
    for _ in range(14):
        steer(cluster, now)
        now += MINUTE
    assert (cluster.web, standing(database).lent) == (1, 0)
    steps = audit(database)
    assert steps and all(one[2] == after[1] for one, after in pairwise(steps))
