"""/healthz, /readyz and /metrics: what the processes say about themselves."""

import re

import pytest
from alembic.script import ScriptDirectory
from redis import Redis
from sqlalchemy import text

from portal.kit import settings as kit_settings
from portal.web import create_app, health, metrics, readiness
from tests.edge.door import OUTSIDE

NOBODY_THERE = "127.0.0.1:1"


@pytest.fixture
def environ(database_url, redis_url, tmp_path):
    return {
        "VAR": str(tmp_path),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "s" * 32,
        "KEY_PEPPERS": "p1:" + "ab" * 16,
    }


def caller(environ, **more):
    """A client of the site under these settings."""
    app = create_app(kit_settings.load(environ | more))
    if "health" not in app.blueprints:
        app.register_blueprint(health.room)
    return app.test_client()


def test_a_living_process_says_so_whatever_stands_beside_it(environ):
    away = caller(
        environ, DATABASE_URL=f"postgresql://u:p@{NOBODY_THERE}/x", REDIS_URL=f"redis://{NOBODY_THERE}/0"
    )
    reply = away.get("/healthz")
    assert (reply.status_code, reply.json) == (200, {"status": "ok"})


def test_ready_is_said_when_everything_answers(environ):
    reply = caller(environ).get("/readyz")
    assert reply.json == {"ready": True, "failing": [], "checks": {"postgresql": "ok", "redis": "ok"}}
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("postgresql", {"DATABASE_URL": f"postgresql://u:hunter2@{NOBODY_THERE}/x"}),
        ("redis", {"REDIS_URL": f"redis://:hunter2@{NOBODY_THERE}/0"}),
        ("broker", {"BROKER_URL": f"redis://:hunter2@{NOBODY_THERE}/0"}),
        ("broker", {"BROKER_URL": f"amqp://guest:hunter2@{NOBODY_THERE}//"}),
    ],
)
def test_what_does_not_answer_is_named_and_no_secret_is(environ, name, more):
    if name == "redis":
        more = {"BROKER_URL": environ["REDIS_URL"]} | more
    reply = caller(environ, **more).get("/readyz")
    assert (reply.status_code, reply.json["ready"], reply.json["failing"]) == (503, False, [name])
    assert b"hunter2" not in reply.data


@pytest.fixture
def configured(redis_url):
    """Set Redis' configuration, and put it back after the test."""
    before = {}
    with Redis.from_url(redis_url, decode_responses=True) as client:

        def configure(name, value):
            before[name] = client.config_get(name)[name]
            client.config_set(name, value)

        yield configure
        for name, value in before.items():
            client.config_set(name, value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("maxmemory-policy", "allkeys-lru", "noeviction"), ("appendonly", "no", "appendonly yes")],
)
def test_a_redis_that_may_lose_counts_is_not_ready(environ, configured, name, value, words):
    configured(name, value)
    reply = caller(environ).get("/readyz")
    assert (reply.status_code, reply.json["failing"]) == (503, ["redis"])
    assert words in reply.json["checks"]["redis"]


@pytest.fixture
def versioned(_owner_bind):
    """Write another version of the schema, and put the true one back after the test."""
    with _owner_bind.connect() as connection:
        before = connection.scalar(text("SELECT version_num FROM alembic_version"))

    def write(version):
        with _owner_bind.begin() as connection:
            connection.execute(
                text("UPDATE alembic_version SET version_num = :version"), {"version": version}
            )

    yield write
    write(before)


def test_a_database_that_is_not_migrated_to_the_head_is_not_ready(environ, versioned):
    versioned("0001")
    reply = caller(environ).get("/readyz")
    assert (reply.status_code, reply.json["failing"]) == (503, ["postgresql"])
    assert "migrations" in reply.json["checks"]["postgresql"]


def test_there_is_one_head():
    assert len(ScriptDirectory(str(readiness.MIGRATIONS)).get_heads()) == 1


def from_peer(client, peer, path="/metrics", **headers):
    return client.get(path, environ_overrides={"REMOTE_ADDR": peer}, headers=headers)


def test_metrics_are_for_callers_inside(environ):
    client = caller(environ)
    assert from_peer(client, "127.0.0.1").status_code == 200
    assert from_peer(client, OUTSIDE).status_code == 404
    assert from_peer(client, "127.0.0.1", **{"X-Forwarded-For": OUTSIDE}).status_code == 404


def test_metrics_behind_the_dispatcher_look_at_the_peer_not_at_the_client(environ):
    client = caller(environ)
    seen = {"REMOTE_ADDR": "", "upkeep.peer": OUTSIDE}
    assert client.get("/metrics", environ_overrides=seen).status_code == 404


def test_metrics_are_for_anyone_where_the_operator_says_so(environ):
    assert from_peer(caller(environ, METRICS="public"), OUTSIDE).status_code == 200


def counted(client, name, **labels):
    """One number of a scrape."""
    pattern = name + (
        r"\{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + r"\}" if labels else ""
    )
    match = re.search(rf"^{pattern} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(match[1]) if match else 0.0


def test_answers_of_the_site_are_counted_by_view_and_status(environ):
    client = caller(environ)
    before = counted(client, "upkeep_answers_total", address="health.lives", status="200")
    client.get("/healthz")
    assert counted(client, "upkeep_answers_total", address="health.lives", status="200") == before + 1


def test_a_stranger_chooses_no_label(environ):
    client = caller(environ)
    client.get("/nothing-of-the-kind")
    assert "nothing-of-the-kind" not in client.get("/metrics").text


def test_verdicts_are_counted_by_code(environ):
    client = caller(environ)
    labels = {"address": "/v1/keys/verify", "code": "SPEND_CAP"}
    before = counted(client, "upkeep_verdicts_total", **labels)
    metrics.told("/v1/keys/verify", 200, "SPEND_CAP", 0.001)
    assert counted(client, "upkeep_verdicts_total", **labels) == before + 1


def test_what_waits_in_the_database_is_told(environ):
    client = caller(environ)
    assert counted(client, "upkeep_facts_waiting") == 0
    assert counted(client, "upkeep_letters_waiting") == 0
    assert counted(client, "upkeep_metrics_processes") == 1


def test_metrics_are_told_without_a_database_too(environ):
    client = caller(environ, DATABASE_URL=f"postgresql://u:p@{NOBODY_THERE}/x")
    assert client.get("/metrics").status_code == 200
