"""The demo on one machine, until Ctrl-C: `python -m demo`.

The first time it makes its history, in a folder of its own; from then on it starts what is there.
RESET=1 begins anew.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from demo.history import DAYS
from deploy.local.foreground import run
from deploy.local.guise import Guise, before_exec
from deploy.local.postgres import discard
from deploy.local.process import StackError
from deploy.local.services import ROOT
from deploy.local.supervisor import SHARED, Supervisor

MARK: Final = "demo.json"
FACE: Final = {
    "BRAND_NAME": "MemoryHub",
    "API_URL": "https://api.memoryhub.example.com",
    "DOCS_URL": "https://docs.memoryhub.example.com",
    "FORUM_URL": "https://forum.memoryhub.example.com",
    "STATUS_URL": "https://status.memoryhub.example.com",
    "TERMS_URL": "https://memoryhub.example.com/terms",
    "PRIVACY_URL": "https://memoryhub.example.com/privacy",
    "SUPPORT_MAIL": "help@memoryhub.example.com",
}


class Demo(Supervisor):
    """The stack of `make run`, on private engines alone, with a history in it."""

    def __init__(self, folder: Path, port: int, environ: Mapping[str, str], say: Callable[[str], None]):
        # Nothing that the environment names may ever be filled with people who do not exist.
        mine = {name: value for name, value in environ.items() if name.removesuffix("_FILE") not in SHARED}
        super().__init__(folder, port, {**mine, **FACE}, say)
        self._anew = environ.get("RESET", "") not in ("", "0")

    def _environment(self) -> dict[str, str]:
        self._clear()
        return super()._environment()

    def _clear(self) -> None:
        """Empty the folder when that is wanted, or when an earlier history was not told to its end."""
        folder, mark = self.state.folder, self.state.folder / MARK
        if not mark.exists() and (folder / "secrets.json").exists():
            raise StackError(f"{folder} is not a demo's: name another folder by VAR.")
        if mark.exists() and (self._anew or not json.loads(mark.read_text())["told"]):
            discard(folder)
            for path in folder.iterdir():
                if path.name not in ("lock", "log"):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not mark.exists():
            self.state.write(MARK, {"told": False})
            behind = timedelta(days=DAYS) // timedelta(microseconds=1)
            (folder / "clock").write_text(f"{-behind}\n")

    def _prepare(self, environment: Mapping[str, str]) -> None:
        """Let ninety days pass, unless they have."""
        if json.loads((self.state.folder / MARK).read_text())["told"]:
            return
        self._say(f"History   {DAYS} days, from the beginning; this takes a minute or two")
        log = self.state.logs / "history.log"
        with log.open("ab") as lines:
            told = subprocess.run(
                [sys.executable, "-m", "demo.history"],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stderr=lines,
                start_new_session=True,  # Ctrl-C is for the supervisor, which ends it
                preexec_fn=before_exec(Guise.SELF),
            )
        if told.returncode != 0:
            raise StackError(f"The history was not told to its end: {log} says why.")
        self.state.write(MARK, {"told": True})

    def _welcome(self, environment: Mapping[str, str]) -> None:
        """Fresh links for a customer, an agent and the operator."""
        for line in self._once("links", environment, "demo.links").splitlines():
            self._say(line)


if __name__ == "__main__":
    sys.exit(run(Demo, var="var/demo"))
