"""The engines, in a folder and on ports of their own."""

import contextlib
import os
import shutil
import signal
from dataclasses import replace

import psycopg
import pytest
import redis as redis_py

from deploy.local import binaries
from deploy.local.engines import APP, OWNER, Engines, Passwords, Postgres, Redis
from deploy.local.ports import free_port
from deploy.local.process import StackError
from deploy.local.state import born
from tests.running import family

PASSWORDS = Passwords()


def test_the_application_is_neither_owner_nor_superuser(engines):
    with psycopg.connect(engines.postgres.url(APP)) as app:
        row = app.execute(
            "SELECT rolsuper, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        assert row.fetchone() == (False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE mine (id int)")


def test_the_application_works_with_the_tables_that_the_owner_makes(engines):
    with psycopg.connect(engines.postgres.url(OWNER), autocommit=True) as owner:
        owner.execute("CREATE TABLE shelf (id serial, word text)")
        with psycopg.connect(engines.postgres.url(APP)) as app:
            app.execute("INSERT INTO shelf (word) VALUES ('book')")
            assert app.execute("SELECT id, word FROM shelf").fetchall() == [(1, "book")]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute("DROP TABLE shelf")
        owner.execute("DROP TABLE shelf")


def test_nobody_enters_without_a_password(engines):
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", port=engines.postgres.port, user="postgres", dbname="upkeep")
    with (
        redis_py.Redis(port=engines.redis.port) as stranger,
        pytest.raises(redis_py.AuthenticationError),
    ):
        stranger.ping()


def test_what_was_written_outlives_a_kill(tmp_path):
    folder = tmp_path / "in a folder with spaces"
    with Engines(folder, passwords=PASSWORDS) as engines:
        with psycopg.connect(engines.postgres.url(OWNER), autocommit=True) as owner:
            owner.execute("CREATE TABLE shelf AS SELECT 'book' AS word")
        with redis_py.Redis.from_url(engines.redis.url()) as redis:
            redis.set("word", "book")
            redis.execute_command("WAITAOF", 1, 0, 10_000)  # the last second may be lost, as stated
        for engine in (engines.postgres, engines.redis):
            engine.kill()
            engine.start()
        with psycopg.connect(engines.postgres.url(OWNER)) as owner:
            assert owner.execute("SELECT word FROM shelf").fetchone() == ("book",)
        assert redis_py.Redis.from_url(engines.redis.url()).get("word") == b"book"


def test_a_postgresql_that_does_not_end_in_time_leaves_no_process(tmp_path):
    """Its processes are in groups of their own: one that hangs is not reached by killing its parent's."""
    postgres = Postgres(tmp_path, free_port(), PASSWORDS, durable=False)
    postgres.service = replace(postgres.service, stop_seconds=0.5)
    postgres.start()
    everyone = family(postgres.pid)
    hanging = max(everyone.keys() - {postgres.pid})
    os.kill(hanging, signal.SIGSTOP)
    try:
        postgres.stop()
        assert [pid for pid, birth in everyone.items() if born(pid) == birth] == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(hanging, signal.SIGKILL)


def test_redis_appends_each_second_and_never_evicts(tmp_path):
    server = Redis(tmp_path, free_port(), PASSWORDS.redis)
    try:
        server.start()
        with redis_py.Redis.from_url(server.url()) as redis:
            settings = redis.config_get("appendonly", "appendfsync", "maxmemory-policy")
    finally:
        server.stop()
    assert settings == {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


def test_data_made_with_other_passwords_is_refused_with_a_sentence(tmp_path):
    with Engines(tmp_path, durable=False):
        pass
    with pytest.raises(StackError, match="other passwords"):
        Engines(tmp_path, durable=False).__enter__()


def test_data_of_a_postgresql_that_is_not_installed_is_left_alone(tmp_path):
    (tmp_path / "pg7").mkdir()
    with pytest.raises(StackError, match=r"The data is PostgreSQL 7's, and PostgreSQL \d+"):
        Engines(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_where_namespaces_are_denied_root_hands_the_data_to_nobody(tmp_path):
    postgres = Postgres(tmp_path, free_port(), PASSWORDS, durable=False, namespaces=False)
    try:
        postgres.start()
        assert (postgres.data.owner(), tmp_path.owner()) == ("nobody", "root")
        with psycopg.connect(postgres.url(APP)) as app:
            assert app.execute("SELECT 1").fetchone() == (1,)
        again = Postgres(tmp_path, postgres.port, PASSWORDS)
        assert again.data == postgres.data, "data that is there is found again"
    finally:
        postgres.stop()
        shutil.rmtree(postgres.data.parent)


def test_the_system_servers_stand_in_for_absent_packages(tmp_path):
    for name in ("initdb", "postgres"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17.2 (Debian)'\n")
        program.chmod(0o755)
    found = binaries.postgres(package="absent_package", folders=[tmp_path / "bin"])
    assert (found.bin, found.major) == (tmp_path / "bin", 17)
    with pytest.raises(StackError, match="No PostgreSQL was found"):
        binaries.postgres(package="absent_package", folders=[])
    with pytest.raises(StackError, match="No Redis was found"):
        binaries.redis_server(package="absent_package", names=["absent-server"])
