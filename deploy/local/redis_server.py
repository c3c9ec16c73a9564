"""A private Redis in one folder."""

import signal
from pathlib import Path

import redis

from deploy.local import binaries
from deploy.local.ports import HOST
from deploy.local.process import Process, Service

# One master's end ends nothing but its own slots.
CLUSTERED = "cluster-enabled yes\ncluster-require-full-coverage no\ncluster-node-timeout 2000\n"


class Redis(Process):
    """A Redis in `folder/redis`: append-only file each second, never evicting, password required.

    `durable=False` leaves it to the system when the file reaches the disk: for tests, where no write
    waits for a slow disk and so a killed server has lost nothing that it answered. `cluster=True` makes
    it a node of a cluster that others may join.
    """

    def __init__(
        self, folder: Path, port: int, password: str, *, durable: bool = True, cluster: bool = False
    ) -> None:
        self.port = port
        self._password = password
        self._cluster = CLUSTERED if cluster else ""
        self._fsync = "everysec" if durable else "no"
        self.data = folder / "redis"
        super().__init__(
            Service(
                name="redis",
                command=[str(binaries.redis_server()), str(self.data / "redis.conf")],
                log=folder / "log" / "redis.log",
                ready=self._answers,
                folder=folder,
                orphan_signal=signal.SIGTERM,
            )
        )

    def url(self) -> str:
        """The address of database 0."""
        return f"redis://:{self._password}@{HOST}:{self.port}/0"

    def start(self) -> None:
        """Write its configuration, start it and wait until its data is read."""
        self.service.log.parent.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(exist_ok=True)
        configuration = self.data / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            f"bind {HOST}\n"
            f"port {self.port}\n"
            f'requirepass "{self._password}"\n'
            f'dir "{self.data.resolve()}"\n'
            "daemonize no\n"
            "appendonly yes\n"
            f"appendfsync {self._fsync}\n"
            "maxmemory-policy noeviction\n"
            'save ""\n' + self._cluster
        )
        super().start()

    def _answers(self) -> bool:
        with redis.Redis(host=HOST, port=self.port, password=self._password, socket_timeout=5) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:  # away, or still reading its file
                return False
