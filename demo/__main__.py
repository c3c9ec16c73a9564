"""The demo on one machine, until Ctrl-C: `python -m demo`.

The first time it makes its history, in a folder of its own; from then on it starts what is there.
RESET=1 begins anew.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Final

from demo import folder
from demo.history import DAYS
from deploy.local.foreground import run
from deploy.local.guise import Guise, before_exec
from deploy.local.process import StackError
from deploy.local.services import ROOT
from deploy.local.supervisor import MIGRATE, PUBLISH, SHARED, Supervisor, failed

FACE: Final = {
    "BRAND_NAME": "MemoryHub",
    "DOCS_URL": "https://docs.memoryhub.example.com",
    "FORUM_URL": "https://forum.memoryhub.example.com",
    "STATUS_URL": "https://status.memoryhub.example.com",
    "TERMS_URL": "https://memoryhub.example.com/terms",
    "PRIVACY_URL": "https://memoryhub.example.com/privacy",
    "SUPPORT_MAIL": "help@memoryhub.example.com",
}


class Demo(Supervisor):
    """The stack of `make run`, on private engines alone, with a history in it."""

    def __init__(self, where: Path, port: int, environ: Mapping[str, str], say: Callable[[str], None]):
        super().__init__(where, port, {**environ, **FACE}, say)
        self._anew = environ.get("RESET", "") not in ("", "0")

    def _environment(self) -> dict[str, str]:
        folder.make_ready(self.state, DAYS, anew=self._anew)
        return super()._environment()

    def _fill(self, environment: Mapping[str, str]) -> None:
        """Let ninety days pass, unless they have."""
        if folder.is_told(self.state):
            return
        self._prepare(environment, [MIGRATE, PUBLISH])
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
        folder.mark_told(self.state)

    def _welcome(self, environment: Mapping[str, str], said: Mapping[str, str]) -> None:
        """Fresh links for a customer, an agent and the operator."""
        done, log = self._once("links", environment, "demo.links")
        if done.returncode != 0:
            raise failed("demo.links", done, log)
        for line in done.stdout.splitlines():
            self._say(line)


def forget_names(environ: MutableMapping[str, str]) -> None:
    """Take out what names engines, payments and mail: nothing real is ever filled with made-up people."""
    for name in SHARED:
        environ.pop(name, None)
        environ.pop(f"{name}_FILE", None)


if __name__ == "__main__":
    forget_names(os.environ)
    sys.exit(run(Demo, var="var/demo"))
