"""Root, set aside: PostgreSQL refuses to run as root, so root starts it under another guise."""

import ctypes
import functools
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
NOBODY = "nobody"

_libc = ctypes.CDLL(None, use_errno=True)


class Guise(Enum):
    """As whom a server runs."""

    SELF = "the user who started Upkeep"
    NAMESPACE = "nobody in a user namespace of its own; its files stay root's"
    NOBODY = "the system's nobody; its files live under /var/tmp"


def for_server(binary: Path, folder: Path, *, namespaces: bool = True) -> Guise:
    """The first guise in which `binary` runs and `folder`, which must exist, can be written.

    No account is made and no permission of any parent folder is changed.
    """
    if os.geteuid() != 0:
        return Guise.SELF
    if namespaces and _runs_in_namespace(str(binary), str(folder)):
        return Guise.NAMESPACE
    return Guise.NOBODY


@functools.cache
def _runs_in_namespace(binary: str, folder: str) -> bool:
    if sys.platform != "linux":
        return False
    probe = ["/bin/sh", "-c", '"$1" --version && test -w "$2"', "probe", binary, folder]
    try:
        done = subprocess.run(
            probe, cwd=folder, capture_output=True, preexec_fn=before_exec(Guise.NAMESPACE), timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def user(guise: Guise) -> dict[str, object]:
    """The arguments that make subprocess.Popen start a child in this guise."""
    if guise is not Guise.NOBODY:
        return {}
    nobody = pwd.getpwnam(NOBODY)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def before_exec(guise: Guise, orphan_signal: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """What a child does between fork and exec: take its guise, and ask for a signal when its parent dies.

    The second half exists on Linux only; elsewhere the next start ends what a killed one left.
    """
    parent = os.getpid()

    def prepare() -> None:
        if guise is Guise.NAMESPACE:
            _enter_namespace()
        die_with_parent(orphan_signal)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return prepare


def die_with_parent(orphan_signal: signal.Signals) -> None:
    """Ask for a signal when the process that started this one ends (Linux only)."""
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)


def _enter_namespace() -> None:
    if _libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace can be had")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text("65534 0 1")
    Path("/proc/self/gid_map").write_text("65534 0 1")


def own(path: Path, guise: Guise) -> None:
    """Give a file or folder, not its parents, to the guise that will use it."""
    if guise is Guise.NOBODY:
        nobody = pwd.getpwnam(NOBODY)
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def reachable(root: Path, binary: Path, shelter: Path, guise: Guise) -> Path:
    """A path at which the guise can run `binary`: its own, or that of a copy of its packages in `shelter`.

    `root` is the package folder that holds the binary; the shared libraries lie beside it in `<root>.libs`
    and are found by their relative place, so both are copied.
    """
    if guise is not Guise.NOBODY or _runs_as_nobody(binary):
        return binary
    for source in (root, root.with_name(root.name + ".libs")):
        if source.is_dir() and not (shelter / source.name).exists():
            shutil.copytree(source, shelter / source.name, symlinks=True)
    return shelter / binary.relative_to(root.parent)


def _runs_as_nobody(binary: Path) -> bool:
    nobody = pwd.getpwnam(NOBODY)
    try:
        done = subprocess.run(
            [str(binary), "--version"],
            cwd="/",
            capture_output=True,
            timeout=30,
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
