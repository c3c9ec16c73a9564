"""Taking a backup: one snapshot, dumped and counted, whole or not at all."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.backup import manifest, programs
from deploy.backup.manifest import DUMP, Manifest
from deploy.backup.programs import BackupError, NothingYet
from portal.kit.settings import Settings

PREFIX, UNFINISHED = "upkeep-", ".unfinished"
STAMP = "%Y%m%dT%H%M%SZ"
TABLES = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"


def take(settings: Settings, folder: Path, *, now: datetime) -> Path:
    """Write a backup into a new folder inside `folder`, and return it. Writes may go on meanwhile.

    Everything that was committed before it began is in it. Raises BackupError.
    """
    final = folder / f"{PREFIX}{now:{STAMP}}"
    draft = final.with_name(final.name + UNFINISHED)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
    except OSError as problem:
        raise BackupError(f"The folder {draft} cannot be made: {problem.strerror}.") from None
    try:
        manifest.write(draft, _dump(settings, draft / DUMP, now))
        if final.exists():
            raise BackupError(f"{final} is there already.")
        draft.rename(final)
    except BaseException:
        shutil.rmtree(draft)
        raise
    _sync(folder)  # the rename itself must outlive a power cut
    return final


def drop_old(folder: Path, keep_days: int, *, now: datetime) -> list[Path]:
    """Delete backups older than `keep_days`, but never the newest; what was deleted.

    What a killed backup left behind a day ago goes too.
    """
    taken = sorted((at, path) for path in folder.glob(PREFIX + "*") if (at := _taken_at(path)) is not None)
    old = [path for at, path in taken[:-1] if at < now - timedelta(days=keep_days)]
    for path in folder.glob(f"{PREFIX}*{UNFINISHED}"):
        begun = _taken_at(path.with_name(path.name.removesuffix(UNFINISHED)))
        if begun is not None and begun < now - timedelta(days=1):
            old.append(path)
    for path in old:
        shutil.rmtree(path)
    return old


def _dump(settings: Settings, path: Path, now: datetime) -> Manifest:
    try:
        with psycopg.connect(programs.plain(settings.owner_database_url)) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            (snapshot,) = _row(connection, "SELECT pg_export_snapshot()")
            rows, migration = _rows(connection), _migration(connection)
            major = connection.info.server_version // 10_000
            programs.run(
                programs.bin_for(major) / "pg_dump",
                settings.owner_database_url,
                # Roles and their rights are the target's own: a restore sets them anew.
                ["--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot}", f"--file={path}"],
            )
    except psycopg.Error as problem:
        raise BackupError(f"The database cannot be read as its owner: {problem}") from None
    path.chmod(0o600)
    _sync(path)
    salt = manifest.new_salt()
    return Manifest(
        taken_at=now.isoformat(),
        migration=migration,
        server=major,
        sha256=manifest.digest(path),
        rows=rows,
        salt=salt,
        marks=manifest.marks(settings, salt),
    )


def _rows(connection: psycopg.Connection) -> dict[str, int]:
    return {name: count_rows(connection, name) for (name,) in connection.execute(TABLES + " ORDER BY 1")}


def count_rows(connection: psycopg.Connection, table: str) -> int:
    """How many rows a table has, as this transaction sees it."""
    (count,) = _row(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
    return int(count)  # type: ignore[call-overload, no-any-return]


def _migration(connection: psycopg.Connection) -> str:
    """Where the migrations stand. A database without any has nothing that could be backed up."""
    (known,) = _row(connection, "SELECT to_regclass('alembic_version') IS NOT NULL")
    if not known:
        raise NothingYet("The database is empty: it was never migrated, so there is nothing to back up.")
    (version,) = _row(connection, "SELECT version_num FROM alembic_version")
    return str(version)


def _row(connection: psycopg.Connection, query: sql.Composable | str) -> tuple[object, ...]:
    row = connection.execute(query).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row


def _taken_at(path: Path) -> datetime | None:
    try:
        return datetime.strptime(path.name.removeprefix(PREFIX), STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
