"""The restore drill: nothing that was committed is lost, and nothing is put over what is there."""

import json
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import redis as redis_py
from alembic import command
from alembic.config import Config
from sqlalchemy import select, text

from deploy.backup import manifest, programs, restoring, taking
from deploy.backup.programs import BackupError, NothingYet
from deploy.local.engines import OWNER, Engines
from deploy.local.process import wait_until
from deploy.local.services import ROOT
from portal import accounts, keys, metering
from portal.gate import Gate, Question
from portal.kit import clock, db
from portal.kit.settings import load
from portal.web import readiness
from tests.plans.people import OPERATOR, account_of, publish

CALLS = 3  # a burst of the free plan allows ten of an account
SECRETS = {
    "SECRET_KEY": "a secret of the drill, long enough",
    "KEY_PEPPERS": "new:" + "22" * 32 + ",old:" + "11" * 32,
}


def installation(engines, folder, **other):
    """The settings of an installation on these engines."""
    return load(
        {
            "VAR": str(folder),
            "DATABASE_URL": engines.postgres.url(),
            "OWNER_DATABASE_URL": engines.postgres.url(OWNER),
            "REDIS_URL": engines.redis.url(),
            **SECRETS,
            **other,
        }
    )


def migrate(settings):
    configuration = Config(ROOT / "alembic.ini")
    configuration.set_main_option("sqlalchemy.url", settings.owner_database_url)
    command.upgrade(configuration, "head")


class Platform:
    """An installation in use: Alice's account, her keys, and the gate that counts her calls."""

    def __init__(self, settings):
        self.settings = settings
        self.bind = db.engine(settings.database_url)
        self.sessions = db.sessions(self.bind)
        self.redis = redis_py.Redis.from_url(settings.redis_url)
        self.offset = timedelta(0)
        self.gate = Gate(
            self.redis,
            self.book,
            peppers=settings.key_peppers,
            prefixes=settings.key_prefixes,
            offset_us=lambda: self.offset // timedelta(microseconds=1),
        )

    def fill(self):
        now = clock.now()
        with self.sessions() as session, db.unit(session):
            publish(session, now)
            self.account = account_of(session, "Alice", now)
        self.tokens = [
            self.mint(f"Key {number}", pepper) for number, pepper in enumerate(self.settings.key_peppers)
        ]
        for token in self.tokens:
            for _ in range(CALLS):
                assert self.gate.verify(Question(token)).valid
        self.offset += timedelta(minutes=1)  # only past minutes are settled
        metering.settle(self.sessions, self.gate, now=clock.now() + self.offset)
        return self

    def book(self, tag, digests):
        with self.sessions() as session, db.unit(session):
            return metering.book(session, tag, digests, clock.now() + self.offset)

    def mint(self, name, pepper=None, account=None):
        stamp = keys.Stamp("upk", pepper or self.settings.key_peppers[0])
        with self.sessions() as session, db.unit(session):
            minted = keys.mint(
                session, account or self.account, name, stamp=stamp, actor=OPERATOR, now=clock.now()
            )
        return minted.token

    def one(self, sql):
        with self.bind.connect() as connection:
            return connection.scalar(text(sql))

    def close(self):
        self.redis.close()
        self.bind.dispose()


class Writers:
    """Threads that open accounts, each with a key, in one transaction; `told` is what was committed."""

    def __init__(self, platform, threads=3):
        self.platform, self.told, self._stop = platform, [], threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, thread):
        number = 0
        while not self._stop.is_set():
            number += 1
            stamp, now = keys.Stamp("upk", self.platform.settings.key_peppers[0]), clock.now()
            with self.platform.sessions() as session, db.unit(session):
                account = account_of(session, f"Writer {thread} {number}", now)
                minted = keys.mint(session, account, "Its key", stamp=stamp, actor=OPERATOR, now=now)
            self.told.append((account, minted.token))


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("used")
    with Engines(folder, durable=False) as engines:
        settings = installation(engines, folder)
        migrate(settings)
        used = Platform(settings).fill()
        yield used
        used.close()


