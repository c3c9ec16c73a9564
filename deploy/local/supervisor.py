"""The stack under one roof: started in order, watched, started again, stopped."""

import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local import services
from deploy.local.guise import Guise, before_exec
from deploy.local.ports import is_free
from deploy.local.postgres import OWNER, Postgres
from deploy.local.process import Process, Service, StackError
from deploy.local.redis_server import Redis
from deploy.local.state import State
from portal.kit.settings import is_loopback

WATCH_SECONDS = 0.2
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30
SANDBOX = "sk_sandbox_"
STEADY_SECONDS = 60
MIGRATE, PUBLISH, SYNC = "alembic upgrade head", "portal plans publish", "portal plans sync --apply"
MINT, INVITE = "portal service-keys mint 'Sample API'", "portal staff invite-first"
HIGHEST_PORT = 65535

# What the operator's verbs need to know of a running stack.
SHARED = (
    *("PUBLIC_URL", "DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL", "BROKER_URL", "THROTTLE_URL"),
    *("SECRET_KEY", "KEY_PEPPERS", "KEY_PREFIX", "TRUSTED_PROXIES"),
    *("GATE_MODE", "GATE_WHEN_BLIND", "GATE_LEASES", "GATE_CLUSTER"),
    *("SMTP_URL", "MAIL_FROM", "PLANS_FILE", "METRICS", "BRAND_NAME", "BRAND_LOGO", "SUPPORT_MAIL"),
    *("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "GITHUB_SCANNING_KEYS"),
    *("REPLY_ADDRESS", "POST_HOST", "POST_PORT", "POST_CERTIFICATE", "POST_CERTIFICATE_KEY"),
    *("AWS_COLLECT", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "SPOT_CONTROLLER", "SPOT_PAIRS"),
    *("API_URL", "DOCS_URL", "FORUM_URL", "STATUS_URL", "TERMS_URL", "PRIVACY_URL"),
)


@dataclass
class Watched:
    """A process, how often it died lately, and when it was or will be started again."""

    process: Process
    born_at: float
    deaths: int = 0
    due_at: float | None = None


class Supervisor:
    """Starts the stack on a folder and a port, and keeps it up. `say` prints one line for a person."""

    def __init__(self, folder: Path, port: int, environ: Mapping[str, str], say: Callable[[str], None]):
        self.state = State(folder)
        self.port, self.gate_port, self.example_port = port, port + 1, port + 2
        self.url = environ.get("PUBLIC_URL") or f"http://127.0.0.1:{port}"
        self._say = say
        self._environ = environ
        self._watched: list[Watched] = []
        self._sandbox_port: int | None = None

    def start(self) -> None:
        """Start everything, each when the one before is ready. Raises StackError with one sentence."""
        self.state.take(self.url)
        for needed in (self.port, self.gate_port):
            if not is_free(needed):
                raise StackError(
                    f"Port {needed} is taken by another program: stop it, or choose another port, "
                    f"for example `make run PORT={self.port + 3}`."
                )
        self._say(f"Files     {self.state.folder} (logs in {self.state.logs.name}/)")
        environment = self._environment()
        environment |= self._payments(environment)
        environment |= self._replies(environment)
        with_example = self.has_example(environment)
        if with_example:
            environment["API_URL"] = f"http://127.0.0.1:{self.example_port}"
        self._fill(environment)
        self._simulate(environment)
        mint = with_example and self.state.example_key() is None
        said = self._prepare(environment, self._verbs(environment, mint=mint))
        if mint:
            self.state.keep_example_key(said[MINT].splitlines()[-1])
        self.state.publish(environment)
        self._run(services.web(self.port, environment, self.state.folder, self.state.logs))
        self._run(services.gate(self.gate_port, environment, self.state.folder, self.state.logs))
        if with_example:
            self._run_example(environment)
        self._run(services.worker(environment, self.state.logs))
        self._run(services.beat(environment, self.state.logs))
        if "REPLY_ADDRESS" in environment:
            self._run(services.post(environment, self.state.logs))
        self._say(f"Upkeep    {self.url}")
        self._say(f"Gate      http://127.0.0.1:{self.gate_port}/v1/keys/verify")
        self._welcome(environment, said)
        if "SMTP_URL" not in environment:
            self._say(f"Letters   {self.url}/operator/letters (kept there: no SMTP_URL is set)")
        if "REPLY_ADDRESS" in environment:
            host, number = environment["POST_HOST"], environment["POST_PORT"]
            self._say(f"Replies   to {environment['REPLY_ADDRESS']}, taken by SMTP on {host}:{number}")
        self._say("Ctrl-C stops everything.")

    def watch(self) -> None:
        """Start again what dies, after a delay that grows; never returns."""
        while True:
            time.sleep(WATCH_SECONDS)
            for watched in self._watched:
                self._look_after(watched, time.monotonic())

    def stop(self) -> None:
        """Stop everything, the last started first; the engines when all others have gone."""
        for watched in self._watched:
            if not isinstance(watched.process, Postgres | Redis):
                watched.process.ask_to_stop()
        for watched in reversed(self._watched):
            watched.process.stop()
        self._watched.clear()
        self.state.release()

    def _fill(self, environment: Mapping[str, str]) -> None:
        """What is done on the engines before anything else: nothing here."""

    def _verbs(self, environment: Mapping[str, str], *, mint: bool) -> list[str]:
        """What each start needs done, in this order; MINT only where the sample API has no key yet."""
        simulated = environment.get("STRIPE_SECRET_KEY", "").startswith(SANDBOX)
        return [MIGRATE, PUBLISH, *([SYNC] if simulated else []), *([MINT] if mint else []), INVITE]

    def _welcome(self, environment: Mapping[str, str], said: Mapping[str, str]) -> None:
        """Say how the first operator comes in, for as long as none ever has."""
        if link := said[INVITE]:
            self._say(f"Operator  {link} (signs you in once)")

    def _environment(self) -> dict[str, str]:
        """Start the engines that the environment does not name; the environment of all others."""
        shared = {name: value for name in SHARED if (value := _setting(self._environ, name))}
        kept = self.state.secrets()
        shared = {"SECRET_KEY": kept.secret_key, "KEY_PEPPERS": kept.key_peppers} | shared
        if "DATABASE_URL" in shared:
            self._say("Database  the one that DATABASE_URL names")
        else:
            postgres = Postgres(self.state.folder, self.state.port("postgres"), kept.passwords)
            self._add(postgres)
            shared |= {"DATABASE_URL": postgres.url(), "OWNER_DATABASE_URL": postgres.url(OWNER)}
            self._say(f"Database  127.0.0.1:{postgres.port}, PostgreSQL in {postgres.data}")
        if "REDIS_URL" in shared:
            self._say("Redis     the one that REDIS_URL names")
        else:
            redis = Redis(self.state.folder, self.state.port("redis"), kept.passwords.redis)
            self._add(redis)
            shared["REDIS_URL"] = redis.url()
            self._say(f"Redis     127.0.0.1:{redis.port}")
        return shared | {"VAR": str(self.state.folder), "PORT": str(self.port)}

    def _payments(self, environment: Mapping[str, str]) -> dict[str, str]:
        """How a sandbox is spoken to where nobody else could pay, unless the environment names a key."""
        if "STRIPE_SECRET_KEY" in environment:
            self._say("Payments  by the key that STRIPE_SECRET_KEY names")
            return {}
        if not is_loopback(self.url):
            self._say("Payments  off (set STRIPE_SECRET_KEY)")
            return {}
        secret = environment["SECRET_KEY"].encode()
        self._sandbox_port = self.state.port("sandbox")
        return {
            "STRIPE_SECRET_KEY": SANDBOX + hmac.digest(secret, b"sandbox key", "sha256").hex()[:32],
            "STRIPE_WEBHOOK_SECRET": "whsec_" + hmac.digest(secret, b"sandbox hook", "sha256").hex()[:32],
            "STRIPE_API_BASE": f"http://127.0.0.1:{self._sandbox_port}",
        }

    def _simulate(self, environment: Mapping[str, str]) -> None:
        """Start the sandbox, if it is ours."""
        if (port := self._sandbox_port) is not None:
            hook = f"http://127.0.0.1:{self.port}/hooks/stripe"
            self._run(services.sandbox(port, environment, self.state.folder, self.state.logs, hook))
            self._say(f"Payments  simulated, no money moves: http://127.0.0.1:{port}/_sandbox")

    def _replies(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Where replies by mail come in: always on this machine, elsewhere when REPLY_ADDRESS is set."""
        if "REPLY_ADDRESS" not in environment and not is_loopback(self.url):
            return {}
        return {
            "REPLY_ADDRESS": environment.get("REPLY_ADDRESS", "reply@localhost"),
            "POST_HOST": environment.get("POST_HOST", "127.0.0.1"),
            "POST_PORT": environment.get("POST_PORT") or str(self.state.port("post")),
        }

    def has_example(self, environment: Mapping[str, str]) -> bool:
        """Whether the sample API stands in for the operator's own: on this machine, where none is named."""
        if "API_URL" in environment or not is_loopback(self.url):
            return False
        return self.example_port <= HIGHEST_PORT and is_free(self.example_port)

    def _run_example(self, environment: Mapping[str, str]) -> None:
        """Start the sample API, with a service key minted for it when it has none that works."""
        gate = f"http://127.0.0.1:{self.gate_port}"
        service_key = self.state.example_key()
        if service_key is None or not services.is_service_key(gate, service_key):
            service_key = self._prepare(environment, [MINT])[MINT].splitlines()[-1]
            self.state.keep_example_key(service_key)
        asks = {"UPKEEP_URL": f"http://127.0.0.1:{self.port}", "UPKEEP_GATE_URL": gate}
        told = {"UPKEEP_SERVICE_KEY": service_key}
        self._run(services.example(self.example_port, {**asks, **told}, self.state.logs))
        self._say(f"Your API  {environment['API_URL']} (a sample: examples/api)")

    def _run(self, service: Service) -> None:
        self._add(Process(service))

    def _add(self, process: Process) -> None:
        watched = Watched(process, time.monotonic())
        self._watched.append(watched)
        process.start()
        watched.born_at = time.monotonic()
        self.state.note(watched.process for watched in self._watched)

    def _prepare(self, environment: Mapping[str, str], verbs: Sequence[str]) -> dict[str, str]:
        """Run verbs in one process; what each printed."""
        done, log = self._once("preparing", environment, "deploy.local.preparing", *verbs)
        said = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode != 0:
            raise failed(verbs[len(said)], done, log)
        return dict(zip(verbs, said, strict=True))

    def _once(
        self, name: str, environment: Mapping[str, str], *module: str
    ) -> tuple[subprocess.CompletedProcess[str], Path]:
        """Run a Python module to its end; what came of it, and the log with what it said."""
        done = subprocess.run(
            [sys.executable, "-m", *module],
            cwd=services.ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            preexec_fn=before_exec(Guise.SELF),
        )
        log = self.state.logs / f"{name}.log"
        with log.open("a") as lines:
            lines.write(done.stderr)
        return done, log

    def _look_after(self, watched: Watched, now: float) -> None:
        process = watched.process
        if process.alive:
            if watched.deaths and now - watched.born_at > STEADY_SECONDS:
                watched.deaths = 0
            return
        if watched.due_at is None:
            delay = min(FIRST_DELAY_SECONDS * 2**watched.deaths, LONGEST_DELAY_SECONDS)
            watched.deaths += 1
            watched.due_at = now + delay
            process.stop()  # what it left of its group
            self._say(f"{process.name} ended ({process.ending}); it starts again in {delay:g} s")
        elif now >= watched.due_at:
            watched.due_at = None
            watched.born_at = now
            process.spawn()
            self.state.note(watched.process for watched in self._watched)


def failed(what: str, done: subprocess.CompletedProcess[str], log: Path) -> StackError:
    said = done.stderr.strip().splitlines() or ["nothing was said"]
    return StackError(f"`{what}` failed: {said[-1]} (more in {log})")


def _setting(environ: Mapping[str, str], name: str) -> str:
    """A setting from the environment, or from the file that NAME_FILE names."""
    if value := environ.get(name, "").strip():
        return value
    path = environ.get(f"{name}_FILE", "").strip()
    try:
        return Path(path).read_text().strip() if path else ""
    except OSError as problem:
        raise StackError(f"{name}_FILE cannot be read: {problem}.") from None
