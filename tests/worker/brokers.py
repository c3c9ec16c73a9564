"""A RabbitMQ of our own, where the machine has the program; and a worker under real Celery."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.local.guise import Guise, before_exec
from deploy.local.ports import free_port, is_free
from deploy.local.process import kill_group, wait_until

ROOT = Path(__file__).resolve().parents[2]
RABBITMQ = sorted(Path("/usr/lib/rabbitmq").glob("lib/rabbitmq_server-*/sbin/rabbitmq-server"))


class RabbitMQ:
    """One node on a port and in a folder of its own; use with `with`."""

    def __init__(self, folder):
        self.folder = folder
        self.port, self._epmd = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def __enter__(self):
        (self.folder / "rabbit.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        self._environ = os.environ | {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"upkeep{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbit"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_LOGS": "-",
        }
        with (self.folder / "rabbit.log").open("wb") as log:
            self._node = spawn([str(RABBITMQ[-1])], self._environ, log)
        assert wait_until(lambda: not is_free(self.port), 60), (self.folder / "rabbit.log").read_text()
        return self

    def __exit__(self, *_):
        self._node.terminate()
        self._node.wait(30)
        kill_group(self._node.pid)
        subprocess.run(["epmd", "-kill"], env=self._environ, check=False, capture_output=True)


class Worker:
    """`celery -A worker.app worker` and its beat, told where everything is; use with `with`."""

    def __init__(self, folder, settings, **environ):
        self._log = folder / "worker.log"
        self._environ = os.environ | {
            "VAR": str(folder),
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "SECRET_KEY": settings.secret_key,
            "KEY_PEPPERS": "p1:" + "11" * 32,
            "PUBLIC_URL": settings.public_url,
            **environ,
        }
        self._running = []

    def __enter__(self):
        self.start("worker", "--concurrency", "2", "--without-gossip", "--without-mingle")
        assert wait_until(lambda: " ready." in self.log, 60), self.log
        return self

    def start(self, role, *options):
        """Start a role of Celery's; its process."""
        command = [sys.executable, "-m", "celery", "-A", "worker.app", role, "-l", "INFO", *options]
        with self._log.open("ab") as log:
            process = spawn(command, self._environ, log)
        self._running.append(process)
        return process

    def __exit__(self, *_):
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            process.wait(60)
            kill_group(process.pid)

    @property
    def log(self):
        return self._log.read_text()


def spawn(command, environ, log):
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=before_exec(Guise.SELF, orphan_signal=9),
    )