@pytest.fixture(scope="module")
def written(platform, tmp_path_factory):
    """(backup, what was committed before it began, all that was committed) with writers at work."""
    with Writers(platform) as writers:
        assert wait_until(lambda: len(writers.told) > 20, 60)
        before = list(writers.told)
        backup = taking.take(platform.settings, tmp_path_factory.mktemp("backups"), now=datetime.now(UTC))
        seen = len(writers.told)
        assert wait_until(lambda: len(writers.told) > seen + 5, 60)
    return backup, before, list(writers.told)


@pytest.fixture
def fresh(tmp_path):
    """New engines without a table, as after the loss of the old ones."""
    with Engines(tmp_path / "fresh", durable=False) as engines:
        yield engines


@pytest.fixture(scope="module")
def copy(written, tmp_path_factory):
    """The platform again, restored onto new engines."""
    folder = tmp_path_factory.mktemp("restored")
    with Engines(folder, durable=False) as engines:
        settings = installation(engines, folder)
        restoring.restore(settings, written[0])
        restored = Platform(settings)
        yield restored
        restored.close()


def test_all_that_was_committed_before_the_backup_is_there_again(written, copy):
    _, before, everything = written
    with copy.sessions() as session:
        there = set(session.scalars(select(accounts.Account.id)))
    assert {account for account, _ in before} <= there
    assert len(everything) > len(before), "the writers went on meanwhile"


def test_what_was_written_meanwhile_is_there_as_a_whole_or_not_at_all(written, copy):
    *_, everything = written
    with copy.sessions() as session:
        there = set(session.scalars(select(accounts.Account.id)))
    for account, token in everything:
        assert copy.gate.verify(Question(token)).valid == (account in there)


def test_keys_of_every_pepper_pass_again_and_were_counted_once(platform, copy):
    for token in platform.tokens:
        verdict = copy.gate.verify(Question(token))
        assert verdict.valid and verdict.account_id == platform.account
    used = "SELECT sum(units) FROM usage_total"
    assert platform.one(used) == copy.one(used) == CALLS * len(platform.tokens)


def test_the_restored_books_balance(copy, platform):
    books = metering.reconcile(copy.sessions, copy.gate, account_id=platform.account, now=clock.now())
    assert books and all(book.balanced for book in books)


def test_the_restored_portal_is_ready_and_works(copy):
    assert set(readiness.checks(copy.settings).values()) == {readiness.OK}
    now = clock.now()
    with copy.sessions() as session, db.unit(session):
        account = account_of(session, "Bob", now)
    assert copy.gate.verify(Question(copy.mint("A new key", account=account))).valid
    assert copy.one("SELECT count(*) FROM fact WHERE id = (SELECT max(id) FROM fact)") == 1


