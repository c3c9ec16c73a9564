"""The data tier of one machine: both servers in one folder, for as long as a context lasts."""

from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.passwords import Passwords
from deploy.local.ports import free_port
from deploy.local.postgres import APP, OWNER, Postgres
from deploy.local.redis_server import Redis

__all__ = ["APP", "OWNER", "Engines", "Passwords", "Postgres", "Redis"]


class Engines:
    """Both servers on one folder, as a context: started inside, stopped at the end."""

    def __init__(
        self,
        folder: Path,
        *,
        postgres_port: int | None = None,
        redis_port: int | None = None,
        passwords: Passwords | None = None,
        durable: bool = True,
    ) -> None:
        passwords = passwords or Passwords()
        self.folder = folder
        self.postgres = Postgres(folder, postgres_port or free_port(), passwords, durable=durable)
        self.redis = Redis(folder, redis_port or free_port(), passwords.redis, durable=durable)

    def __enter__(self) -> Self:
        self.postgres.start()
        try:
            self.redis.start()
        except BaseException:
            self.postgres.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.redis.stop()
        self.postgres.stop()
