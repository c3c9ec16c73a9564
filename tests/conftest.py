"""What every test may ask for: real engines, a migrated database, sessions and a Redis client.

Each process that runs tests has engines of its own, started when the first test asks for them.
"""

import gc
import os
import re
import shutil
from pathlib import Path

import pytest
import redis as redis_py
from _pytest.nodeid import NodeId
from alembic import command
from alembic.config import Config
from playwright.sync_api import sync_playwright
from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.local.engines import OWNER, Engines
from portal.kit import db
from portal.kit.settings import load
from tests.costs import bills
from tests.proxies import programs
from tests.running import RunningStack
from tests.stripe import data
from tests.web.sites import site_of

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NOT_RUN = "JOURNEY NOT RUN"
TOKEN = re.compile(r"(upk_[a-z]+_)\w+")

# Ten times as fast as TRUNCATE when tables are small. `replica` lets it pass foreign keys and triggers.
EMPTY_EVERYTHING = """
SET LOCAL lock_timeout = '10s';
SET LOCAL session_replication_role = replica;
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP EXECUTE format('DELETE FROM public.%I', name); END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename), start_value, false)
        FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$
"""


@pytest.fixture(scope="session")
def engines(tmp_path_factory):
    """A running PostgreSQL and Redis: `.postgres` and `.redis` can be killed, stopped and started."""
    with Engines(tmp_path_factory.mktemp("engines"), durable=False) as running:
        yield running


@pytest.fixture(scope="session")
def owner_database_url(engines):
    """The migrated database, as its owner."""
    url = engines.postgres.url(OWNER)
    configuration = Config(ROOT / "alembic.ini")
    configuration.set_main_option("sqlalchemy.url", url)
    command.upgrade(configuration, "head")
    return url


@pytest.fixture(scope="session")
def database_url(engines, owner_database_url):
    """The migrated database, as the application sees it: neither owner nor superuser."""
    return engines.postgres.url()


@pytest.fixture(scope="session")
def redis_url(engines):
    return engines.redis.url()


@pytest.fixture(scope="session")
def _bind(database_url):
    bind = db.engine(database_url)
    yield bind
    bind.dispose()


@pytest.fixture(scope="session")
def _owner_bind(owner_database_url):
    bind = db.engine(owner_database_url)
    yield bind
    bind.dispose()


@pytest.fixture(scope="session")
def _superuser(engines, database_url):
    bind = db.engine(engines.postgres.url("postgres"))
    yield bind
    bind.dispose()


@pytest.fixture
def session(_bind):
    """A session whose every commit is undone at the end of the test."""
    with _bind.connect() as connection, connection.begin() as outer:
        inner = Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        with inner:
            yield inner
        outer.rollback()


@pytest.fixture
def database(_bind, _superuser):
    """A maker of sessions that commit for real; every table is emptied after the test."""
    yield db.sessions(_bind)
    with _superuser.begin() as connection:
        connection.execute(text(EMPTY_EVERYTHING))


@pytest.fixture
def redis(redis_url):
    """A client of an empty Redis, which answers in bytes."""
    with redis_py.Redis.from_url(redis_url) as client:
        client.flushall()
        yield client
        client.flushall()


@pytest.fixture(scope="session")
def settings(database_url, owner_database_url, redis_url, tmp_path_factory):
    """The settings of an installation on loopback, on the test engines."""
    return load(
        {
            "VAR": str(tmp_path_factory.mktemp("var")),
            "PUBLIC_URL": "http://127.0.0.1:8000",
            "DATABASE_URL": database_url,
            "OWNER_DATABASE_URL": owner_database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": "a secret of the tests, long enough",
            "KEY_PEPPERS": "p1:" + "11" * 32,
        }
    )


@pytest.fixture
def web_app(settings):
    """The whole site. CSRF is checked as in production; throttles are off unless a test turns them on."""
    return site_of(settings)


@pytest.fixture
def client(web_app, database, redis):
    """A browser without JavaScript; what it does is committed, and undone after the test."""
    return web_app.test_client()


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """The whole running stack: `.url`, `.env`, `.processes` (pid by name) and `.cli(*arguments)`."""
    running = RunningStack(tmp_path_factory.mktemp("stack") / "state of a stack")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium. Without a browser its journeys are not run, which CI calls a failure."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sentence = f"{NOT_RUN}: no browser was found (Debian: apt install chromium)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(sentence)
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        launched = playwright.chromium.launch(executable_path=program, args=sandbox)
        yield launched
        launched.close()


@pytest.fixture
def page(browser):
    """An empty page of a person who has never been here."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def pytest_make_parametrize_id(val):
    """Random keys do not belong into names: processes that share the tests must agree on them."""
    return TOKEN.sub(r"\1...", val) if isinstance(val, str) and TOKEN.search(val) else None


def pytest_collection_modifyitems(config, items):
    """Tests that share what is slow to start share a process; browsers begin first, as they take longest."""
    for item in items:
        if "stack" in item.fixturenames:
            item.add_marker(pytest.mark.stack)
        group = next((mark.args[0] for mark in item.iter_markers("xdist_group")), None)
        if any(made[-1].scope == "module" for made in item._fixtureinfo.name2fixturedefs.values()):
            group = group or item.nodeid.partition("::")[0]
        elif item.get_closest_marker("stack"):
            group = group or "stack"
        if group and getattr(config.option, "loadgroup", False):
            # pytest-xdist 3.8 says the group in an attribute that pytest 9.2 does not read any more.
            item._id = NodeId.parse(f"{item.nodeid}@{group}")
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


def pytest_collection_finish():
    """Thousands of tests are no garbage: whoever collects it need not look through them each time."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter):
    """Say loudly what was not run for want of a browser, a proxy, or Stripe's own files."""
    skipped = terminalreporter.stats.get("skipped", ())
    for sentence, title in (
        (NOT_RUN, "BROWSER JOURNEYS NOT RUN"),
        (programs.NOT_RUN, "PROXIES NOT RUN"),
        (bills.NOT_RUN, "CHECKS AGAINST REAL BILLS AND SERIES NOT RUN"),
        (data.NOT_RUN, "CHECKS AGAINST STRIPE'S OWN FILES NOT RUN"),
    ):
        if unseen := [report for report in skipped if sentence in str(report.longrepr)]:
            terminalreporter.section(title, red=True, bold=True)
            for report in unseen:
                terminalreporter.write_line(report.nodeid)


os.environ.pop("DATABASE_URL", None)  # tests never touch a database that is in use
os.environ.pop("REDIS_URL", None)
