"""What is measured: engines of their own, keys that Redis knows, and servers on a core of their own."""

import contextlib
import json
import os
import subprocess
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from alembic import command
from alembic.config import Config

from deploy.local.engines import OWNER, Engines
from deploy.local.guise import Guise, before_exec
from deploy.local.process import kill_group, wait_until
from portal import accounts, gate, keys
from portal.gate import AccountRecord, Admission, Allowance, Gate, Grant, Question, Settled, Span, Terms, desk
from portal.kit import clock, db, tokens
from portal.kit.settings import load
from tests.running import family

ROOT = Path(__file__).resolve().parents[1]
OPERATOR = accounts.Actor(None, "the bench", None)
DAY_MS = 86_400_000


class Town:
    """PostgreSQL with one service key, and a Redis that knows many keys of as many accounts."""

    def __init__(self, folder, many):
        self.folder, self.many = Path(folder), many

    def __enter__(self):
        self.engines = Engines(self.folder / "engines", durable=True)
        self.engines.__enter__()
        self.environ = {
            "VAR": str(self.folder),
            "DATABASE_URL": self.engines.postgres.url(),
            "OWNER_DATABASE_URL": self.engines.postgres.url(OWNER),
            "REDIS_URL": self.engines.redis.url(),
            "SECRET_KEY": "a secret of the bench, long enough",
            "KEY_PEPPERS": "p1:" + "11" * 32,
        }
        self.settings = load(self.environ)
        configuration = Config(ROOT / "alembic.ini")
        configuration.set_main_option("sqlalchemy.url", self.environ["OWNER_DATABASE_URL"])
        command.upgrade(configuration, "head")
        stamp = keys.Stamp("upk", self.settings.key_peppers[0])
        bind = db.engine(self.environ["DATABASE_URL"])
        with db.sessions(bind)() as session, db.unit(session):
            minted = keys.mint_service(session, "bench", stamp=stamp, actor=OPERATOR, now=clock.now())
        bind.dispose()
        self.service = minted.token
        self._admit()
        return self

    def __exit__(self, *problem):
        self.engines.__exit__(*problem)

    def _admit(self):
        """Let Redis know the keys as if the book had been asked about each; no limit is ever reached."""
        pepper = self.settings.key_peppers[0]
        start = int(clock.now().timestamp() * 1000) - DAY_MS
        spans = Span(1, start, start + 20 * DAY_MS), Span(2, start + 20 * DAY_MS, start + 50 * DAY_MS)
        terms = {env: Terms(*spans, {"calls": Allowance(10**9, 10**9)}) for env in ("live", "test")}
        self.keys, told = [], {}
        for number in range(self.many):
            tag = tokens.new_tag()
            key = tokens.mint("upk", "live", tag)
            account = AccountRecord(
                f"acc_01m8a37smzd86wex0b8w{number:06}",
                1,
                "api-pro",
                1,
                terms,
                ("export",),
                rate=100_000,
                burst=200_000,
            )
            name = f"01m8a389xbyx91d2mxfc{number:06}"
            grant = Grant(tokens.digest(key, pepper), f"key_{name}", "live", f"lin_{name}", scopes=("read",))
            told[tag] = Admission(account, (grant,), Settled())
            self.keys.append(key)
        client = gate.connect(self.environ["REDIS_URL"])
        door = Gate(client, lambda tag, digests: told[tag], peppers=(pepper,), prefixes=("upk",))
        tickets = door._wire.send_all([desk.ask(tag, "0123456789") for tag in told])
        admit = [
            desk.admit(tag, desk.read_word(ticket), told[tag], (), offset_us=0)
            for tag, ticket in zip(told, tickets, strict=True)
        ]
        assert {desk.read_word(word) for word in door._wire.send_all(admit)} == {"OK"}
        self.door, self.client = door, client
        assert door.verify(Question(self.keys[0])).valid


@dataclass
class Contender:
    """One way to answer: how it is started, and the port it listens on.

    A key is `shown` in the body of a question or in a header; it is one of the town's unless it has `keys` of
    its own. The processor time of those `beside` it, who answer it, is its own.
    """

    name: str
    command: list
    environ: dict
    port: int
    settings: str  # what was set, for the reader of the table
    shown: str = "body"
    keys: Path | None = None
    beside: tuple = ()
    popen: object = None

    def start(self, log, core):
        with log.open("ab") as lines:
            self.popen = subprocess.Popen(
                ["taskset", "--cpu-list", core, *self.command],
                cwd=ROOT,
                env={**os.environ, **self.environ},
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                start_new_session=True,
                preexec_fn=before_exec(Guise.SELF, orphan_signal=15),
            )

    def stop(self):
        if self.popen is not None:
            kill_group(self.popen.pid)
            self.popen.wait()

    @property
    def cpu_us(self):
        mine = sum(cpu_us(pid) for pid in family(self.popen.pid))
        return mine + sum(one.cpu_us for one in self.beside)


def cpu_us(pid):
    """Microseconds on a processor of all threads of a process, by the kernel's scheduler."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            total += int((thread / "schedstat").read_text().split()[0])
    return total // 1000


def asked(contender, town, key):
    """What it answers to a real question: (status, body)."""
    line = HTTPConnection("127.0.0.1", contender.port, timeout=5)
    try:
        if contender.shown == "body":
            headers = {"Authorization": f"Bearer {town.service}", "Content-Type": "application/json"}
            line.request("POST", "/v1/keys/verify", json.dumps({"key": key}), headers)
        else:
            line.request("GET", "/v1/keys/verify", headers={"X-API-Key": key})
        reply = line.getresponse()
        return reply.status, reply.read()
    except OSError:
        return 0, b""
    finally:
        line.close()


def is_up(contender, town):
    """Whether it lets a good key pass."""
    keys = contender.keys
    if keys is not None and not keys.exists():
        return False
    status, body = asked(contender, town, keys.read_text().split()[0] if keys else town.keys[0])
    return status == 204 or (status == 200 and json.loads(body)["valid"])


def start_all(contenders, town, core):
    log = town.folder / "servers.log"
    for contender in contenders:
        contender.start(log, core)
    for contender in contenders:
        ready = wait_until(lambda one=contender: is_up(one, town), 120)
        assert ready, f"{contender.name} did not start:\n{log.read_text()[-2000:]}"
