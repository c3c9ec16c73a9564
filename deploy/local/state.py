"""What a stack keeps in its folder: a lock, its secrets, its ports, and who runs."""

import fcntl
import json
import os
import secrets
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from deploy.local.passwords import Passwords
from deploy.local.ports import free_port, is_free
from deploy.local.process import Process, StackError, kill_group, wait_until

LEFTOVER_SECONDS = 10
LOG_BYTES = 10_000_000


@dataclass(frozen=True)
class Secrets:
    """What is drawn once and kept: losing it signs everyone out and kills every key."""

    secret_key: str
    key_peppers: str
    passwords: Passwords


class State:
    """The folder of one stack. Its files are readable by their owner alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.logs = self.folder / "log"
        self._lock: IO[str] | None = None

    def take(self, url: str) -> None:
        """Become the one stack on this folder, and end what a killed one left.

        Raises StackError when another runs.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.logs.mkdir(exist_ok=True, mode=0o700)
            lock = (self.folder / "lock").open("a+")
        except OSError as problem:
            raise StackError(f"The folder {self.folder} cannot be used: {problem.strerror}.") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise StackError(f"Upkeep is running on {self.folder} already: {lock.read().strip()}") from None
        lock.truncate(0)
        lock.write(f"{url} (process {os.getpid()}).\n")
        lock.flush()
        self._lock = lock
        self._end_leftovers()
        self._set_long_logs_aside()

    def release(self) -> None:
        """Say that nothing runs here any more; nothing when the folder was never ours."""
        if self._lock is None:
            return
        for name in ("stack.json", "processes.json"):
            (self.folder / name).unlink(missing_ok=True)
        self._lock.truncate(0)
        self._lock.close()
        self._lock = None

    def secrets(self) -> Secrets:
        """The secrets of this folder, drawn when first asked for."""
        kept = self._read("secrets.json")
        if not kept:
            kept = {
                "SECRET_KEY": secrets.token_hex(32),
                "KEY_PEPPERS": f"1:{secrets.token_hex(32)}",
                "passwords": asdict(Passwords()),
            }
            self.write("secrets.json", kept)
        return Secrets(kept["SECRET_KEY"], kept["KEY_PEPPERS"], Passwords(**kept["passwords"]))

    def example_key(self) -> str | None:
        """The service key of the sample API, when one was kept."""
        return self._read("example.json").get("service_key")

    def keep_example_key(self, service_key: str) -> None:
        """Keep the service key of the sample API for the next start."""
        self.write("example.json", {"service_key": service_key})

    def port(self, name: str) -> int:
        """The port of an engine: the same as last time while it is free."""
        ports = self._read("ports.json")
        if name not in ports or not is_free(ports[name]):
            ports[name] = free_port()
            self.write("ports.json", ports)
        return int(ports[name])

    def publish(self, environment: Mapping[str, str]) -> None:
        """Leave the stack's environment for the operator's verbs."""
        self.write("stack.json", dict(environment))

    def note(self, processes: Iterable[Process]) -> None:
        """Write down who runs."""
        running = [{"name": one.name, "pid": one.pid, "born": born(one.pid)} for one in processes]
        self.write("processes.json", {"supervisor": os.getpid(), "processes": running})

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a file whole or not at all, for the owner's eyes only."""
        draft = self.folder / f"{name}.new"
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(content, indent=1) + "\n")
        draft.replace(self.folder / name)

    def _read(self, name: str) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / name).read_text()))
        except FileNotFoundError:
            return {}
        except ValueError:
            raise StackError(f"{self.folder / name} is damaged; restore it from a backup.") from None

    def _end_leftovers(self) -> None:
        for one in reversed(self._read("processes.json").get("processes", [])):
            pid, birth = one["pid"], one["born"]
            if not wait_until(lambda pid=pid, birth=birth: born(pid) != birth, LEFTOVER_SECONDS):  # type: ignore[misc]
                kill_group(pid)

    def _set_long_logs_aside(self) -> None:
        for log in self.logs.glob("*.log"):
            if log.stat().st_size > LOG_BYTES:
                log.replace(log.with_suffix(".log.1"))


def born(pid: int) -> str:
    """When a process was started, in the system's words; empty when it is gone. Tells reused ids apart."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return asked.stdout.strip()
