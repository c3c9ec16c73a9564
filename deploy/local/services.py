"""The product's own processes: the web, the gate server, the worker and beat."""

import os
import shutil
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.local.process import Service

ROOT = Path(__file__).resolve().parents[2]
QUEUES = "urgent,bulk,letters"


def web(port: int, environment: Mapping[str, str], folder: Path, logs: Path) -> Service:
    """gunicorn; ready when /readyz says so. Its processes count together in `folder/metrics`."""
    metrics = folder / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir()
    return _python(
        "web",
        ["-m", "gunicorn", "--config", str(ROOT / "deploy" / "gunicorn.conf.py"), "wsgi:application"],
        {**environment, "PROMETHEUS_MULTIPROC_DIR": str(metrics)},
        logs,
        ready=lambda: answers(f"http://127.0.0.1:{port}/readyz"),
        orphan_signal=signal.SIGTERM,
    )


def gate(port: int, environment: Mapping[str, str], folder: Path, logs: Path) -> Service:
    """The gate server; ready when /healthz says so. It counts in the folder of the web's metrics."""
    return _python(
        "gate",
        ["-m", "gunicorn", "--config", str(ROOT / "deploy" / "gate.conf.py")],
        {**environment, "GATE_PORT": str(port), "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics")},
        logs,
        ready=lambda: answers(f"http://127.0.0.1:{port}/healthz"),
        orphan_signal=signal.SIGTERM,
    )


def example(port: int, environment: Mapping[str, str], logs: Path) -> Service:
    """The sample API, which asks about keys through the SDK; ready when its /health answers."""
    return _python(
        "example",
        ["-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "8", "--no-control-socket", "api:app"],
        {
            **environment,
            "PYTHONPATH": os.pathsep.join((str(ROOT / "examples/api"), str(ROOT / "sdk/python"))),
        },
        logs,
        ready=lambda: answers(f"http://127.0.0.1:{port}/health"),
    )


def sandbox(port: int, environment: Mapping[str, str], folder: Path, logs: Path, hook: str) -> Service:
    """The stand-in for Stripe. Its books are in `folder/sandbox`, and its clock is the portal's."""
    state = folder / "sandbox"
    state.mkdir(exist_ok=True, mode=0o700)
    options = {
        "--port": str(port),
        "--state": str(state),
        "--clock": str(folder / "clock"),
        "--key": environment["STRIPE_SECRET_KEY"],
        "--webhook-url": hook,
        "--webhook-secret": environment["STRIPE_WEBHOOK_SECRET"],
    }
    return _python(
        "sandbox",
        ["-m", "sandbox.stripe", *(word for option in options.items() for word in option)],
        environment,
        logs,
        ready=lambda: answers(f"http://127.0.0.1:{port}/_sandbox"),
    )


def worker(environment: Mapping[str, str], logs: Path) -> Service:
    """A Celery worker for every queue; ready when it consumes."""
    options = ["--queues", QUEUES, "--concurrency", "2", "--without-gossip", "--without-mingle"]
    return _celery("worker", [*options, "--loglevel", "INFO"], environment, logs, says=" ready.")


def beat(environment: Mapping[str, str], logs: Path) -> Service:
    """Celery's clock, apart from the worker so that its death is noticed."""
    return _celery("beat", ["--pidfile", "", "--loglevel", "INFO"], environment, logs, says=" is starting.")


def post(environment: Mapping[str, str], logs: Path) -> Service:
    """The listener that takes replies by mail; ready when it greets."""
    host, port = environment["POST_HOST"], int(environment["POST_PORT"])
    return _python(
        "post",
        ["-m", "portal.post"],
        environment,
        logs,
        ready=lambda: greets(host, port),
        orphan_signal=signal.SIGTERM,
    )


def greets(host: str, port: int, *, seconds: float = 5) -> bool:
    """Whether a mail server greets there."""
    try:
        with socket.create_connection((host, port), timeout=seconds) as line:
            return line.recv(4) == b"220 "
    except OSError:
        return False


def answers(url: str, *, seconds: float = 5) -> bool:
    """Whether a GET is answered with 200, whatever proxies the environment names."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=seconds) as reply:
            return bool(reply.status == 200)
    except (OSError, ValueError, urllib.error.URLError):
        return False


def is_service_key(gate: str, token: str) -> bool:
    """Whether the gate takes this service key."""
    asked = urllib.request.Request(
        f"{gate}/v1/keys/verify", b'{"key": ""}', {"Authorization": f"Bearer {token}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=5) as reply:
            return bool(reply.status == 200)
    except (OSError, ValueError):
        return False


def _celery(
    name: str, options: Sequence[str], environment: Mapping[str, str], logs: Path, *, says: str
) -> Service:
    log = logs / f"{name}.log"
    return _python(
        name,
        ["-m", "celery", "--app", "worker.app", name, *options],
        environment,
        logs,
        ready=_says(log, says),
    )


def _says(log: Path, words: str) -> Callable[[], bool]:
    """Whether the log says these words in what was added from now on."""
    start = log.stat().st_size if log.exists() else 0

    def said() -> bool:
        with log.open("rb") as lines:
            lines.seek(start)
            return words.encode() in lines.read()

    return said


def _python(
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    logs: Path,
    *,
    ready: Callable[[], bool],
    orphan_signal: signal.Signals = signal.SIGKILL,
) -> Service:
    return Service(
        name=name,
        command=[sys.executable, *arguments],
        log=logs / f"{name}.log",
        ready=ready,
        environment={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
        folder=ROOT,
        orphan_signal=orphan_signal,
    )
