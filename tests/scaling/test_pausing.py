"""Rest and smaller sizes, as suggested from what CloudWatch told by the hour."""

import json

import pytest

from portal import scaling
from portal.kit.money import Money
from portal.scaling import machines, tasks
from tests.scaling.running import NOW, always, by_day, resource, runs

SURE = (1.0,) * 12
GIGABYTE = 1024.0**3


def suggested(session, currency="usd"):
    """What stands open, by kind and subject."""
    scaling.suggest(session, currency, SURE, now=NOW)
    found = scaling.suggestions(session, currency, now=NOW)
    return {(one.kind.slug, one.row.subject): one for one in found if one.state == "open"}


def test_a_service_that_nobody_asks_at_night_may_sleep(session):
    runs(session, "ecs", cpu=always(80), memory=always(80), requests=by_day(100))
    [(key, one)] = suggested(session).items()
    assert key == ("pause", "ecs/main/web")
    assert one.case.what == "Let web sleep from 22:00 to 06:00 UTC."
    hourly = 2 * (0.04048 + 4 * 0.004445)
    assert one.saving.likely == Money(round(100 * 8 * hourly * 30.4))
    assert "28 of 28 nights" in one.case.why and one.worst == Money(0)
    commands = dict(one.steps)
    assert "cron(0 22 * * ? *)" in commands["Send it to sleep"]
    assert "MinCapacity=2,MaxCapacity=2" in commands["Wake it"]
    assert "desired-count 2" in one.case.undo and "aws_appautoscaling_scheduled_action" in str(one.steps)
    assert one.case.evidence.series[3] == ("03", 0) and one.case.evidence.series[12] == ("12", 100)


def test_a_worker_without_requests_is_quiet_when_its_processor_is(session):
    facts = {"target_group": None, "definition": "worker:1"}
    runs(session, "ecs", "worker", facts=facts, cpu=by_day(70, 2), memory=always(90))
    found = {subject for kind, subject in suggested(session) if kind == "pause"}
    assert found == {"ecs/main/worker"}


def test_a_database_without_connections_may_sleep_and_is_started_each_morning(session):
    runs(session, "rds", "db", cpu=always(60), connections=by_day(5), free_memory=always(GIGABYTE / 10))
    one = suggested(session)["pause", "rds/db"]
    assert "startDBInstance" in dict(one.steps)["Start it each night"]
    assert any("after 7 days" in value for _, value in one.case.checks)


def test_what_nobody_used_for_two_weeks_is_switched_off_and_not_paused(session):
    runs(session, "ecs", cpu=always(1), memory=always(90), requests=always(0))
    runs(session, "rds", "db", cpu=always(60), connections=always(0), free_memory=always(0))
    runs(session, "cache", "sessions", cpu=always(60), connections=always(4), memory=always(90))
    found = suggested(session)
    assert set(found) == {("idle", "ecs/main/web"), ("idle", "rds/db"), ("idle", "cache/sessions")}
    assert found["idle", "rds/db"].case.evidence.rows[0] == ("18 November", "168", "0")
    again = [text for name, text in found["idle", "rds/db"].steps if "after 7 days" in name]
    assert again and "stopDBInstance" in again[0]
    cache = found["idle", "cache/sessions"]
    assert "create-snapshot" in cache.steps[0][1] and "delete-replication-group" in cache.steps[1][1]
    assert "--snapshot-name sessions-last" in cache.case.undo and "cannot be stopped" in str(
        cache.case.checks
    )


def test_what_is_used_or_stopped_or_unknown_is_left_alone(session):
    runs(session, "ecs", cpu=always(80), memory=always(80), requests=always(1))
    runs(session, "ecs", "old", facts={"launch": "EC2"}, cpu=always(1), memory=always(1))
    stopped = {"status": "stopped"}
    runs(session, "rds", "db", facts=stopped, cpu=always(80), connections=always(0), free_memory=always(0))
    runs(session, "rds", "odd", facts={"type": "db.z9.huge"}, cpu=always(1), connections=always(0))
    replica = {"replicates": True}
    runs(session, "rds", "read", facts=replica, cpu=always(80), connections=always(0), free_memory=always(0))
    for node in ("pair-001", "pair-002"):
        group = {"group": "pair"}
        runs(session, "cache", node, facts=group, cpu=always(1), connections=always(0), memory=always(1))
    runs(session, "ecs", "new", days=3, cpu=always(1), memory=always(1), requests=always(0))
    assert suggested(session) == {}


def test_what_is_never_half_used_gets_the_next_smaller_size(session):
    runs(session, "ecs", cpu=always(40), memory=always(30), requests=always(9))
    runs(session, "rds", "db", cpu=always(30), connections=always(3), free_memory=always(3 * GIGABYTE))
    runs(session, "cache", "sessions", cpu=always(10), connections=always(9), memory=always(20))
    found = suggested(session)
    assert {key[0] for key in found} == {"rightsizing"} and len(found) == 3
    web = found["rightsizing", "ecs/main/web"]
    assert web.case.what == "Give web 0.5 processors and 2,048 MB."
    assert web.saving.likely == Money(round(100 * 730 * (0.04048 + 4 * 0.004445)))
    assert '.cpu = "512"' in web.steps[0][1] and web.case.undo.endswith("--task-definition web:7")
    database = found["rightsizing", "rds/db"]
    assert "db.t4g.small" in database.case.what and "--db-instance-class db.t4g.medium" in database.case.undo
    assert dict(database.case.evidence.series)["Memory, at most"] == 25


@pytest.mark.parametrize(
    ("processor", "free"), [(60, 3), (30, 1)], ids=["its processor is used", "its memory is used"]
)
def test_what_was_used_once_keeps_its_size(session, processor, free):
    runs(
        session,
        "rds",
        "db",
        cpu=always(processor),
        connections=always(3),
        free_memory=always(free * GIGABYTE),
    )
    assert suggested(session) == {}


def test_aws_bills_in_dollars_and_nothing_is_said_in_other_currencies(session):
    runs(session, "ecs", cpu=always(1), memory=always(1), requests=always(0))
    assert suggested(session, "eur") == {}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("ecs", lambda row: tasks.pause(row, 22, 6, 2)),
        ("ecs", tasks.end),
        ("ecs", lambda row: tasks.shrink(row, 256, 512)),
        ("ecs", lambda row: tasks.spot(row, 4, 2)),
        ("rds", lambda row: machines.pause(row, 22, 6)),
        ("rds", machines.end),
        ("rds", lambda row: machines.shrink(row, "db.t4g.small")),
        ("cache", machines.end),
        ("cache", lambda row: machines.shrink(row, "cache.t4g.small")),
    ],
)
@pytest.mark.parametrize("group", [None, "group-1"])
def test_every_text_names_what_it_is_about_and_none_is_left_open(kind, told, group):
    row = resource(
        kind,
        "web-1",
        **({"group": group, "engine": "memcached" if group is None else "redis"} if kind == "cache" else {}),
    )
    steps, undo = told(row)
    commands = [
        step.text for step in steps if "Terraform" not in step.name and "environment" not in step.name
    ]
    for text in (*commands, *undo.splitlines()):
        assert text.startswith("aws ") and "{row" not in text and "None" not in text
        if "--target '" in text:
            target = json.loads(text.split("--target '")[1].split("'")[0])
            assert json.loads(target["Input"]) == {"DbInstanceIdentifier": "web-1"}
    assert all(step.text.count("{") == step.text.count("}") for step in steps)
    assert "web-1" in commands[-1] or "group-1" in commands[-1] or "web" in commands[-1]
