"""What the files of a deployment say of settings and secrets is what the product reads."""

import re
import subprocess

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from deploy.backup import programs
from deploy.local import binaries
from deploy.local.engines import APP, OWNER, Engines
from deploy.local.ports import free_port
from deploy.local.process import Process, Service
from deploy.local.services import ROOT
from portal.billing.actions import checking
from portal.kit.settings import load
from portal.web import readiness
from tests.deploy.parts import DEPLOY, OURS, compose, draw, settings_in, tool, unit
from tests.house.test_settings import names

# What other programs read, and where it is read.
OTHERS = {
    "HOST": "deploy/gunicorn.conf.py",
    "WEB_CONCURRENCY": "deploy/gunicorn.conf.py",
    "GATE_PORT": "deploy/gate.conf.py",
    "GATE_CONCURRENCY": "deploy/gate.conf.py",
    "PROMETHEUS_MULTIPROC_DIR": "portal/web/metrics.py",
    "PYTHONUNBUFFERED": None,
    "PYTHONDONTWRITEBYTECODE": None,
}
SCRIPTS = ("draw-secrets", "postgres-roles", "upgrade", "upkeep", "venv")
UNITS = sorted(path.name for path in (DEPLOY / "systemd").glob("*.service"))


def known(name):
    return name in names() or name.removesuffix("_FILE") in names() or name in OTHERS


def test_what_others_read_is_read_there():
    for name, path in OTHERS.items():
        assert path is None or name in (ROOT / path).read_text()


def test_containers_are_told_nothing_that_nobody_reads():
    for name in OURS:
        assert not [said for said in compose()["services"][name]["environment"] if not known(said)]


def test_units_are_told_nothing_that_nobody_reads():
    said = {
        pair.split("=")[0]
        for name in UNITS
        for key, value in unit(name)
        if key == "Environment"
        for pair in value.split()
    }
    assert said and not [name for name in said if not known(name)]


@pytest.mark.parametrize("path", ["example.env", "systemd/upkeep.env.example"])
def test_the_examples_name_nothing_that_nobody_reads(path):
    found = settings_in(DEPLOY / path)
    assert found and not [name for name in found if not known(name)]


def test_the_production_page_names_nothing_that_nobody_reads():
    text = (DEPLOY / "README.md").read_text()
    said = set(re.findall(r"`([A-Z][A-Z]*(?:_[A-Z]+)+)`", text)) | set(
        re.findall(r"\b([A-Z]+(?:_[A-Z]+)+)=", text)
    )
    assert said and not sorted(name for name in said if not known(name))


def test_every_secret_is_drawn_declared_and_used(tmp_path):
    drawn = {path.name for path in draw(tmp_path / "secrets").iterdir()}
    declared = compose()["secrets"]
    assert drawn == set(declared)
    assert {name: one["file"] for name, one in declared.items()} == {
        name: f"./secrets/{name}" for name in drawn
    }
    used = {name for part in compose()["services"].values() for name in part.get("secrets", ())}
    assert used == drawn
    for name in OURS:
        part = compose()["services"][name]
        files = [path for key, path in part["environment"].items() if key.endswith("_FILE")]
        assert sorted(files) == sorted(f"/run/secrets/{secret}" for secret in part["secrets"])


def test_drawn_secrets_are_kept_and_unlike_each_other(tmp_path):
    folder = draw(tmp_path / "a folder" / "secrets")
    before = {path.name: path.read_text() for path in folder.iterdir()}
    (folder / "smtp_url").write_text("smtp://mail.example.org:25")
    (folder / "redis_url").unlink()
    draw(folder)
    after = {path.name: path.read_text() for path in folder.iterdir()}
    assert after == before | {"smtp_url": "smtp://mail.example.org:25"}
    assert folder.stat().st_mode & 0o777 == 0o700
    drawn = [text for text in before.values() if re.fullmatch("[0-9a-f]{48,}", text)]
    assert len(drawn) == len(set(drawn)) == 5
    other = draw(tmp_path / "other")
    assert (other / "secret_key").read_text() != before["secret_key"]


def test_the_examples_with_drawn_secrets_are_settings_that_start(tmp_path):
    folder = draw(tmp_path / "secrets", "postgres", "redis")
    example = {
        name: value.replace("/etc/upkeep/secrets", str(folder))
        for name, value in settings_in(DEPLOY / "systemd" / "upkeep.env.example").items()
    }
    read = load(example | {"VAR": str(tmp_path)})
    assert read.secure_cookies and read.payments is None and read.smtp_url is None
    assert read.database_url.startswith("postgresql://upkeep_app:")
    assert read.owner_database_url.startswith("postgresql://upkeep_owner:")
    inside = {
        name: value.replace("/run/secrets", str(folder))
        for name, value in compose()["services"]["web"]["environment"].items()
    }
    read = load(settings_in(DEPLOY / "example.env") | inside | {"VAR": str(tmp_path)})
    assert read.redis_url.endswith("@redis:6379/0") and "@postgres:5432/" in read.database_url
    assert read.owner_database_url == read.database_url, "the web does not know the owner's"


