"""The stack as its users meet it: started, refused, hurt, stopped."""

import os
import signal
import socket
import stat
import subprocess
import sys

import pytest

from deploy.local.engines import APP, OWNER, Engines
from deploy.local.ports import free_port, is_free
from deploy.local.process import wait_until
from deploy.local.services import ROOT
from tests.running import RunningStack, family, gone

pytestmark = pytest.mark.stack

PARTS = ["postgres", "redis", "sandbox", "web", "worker", "beat", "post"]


def test_everything_runs_and_says_where_it_is(stack):
    assert list(stack.processes) == PARTS
    for line in (
        f"Upkeep    {stack.url}",
        f"Files     {stack.folder}",
        "PostgreSQL in",
        "Letters   ",
        "Replies   ",
    ):
        assert line in stack.printed


def test_the_operator_is_given_a_link_to_sign_in_with(stack):
    assert f"Operator  {stack.url}/" in stack.printed


def test_secrets_are_for_the_owners_eyes_only(stack):
    for name in ("secrets.json", "stack.json", "processes.json", "redis/redis.conf"):
        assert stat.S_IMODE((stack.folder / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(stack.folder.stat().st_mode) == 0o700


def test_the_operators_verbs_find_the_stack_from_anywhere(stack, tmp_path):
    shim = tmp_path / "project" / ".venv" / "bin" / "upkeep"
    shim.parent.mkdir(parents=True)
    shim.write_bytes((ROOT / "deploy" / "upkeep").read_bytes())
    shim.chmod(0o755)
    (tmp_path / "project" / "portal").symlink_to(ROOT / "portal")
    python = shim.with_name("python")
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    done = subprocess.run([shim, "--help"], cwd="/", capture_output=True, text=True)
    assert "Usage: upkeep" in done.stdout, done.stderr
    assert stack.cli("usage", "reconcile", "--json")


def test_a_second_stack_on_the_same_folder_is_refused(stack):
    second = RunningStack(stack.folder, port=free_port())
    second._printed = stack.folder.with_name("second.printed")
    second.spawn()
    assert second.wait() == 1
    assert second.printed.startswith(f"Upkeep is running on {stack.folder} already: {stack.url}")
    assert stack.ready
    assert stack.env["PORT"] == str(stack.port), "the running stack's file is left alone"


def test_a_taken_port_is_refused_with_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        late = RunningStack(tmp_path / "var", port=port)
        late.spawn()
        assert late.wait() == 1
    assert late.printed == (
        f"Port {port} is taken by another program: stop it, or choose another port, "
        f"for example `make run PORT={port + 1}`.\n"
    )


@pytest.mark.parametrize("port", ["http", "0", "65536"])
def test_a_port_that_is_none_is_refused_with_one_sentence(tmp_path, port):
    wrong = RunningStack(tmp_path / "var", port=port)
    wrong.spawn()
    assert wrong.wait() == 1
    assert wrong.printed == f"PORT must be a whole number from 1 to 65535, not '{port}'.\n"


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_killed_is_started_again(stack, name):
    before = stack.processes[name]
    os.kill(before, signal.SIGKILL)
    assert wait_until(lambda: stack.processes[name] != before, 30)
    assert wait_until(lambda: stack.ready, 60), stack.printed
    assert f"{name} ended (SIGKILL)" in stack.printed


def test_a_killed_supervisor_leaves_nothing_and_the_next_start_is_clean(tmp_path):
    stack = RunningStack(tmp_path / "var with spaces").start()
    everyone = family(stack.pid)
    assert len(everyone) > len(PARTS)
    os.kill(stack.pid, signal.SIGKILL)
    assert stack.wait() == -signal.SIGKILL
    again = RunningStack(stack.folder, port=stack.port).start()
    assert gone(everyone)
    everyone = family(again.pid)
    assert again.stop(signal.SIGINT) == 0
    assert gone(everyone, seconds=1)
    assert again.printed.endswith("Stopping.\nStopped.\n")
    assert not (again.folder / "stack.json").exists()
    assert is_free(again.port)


def test_engines_that_the_environment_names_are_used(tmp_path):
    with Engines(tmp_path / "engines", durable=False) as engines:
        postgres, redis = engines.postgres, engines.redis
        named = {"DATABASE_URL": postgres.url(APP), "OWNER_DATABASE_URL": postgres.url(OWNER)}
        stack = RunningStack(tmp_path / "var", REDIS_URL=redis.url(), **named).start()
        assert list(stack.processes) == ["sandbox", "web", "worker", "beat", "post"]
        assert stack.env["DATABASE_URL"] == postgres.url(APP)
        assert stack.stop() == 0
        assert postgres.alive and redis.alive


def test_a_database_that_does_not_answer_is_named(tmp_path):
    nowhere = f"postgresql://upkeep_app:secret@127.0.0.1:{free_port()}/upkeep"
    stack = RunningStack(tmp_path / "var", DATABASE_URL=nowhere)
    stack.spawn()
    assert stack.wait() == 1
    assert "`alembic upgrade head` failed" in stack.printed
    assert "secret" not in stack.printed


def test_a_stack_that_is_stopped_while_it_starts_leaves_nothing(tmp_path):
    stack = RunningStack(tmp_path / "var")
    stack.spawn()
    assert wait_until(lambda: (stack.folder / "processes.json").exists(), 30)
    everyone = family(stack.pid)
    assert stack.stop() == 0
    assert gone(everyone, seconds=1)