def test_the_restored_database_belongs_to_its_owner_and_not_to_the_application(copy):
    assert copy.one("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == OWNER
    with (
        psycopg.connect(copy.settings.database_url) as app,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        app.execute("DROP TABLE fact")


def test_a_database_that_holds_anything_is_left_alone(written, fresh, tmp_path):
    settings = installation(fresh, tmp_path)
    with psycopg.connect(settings.owner_database_url) as owner:
        owner.execute("CREATE TABLE mine AS SELECT 1 AS id")
    with pytest.raises(BackupError, match="not empty"):
        restoring.restore(settings, written[0])
    with psycopg.connect(settings.owner_database_url) as owner:
        assert owner.execute("SELECT id FROM mine").fetchall() == [(1,)]
        assert owner.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (1,)


def test_a_redis_that_remembers_a_later_state_is_emptied_only_when_told_to(written, fresh, tmp_path):
    settings = installation(fresh, tmp_path)
    with redis_py.Redis.from_url(settings.redis_url) as client:
        client.set("a grant", "of a version that does not exist any more")
        with pytest.raises(BackupError, match="still remembers a later state"):
            restoring.restore(settings, written[0])
        assert client.dbsize() == 1
        restoring.restore(settings, written[0], empty_redis=True)
        assert client.dbsize() == 0


def test_other_secrets_than_those_of_the_backup_are_noticed(written, fresh, tmp_path):
    other = installation(fresh, tmp_path, SECRET_KEY="x" * 32, KEY_PEPPERS="new:" + "22" * 32)
    with pytest.raises(BackupError, match="another KEY_PEPPERS old and SECRET_KEY"):
        restoring.restore(other, written[0])
    assert restoring.restore(other, written[0], other_secrets=True).rows


def test_a_new_pepper_may_have_come_in_front(written, tmp_path, platform):
    wider = {**SECRETS, "KEY_PEPPERS": "newest:" + "33" * 32 + "," + SECRETS["KEY_PEPPERS"]}
    environ = {"VAR": str(tmp_path), "DATABASE_URL": "postgresql://x/x", "REDIS_URL": "redis://x", **wider}
    assert manifest.read(written[0]).strangers(load(environ)) == []


def test_a_damaged_backup_is_refused(written, tmp_path, platform):
    broken = tmp_path / "broken"
    shutil.copytree(written[0], broken)
    with (broken / manifest.DUMP).open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\0\0\0")
    with pytest.raises(BackupError, match="is damaged"):
        restoring.restore(platform.settings, broken)
    with pytest.raises(BackupError, match="is no backup"):
        restoring.restore(platform.settings, tmp_path)


def test_a_backup_holds_no_secret_and_is_for_the_owners_eyes_only(written):
    folder = written[0]
    said = (folder / manifest.NAME).read_text() + str((folder / manifest.DUMP).read_bytes())
    for secret in (SECRETS["SECRET_KEY"], "11" * 32, "22" * 32):
        assert secret not in said
    assert folder.stat().st_mode & 0o077 == 0


def test_a_database_without_tables_is_nothing_to_back_up(fresh, tmp_path):
    with pytest.raises(NothingYet):
        taking.take(installation(fresh, tmp_path), tmp_path / "backups", now=datetime.now(UTC))
    assert not list((tmp_path / "backups").iterdir()), "nothing half done is left"


def test_old_backups_go_and_the_newest_stays(tmp_path):
    now = datetime(2026, 3, 31, tzinfo=UTC)
    for days in (0, 10, 40, 50):
        (tmp_path / f"upkeep-{now - timedelta(days=days):{taking.STAMP}}").mkdir()
    (tmp_path / "upkeep-20260301T000000Z.unfinished").mkdir()
    (tmp_path / "upkeep-of-mine").mkdir()
    gone = [path.name for path in taking.drop_old(tmp_path, 30, now=now)]
    assert gone == [
        "upkeep-20260209T000000Z",
        "upkeep-20260219T000000Z",
        "upkeep-20260301T000000Z.unfinished",
    ]
    assert [path.name for path in taking.drop_old(tmp_path, 30, now=now + timedelta(days=900))] == [
        "upkeep-20260321T000000Z"
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["upkeep-20260331T000000Z", "upkeep-of-mine"]


def test_the_program_fits_the_server(tmp_path):
    for major in (15, 17, 18):
        program = tmp_path / str(major) / "pg_dump"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {major}.1 (Debian)'\n")
        program.chmod(0o755)
    folders = [tmp_path / name for name in ("18", "17", "15", "absent")]
    assert programs.bin_for(17, folders).name == "17"
    assert programs.bin_for(16, folders).name == "17"
    with pytest.raises(BackupError, match="postgresql-client-19"):
        programs.bin_for(19, folders)


def test_the_commands_say_what_they_did_and_refuse_with_a_sentence(platform, fresh, tmp_path):
    def run(module, settings, *arguments):
        environ = {
            "VAR": str(tmp_path),
            "DATABASE_URL": settings.database_url,
            "OWNER_DATABASE_URL": settings.owner_database_url.replace(
                "postgresql://", "postgresql+psycopg://"
            ),
            "REDIS_URL": settings.redis_url,
            **SECRETS,
        }
        command = [sys.executable, "-m", module, *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)

    taken = run("deploy.backup", platform.settings, tmp_path / "backups", "--keep-days", 30)
    assert taken.returncode == 0, taken.stderr
    backup = Path(taken.stdout.splitlines()[0].removeprefix("Backup    "))
    assert json.loads((backup / manifest.NAME).read_text())["migration"]
    assert "KEY_PEPPERS" in taken.stdout and "SECRET_KEY" in taken.stdout
    again = run("deploy.restore", installation(fresh, tmp_path), backup)
    assert again.returncode == 0 and again.stdout.startswith("Restored  "), again.stderr
    refused = run("deploy.restore", installation(fresh, tmp_path), backup)
    assert refused.returncode == 1 and refused.stderr.startswith(
        "Not restored: The database upkeep is not empty"
    )
