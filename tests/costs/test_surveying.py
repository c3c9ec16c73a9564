"""What runs at AWS and how busy it is: read from the first hour on that AWS kept, then only what is new."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from portal import costs
from portal.costs import surveying
from portal.costs.gateway import Running
from portal.costs.models import CloudLoad, Collection
from portal.kit.db import unit
from tests.costs import clouds
from tests.costs.test_gateway import build, measure

NOW = datetime(2026, 11, 25, 12, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEB = {"ClusterName": "main", "ServiceName": "web"}


@pytest.fixture
def survey(database, aws_url):
    """A survey at a moment: how many hours it read, and how many questions CloudWatch was asked."""
    build(aws_url, machines=False)

    def survey(now=NOW, most=None):
        aws = costs.Aws(clouds.settings(aws_url))
        read = costs.survey(database, aws, now=now, **({"most": most} if most else {}))
        return read, aws.asked["cloudwatch"]

    return survey


def stored(database):
    with database() as session:
        return session.scalar(select(func.count()).select_from(CloudLoad))


def test_all_that_aws_kept_is_read_first_and_then_only_what_is_new(survey, database, aws_url):
    measure(aws_url, WEB, "AWS/ECS", "CPUUtilization", [10, 30, 20])
    measure(aws_url, WEB, "AWS/ECS", "MemoryUtilization", [5, 0])
    assert survey() == (5, 32)
    assert survey() == (0, 0)
    assert survey(NOW + 2 * HOUR) == (0, 4)
    assert stored(database) == 5
    with database() as session:
        assert [one.id for one in costs.resources(session)] == ["ecs/main/web", "ecs/main/worker"]
        loads = costs.loads(session, "ecs/main/web", "cpu", NOW - timedelta(days=30))
        told = [(one.average, one.maximum, one.samples) for one in loads]
        assert told == [(10, 10, 1), (30, 30, 1), (20, 20, 1)]
        assert loads[-1].at == datetime(2026, 11, 25, 11, tzinfo=UTC)


def test_a_survey_that_breaks_off_goes_on_where_it_was(survey, database, aws_url):
    measure(aws_url, WEB, "AWS/ECS", "MemoryUtilization", [10])
    assert survey(most=12)[1] == 16
    assert survey()[1] == 16
    assert survey()[1] == 0
    assert stored(database) == 1


def test_none_waits_for_ever_where_there_is_more_than_can_be_read_in_an_hour(survey, database):
    for number in range(4):
        survey(NOW + number * HOUR, most=1)
    with database() as session:
        assert [set(one.read_until) for one in costs.resources(session)] == [{"cpu", "memory"}] * 2


class Small:
    """AWS where one database runs; the last thing that is asked of what runs is answered by `last`."""

    def __init__(self, last):
        self.last = last

    def client(self, service_name, **options):
        return self

    def list_clusters(self):
        return {"clusterArns": []}

    def describe_db_instances(self):
        one = {"DBInstanceIdentifier": "db", "DBInstanceClass": "db.t4g.micro", "Engine": "postgres"}
        return {"DBInstances": [one]}

    def describe_cache_clusters(self):
        self.last()
        return {"CacheClusters": []}

    def get_metric_statistics(self, **asked):
        return {"Datapoints": []}


def test_two_surveys_at_once_see_the_same(database):
    aws = costs.Aws(clouds.settings(None), Small(Barrier(2).wait))
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: costs.survey(database, aws, now=NOW), range(2))) == [0, 0]
    with database() as session:
        assert [one.id for one in costs.resources(session)] == ["rds/db"]


def test_a_survey_that_was_killed_was_not_done(database):
    def killed():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        costs.survey(database, costs.Aws(clouds.settings(None), Small(killed)), now=NOW)
    with database() as session:
        assert session.scalars(select(Collection.done_at)).all() == [None]


@pytest.mark.parametrize(
    ("kind", "metric", "about"),
    [
        ("ecs", "cpu", {"ClusterName": "main", "ServiceName": "web"}),
        ("ecs", "requests", {"TargetGroup": "targetgroup/web/ab"}),
        ("rds", "connections", {"DBInstanceIdentifier": "db"}),
        ("cache", "memory", {"CacheClusterId": "sessions"}),
    ],
)
def test_each_thing_is_asked_for_under_the_name_that_cloudwatch_gives_it(kind, metric, about):
    name = {"ecs": "web", "rds": "db", "cache": "sessions"}[kind]
    facts = {"cluster": "main", "target_group": "targetgroup/web/ab"}
    assert surveying.about(Running(f"{kind}/x", kind, name, facts), metric) == about


def test_what_is_gone_is_noted_and_what_is_too_old_forgotten(survey, database, aws_url):
    measure(aws_url, WEB, "AWS/ECS", "CPUUtilization", [10])
    survey()
    clouds.client(aws_url, "ecs").delete_service(cluster="main", service="web", force=True)
    survey(NOW + HOUR)
    with database() as session, unit(session):
        assert "ecs/main/web" not in [one.id for one in costs.resources(session, kind="ecs")]
        costs.forget_loads(session, now=NOW + timedelta(days=456))
    assert stored(database) == 0
