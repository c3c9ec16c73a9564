"""Restoring a backup: into an empty database, whole or not at all, and counted again."""

from collections.abc import Iterable
from pathlib import Path

import psycopg
import redis
from psycopg import sql
from redis.exceptions import RedisClusterException

from deploy.backup import manifest, programs, taking
from deploy.backup.manifest import DUMP, Manifest
from deploy.backup.programs import BackupError
from portal.kit.settings import Settings

SCHEMAS = (
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
)
RIGHTS = (("SELECT, INSERT, UPDATE, DELETE", "TABLES"), ("USAGE, SELECT, UPDATE", "SEQUENCES"))


def restore(
    settings: Settings, folder: Path, *, empty_redis: bool = False, other_secrets: bool = False
) -> Manifest:
    """Put a backup into the database that the settings name, for the roles that they name.

    Refused (BackupError) while the database holds anything, while Redis remembers another state
    (unless `empty_redis`), and when the secrets are not the backup's (unless `other_secrets`).
    """
    said = manifest.read(folder)
    if (strangers := said.strangers(settings)) and not other_secrets:
        raise BackupError(
            f"The backup was taken with another {' and '.join(strangers)}: set the old values, or say "
            "--other-secrets and lose what they protect."
        )
    try:
        with psycopg.connect(programs.plain(settings.owner_database_url), autocommit=True) as owner:
            _refuse_full(owner)
            forget(settings, empty_redis)
            major = owner.info.server_version // 10_000
            programs.run(
                programs.bin_for(max(major, said.server)) / "pg_restore",
                settings.owner_database_url,
                ["--single-transaction", "--exit-on-error", "--no-owner", "--no-acl", str(folder / DUMP)],
            )
            _grant(owner, settings.database_url)
            owner.execute("ANALYZE")
        _prove(settings, said)
    except psycopg.Error as problem:
        raise BackupError(f"The database does not answer as it should: {problem}") from None
    return said


def _refuse_full(owner: psycopg.Connection) -> None:
    (things,) = owner.execute(SCHEMAS).fetchone() or (0,)
    if things:
        raise BackupError(
            f"The database {owner.info.dbname} is not empty: it holds {things} tables, indexes and such. "
            "Make a new one and name it; nothing was touched."
        )


def forget(settings: Settings, allowed: bool) -> None:
    """Make sure that Redis, each master of a cluster, knows nothing later than the backup.

    The gate believes the higher version of an account. What Redis learnt after the backup would win
    over what is changed after the restore: a key that is revoked then would go on working.
    """
    kind = redis.RedisCluster if settings.gate_cluster else redis.Redis
    try:
        with kind.from_url(settings.redis_url, socket_timeout=30, socket_connect_timeout=5) as client:
            if not client.dbsize():
                return
            if not allowed:
                raise BackupError(
                    "The Redis that REDIS_URL names still remembers a later state: stop the web and the "
                    "workers, then say --empty-redis. Nothing was touched."
                )
            client.flushdb()
    except (redis.RedisError, RedisClusterException) as problem:
        raise BackupError(f"The Redis that REDIS_URL names does not answer: {problem}") from None


def _grant(owner: psycopg.Connection, app_url: str) -> None:
    """Let the application's role work with what the owner's role now owns."""
    with psycopg.connect(programs.plain(app_url)) as app:
        name = sql.Identifier(app.info.user)
    for rights, things in RIGHTS:
        verb = f"GRANT {rights} ON ALL {things} IN SCHEMA public TO {{}}"
        later = f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON {things} TO {{}}"
        for text in (verb, later):
            owner.execute(sql.SQL(text).format(name))


def _prove(settings: Settings, said: Manifest) -> None:
    """Count as the application what was counted when the backup was taken."""
    with psycopg.connect(programs.plain(settings.database_url)) as app:
        there = {name for (name,) in app.execute(taking.TABLES)}
        counted = {name: taking.count_rows(app, name) for name in there}
    _compare(said.rows, counted)


def _compare(expected: dict[str, int], counted: dict[str, int]) -> None:
    differing: Iterable[str] = (
        f"{name} ({counted.get(name, 0)} rows instead of {expected.get(name, 0)})"
        for name in sorted(expected.keys() | counted.keys())
        if expected.get(name) != counted.get(name)
    )
    if sentence := ", ".join(differing):
        raise BackupError(f"What was restored is not what was backed up: {sentence}.")
