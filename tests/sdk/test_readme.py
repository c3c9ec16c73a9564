"""The README, to the letter: a newcomer's lines against a running gate."""

import re
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from sqlalchemy import select

from deploy.local.ports import free_port
from deploy.local.process import Process, Service, wait_until
from deploy.local.services import ROOT
from portal import keys, metering
from portal.kit import clock
from portal.kit.db import unit
from tests.deploy.parts import environ
from tests.edge.served import Served
from tests.edge.test_composed import composed  # noqa: F401
from tests.plans.people import OPERATOR, account_of, publish
from upkeep_sdk import Client

README = ROOT / "sdk/python/README.md"


def block(heading):
    """The first Python block under a heading."""
    under = README.read_text().split(f"## {heading}\n", 1)[1]
    return re.search(r"```python\n(.*?)```", under, re.DOTALL)[1]


@pytest.fixture
def portal(composed, database, redis):  # noqa: F811
    with Served(composed) as server:
        yield server


@pytest.fixture
def minted(composed, database, settings):  # noqa: F811
    """A key, a service key and the account's id; the service key is known already."""
    now, stamp = clock.now(), keys.Stamp(settings.key_prefix, settings.key_peppers[0])
    with database() as session, unit(session):
        publish(session, now)
        account = account_of(session, "Alice", now)
        key = keys.mint(session, account, "Laptop", stamp=stamp, actor=OPERATOR, now=now)
        service = keys.mint_service(session, "api", stamp=stamp, actor=OPERATOR, now=now)
    wait_until(lambda: composed.extensions["upkeep.services"].known(service.token), 5)
    return key.token, service.token, account


def call(url, key=None):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


def test_five_lines_protect_a_flask_api(portal, minted, tmp_path):
    key, service_key, _ = minted
    code = block("Flask, in five lines")
    (tmp_path / "api.py").write_text(code)
    port = free_port()
    api = Process(
        Service(
            name="api",
            command=[sys.executable, "-m", "flask", "--app", "api", "run", "--port", str(port)],
            log=tmp_path / "api.log",
            ready=lambda: _answers(port),
            environment=environ(
                UPKEEP_URL=portal.url, UPKEEP_SERVICE_KEY=service_key, PYTHONPATH=str(ROOT / "sdk/python")
            ),
            folder=tmp_path,
        )
    )
    api.start()
    try:
        url = f"http://127.0.0.1:{port}/memories/7"
        assert call(url)[0] == 401
        status, headers, body = call(url, key)
        assert (status, body.strip()) == (200, b'{"memory":7}') and '"month";r=999' in headers["RateLimit"]
        statuses = [call(url, key)[0] for _ in range(30)]
        assert set(statuses) == {200, 429}, "5 calls a second, 10 at once"
    finally:
        api.stop()


def test_the_page_about_protecting_shows_the_same_lines():
    assert block("Flask, in five lines") in (ROOT / "docs/protect.md").read_text()


def test_the_fastapi_lines_are_an_application(portal, minted):
    code = block("FastAPI")
    with pytest.MonkeyPatch.context() as given:
        given.setenv("UPKEEP_URL", portal.url)
        given.setenv("UPKEEP_SERVICE_KEY", minted[1])
        made = {}
        exec(compile(code, "README.md", "exec"), made)
    assert made["app"].openapi()["paths"].keys() == {"/memories/{number}"}


def test_a_spool_is_told_to_the_portal_and_counts_once(portal, minted, database, tmp_path):
    key, service_key, account = minted
    with Client(portal.url, service_key, when_away="allow", spool=tmp_path) as client:
        verdict = client.verify(key)
        for _ in range(3):
            client.count_later(verdict, 2, "calls", "GET /memories/{id}")
        segment = client.deliver()
        assert segment == 1
    with database() as session:
        rows = session.scalars(select(metering.UsageRow).where(metering.UsageRow.account_id == account)).all()
    assert [(row.meter, row.units, row.calls, row.endpoint) for row in rows] == [
        ("calls", 6, 3, "GET /memories/{id}")
    ]
    assert rows[0].key_id == verdict.key_id


def _answers(port):
    try:
        return call(f"http://127.0.0.1:{port}/")[0] == 404
    except OSError:
        return False


def test_the_package_needs_nothing_but_python():
    code = "import sys, upkeep_sdk; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT / 'sdk/python')!r}); {code}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    foreign = {name for name in done.stdout.split() if name not in sys.stdlib_module_names}
    assert foreign - {"__main__"} == {"upkeep_sdk"}
