"""The stack as its users meet it: started, refused, hurt, stopped."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from deploy.local.engines import APP, OWNER, Engines
from deploy.local.ports import free_port, is_free
from deploy.local.process import wait_until
from deploy.local.services import ROOT
from deploy.local.supervisor import Supervisor
from tests.running import RunningStack, family, gone

pytestmark = pytest.mark.stack

SMALL = {"WEB_CONCURRENCY": "1", "GATE_CONCURRENCY": "1"}
PARTS = ["postgres", "redis", "sandbox", "web", "gate", "example", "worker", "beat", "post"]


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
    for name in ("secrets.json", "example.json", "stack.json", "processes.json", "redis/redis.conf"):
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


def test_the_sample_api_takes_the_keys_that_the_portal_makes(stack):
    account = re.search(r"acc_\w+", stack.cli("accounts", "add", "Sample Ltd", "--owner", "sam@example.com"))[
        0
    ]
    key = stack.cli("keys", "mint", account, "First").splitlines()[-1]
    api = stack.env["API_URL"]
    assert api == f"http://127.0.0.1:{stack.port + 2}" and f"Your API  {api}" in stack.printed

    def call(path, shown=None, body=None):
        headers = {"Content-Type": "application/json"} | ({"X-API-Key": shown} if shown else {})
        asked = urllib.request.Request(api + path, body and json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as answer:
            return answer.code, None, answer.headers

    assert call("/health")[0] == 200 and call("/")[0] == 401
    status, said, headers = call("/", key)
    assert (status, said["you"]) == (200, {"account": account, "plan": "api-free"})
    assert '"month";r=999' in headers["RateLimit"]
    assert call("/memories", key, {"text": "tea"})[:2] == (201, {"number": 1, "text": "tea"})
    assert call("/memories", key, {"text": " "})[0] == 422
    assert call("/memories/1", key)[1] == {"number": 1, "text": "tea"}
    _, _, headers = call("/memories/2", key)
    assert '"month";r=995' in headers["RateLimit"], "1 + 2 + 0 + 1 + 1"


def test_an_api_of_ones_own_takes_the_place_of_the_sample(tmp_path):
    ports = free_port()
    supervisor = Supervisor(tmp_path, ports, {"API_URL": "https://api.example.org"}, print)
    assert not supervisor.has_example({"API_URL": "https://api.example.org"})
    assert supervisor.has_example({})
    elsewhere = Supervisor(tmp_path, ports, {"PUBLIC_URL": "https://portal.example.org"}, print)
    assert not elsewhere.has_example({})
    with socket.create_server(("127.0.0.1", ports + 2)):
        assert not supervisor.has_example({})


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
        f"for example `make run PORT={port + 3}`.\n"
    )


@pytest.mark.parametrize("port", ["http", "0", "65536"])
def test_a_port_that_is_none_is_refused_with_one_sentence(tmp_path, port):
    wrong = RunningStack(tmp_path / "var", port=port)
    wrong.spawn()
    assert wrong.wait() == 1
    assert wrong.printed == f"PORT must be a whole number from 1 to 65534, not '{port}'.\n"


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_killed_is_started_again(stack, name):
    before = stack.processes[name]
    os.kill(before, signal.SIGKILL)
    assert wait_until(lambda: stack.processes[name] != before, 30)
    assert wait_until(lambda: stack.ready, 60), stack.printed
    assert f"{name} ended (SIGKILL)" in stack.printed


def test_a_killed_supervisor_leaves_nothing_and_the_next_start_is_clean(tmp_path):
    stack = RunningStack(tmp_path / "var with spaces", **SMALL).start()
    everyone = family(stack.pid)
    assert len(everyone) > len(PARTS)
    example_key = (stack.folder / "example.json").read_text()
    os.kill(stack.pid, signal.SIGKILL)
    assert stack.wait() == -signal.SIGKILL
    again = RunningStack(stack.folder, port=stack.port, **SMALL).start()
    assert gone(everyone)
    assert (again.folder / "example.json").read_text() == example_key
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
        stack = RunningStack(tmp_path / "var", REDIS_URL=redis.url(), **named, **SMALL).start()
        assert list(stack.processes) == PARTS[2:]
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