def test_the_production_page_gives_a_stripe_key_all_that_is_called():
    spoken = "".join(
        path.read_text() for path in sorted((ROOT / "portal" / "billing" / "gateway").glob("*.py"))
    )
    called = {name.rpartition(".")[0] for name in re.findall(r"\bv1\.([a-z_.]+)\(", spoken)}
    rows = [row.split("|") for row in (DEPLOY / "README.md").read_text().splitlines() if row.count("|") == 6]
    given = {name: row[3].strip() for row in rows for name in re.findall(r"`([a-z_.]+)`", row[5])}
    assert called and called == set(given)
    for resource, verb in re.findall(r"\bv1\.([a-z_.]+)\.([a-z_]+)\(", spoken):
        assert (
            verb in ("list", "retrieve", "retrieve_current", "create_preview") or given[resource] == "Write"
        ), verb


def test_the_production_page_names_the_webhooks_that_matter():
    part = (DEPLOY / "README.md").read_text().split("### The webhook endpoint")[1].split("\n## ")[0]
    assert set(checking.NEEDED) == set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", part))


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_have_no_known_fault(script):
    done = subprocess.run(
        [tool("shellcheck"), "--severity=warning", DEPLOY / script], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture
def installed(tmp_path):
    """An empty PostgreSQL on which deploy/postgres-roles ran, and a Redis with deploy/redis.conf."""
    secrets = draw(tmp_path / "secrets")
    with Engines(tmp_path, durable=False) as engines:
        superuser = engines.postgres.url("postgres").removesuffix("/upkeep") + "/postgres"
        with psycopg.connect(superuser, autocommit=True) as server:
            server.execute("DROP DATABASE upkeep")
            server.execute(f"DROP ROLE {OWNER}, {APP}")
            major, password = server.info.server_version // 10_000, server.info.password
        path = f"{programs.bin_for(major)}:/usr/bin:/bin"
        done = subprocess.run(
            [DEPLOY / "postgres-roles", secrets],
            env={
                "PATH": path,
                "PGHOST": "127.0.0.1",
                "PGPORT": str(engines.postgres.port),
                "PGPASSWORD": password,
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        port = free_port()
        conf = (DEPLOY / "redis.conf").read_text()
        for old, new in (
            ("include /run/secrets/redis_auth", f"include {secrets}/redis_auth"),
            ("port 6379", f"port {port}"),
            ("bind * -::*", "bind 127.0.0.1"),
            ("dir /data", f'dir "{tmp_path}"'),
        ):
            assert old in conf
            conf = conf.replace(old, new)
        (tmp_path / "redis.conf").write_text(conf)
        url = f"redis://:{(secrets / 'redis_password').read_text()}@127.0.0.1:{port}/0"
        server = Process(
            Service(
                name="redis",
                command=[str(binaries.redis_server()), str(tmp_path / "redis.conf")],
                log=tmp_path / "redis.log",
                ready=lambda: readiness._redis(url) == readiness.OK,
            )
        )
        server.start()

        def address(name):
            return (secrets / name).read_text().replace(":5432/", f":{engines.postgres.port}/")

        yield load(
            {
                "VAR": str(tmp_path),
                "DATABASE_URL": address("database_url"),
                "OWNER_DATABASE_URL": address("owner_database_url"),
                "REDIS_URL": url,
                "SECRET_KEY": (secrets / "secret_key").read_text(),
                "KEY_PEPPERS": (secrets / "key_peppers").read_text(),
            }
        )
        server.stop()


def test_the_roles_and_the_redis_of_production_are_those_that_are_needed(installed):
    configuration = Config(ROOT / "alembic.ini")
    configuration.set_main_option("sqlalchemy.url", installed.owner_database_url)
    command.upgrade(configuration, "head")
    assert set(readiness.checks(installed).values()) == {readiness.OK}
    with psycopg.connect(installed.database_url) as app:
        assert app.execute("SELECT count(*) FROM fact").fetchone() == (0,)
        app.execute("INSERT INTO fact (name, data) VALUES ('a.B', '{}')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE mine (id int)")
