"""The folder: what tells a demo's from any other, and how it is emptied."""

import json
import shutil
from datetime import timedelta
from typing import Final

from deploy.local.postgres import discard
from deploy.local.process import StackError
from deploy.local.state import State

MARK: Final = "demo.json"
KEPT: Final = ("lock", "log")


def make_ready(state: State, days: int, *, anew: bool) -> None:
    """See to it that a history can be told in a folder, or was told to its end.

    Emptied when that is wanted or a history broke off; then its clock begins so many days behind.
    StackError when something else lives there.
    """
    folder, mark = state.folder, state.folder / MARK
    if not mark.exists() and (folder / "secrets.json").exists():
        raise StackError(f"{folder} is not a demo's: name another folder by VAR.")
    if mark.exists() and (anew or not is_told(state)):
        discard(folder)
        for path in folder.iterdir():
            if path.name not in KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    if not mark.exists():
        state.write(MARK, {"told": False})
        (folder / "clock").write_text(f"{-timedelta(days=days) // timedelta(microseconds=1)}\n")


def is_told(state: State) -> bool:
    """Whether the history was told to its end."""
    return bool(json.loads((state.folder / MARK).read_text())["told"])


def mark_told(state: State) -> None:
    """Note that it was."""
    state.write(MARK, {"told": True})
