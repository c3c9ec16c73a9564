"""Readiness: whether everything stands that an answer needs, and what does not."""

import socket
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import redis
import structlog
from alembic.script import ScriptDirectory
from redis.exceptions import RedisError
from sqlalchemy import Engine, NullPool, text
from sqlalchemy.exc import SQLAlchemyError

from portal.kit import db
from portal.kit.settings import Settings

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
WAIT_SECONDS = 2
OK = "ok"
log = structlog.get_logger(__name__)


def checks(settings: Settings) -> dict[str, str]:
    """Each thing by its name: "ok", or a sentence about what is wrong that names no secret."""
    found = {
        "postgresql": _postgresql(settings.database_url),
        "redis": _redis(settings.redis_url),
    }
    if settings.broker_url != settings.redis_url:
        found["broker"] = _broker(settings.broker_url)
    return found


def _postgresql(url: str) -> str:
    try:
        # A connection of its own: one that waits in the pool says nothing about the next.
        with _bind(url).connect() as connection:
            known = connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
            at = set(connection.scalars(text("SELECT version_num FROM alembic_version"))) if known else set()
    except SQLAlchemyError as problem:
        log.warning("postgresql is not ready", problem=str(problem))
        return "PostgreSQL does not answer."
    if at != _heads():
        return "The migrations have not been run to their head: run `alembic upgrade head`."
    return OK


def _redis(url: str) -> str:
    try:
        with redis.Redis.from_url(
            url, socket_timeout=WAIT_SECONDS, socket_connect_timeout=WAIT_SECONDS
        ) as client:
            said = client.info("everything")
    except (RedisError, OSError) as problem:
        log.warning("redis is not ready", problem=str(problem))
        return "Redis does not answer."
    if said.get("role") not in (None, "master"):
        return "Redis is a replica, which takes no writes."
    if said.get("maxmemory_policy") != "noeviction":
        return "Redis may throw counts away: set `maxmemory-policy noeviction`."
    if not said.get("aof_enabled"):
        return "Redis would forget counts in a crash: set `appendonly yes`."
    if said.get("aof_last_write_status") not in (None, OK):
        return "Redis cannot write its append-only file."
    return OK


def _broker(url: str) -> str:
    at = urlsplit(url)
    if at.scheme in ("redis", "rediss", "unix"):
        return _redis(url)
    try:
        with socket.create_connection((at.hostname or "localhost", at.port or 5672), WAIT_SECONDS):
            return OK
    except OSError:
        return "The broker does not answer."


@cache
def _bind(url: str) -> Engine:
    options = f"-c statement_timeout={WAIT_SECONDS}s"
    return db.engine(
        url, poolclass=NullPool, connect_args={"connect_timeout": WAIT_SECONDS, "options": options}
    )


@cache
def _heads() -> set[str]:
    return set(ScriptDirectory(str(MIGRATIONS)).get_heads())
