"""The foreground: a stack that runs until Ctrl-C, and says in one sentence why it cannot."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from deploy.local import guise
from deploy.local.process import StackError
from deploy.local.services import ROOT
from deploy.local.supervisor import Supervisor

Make = Callable[[Path, int, Mapping[str, str], Callable[[str], None]], Supervisor]


def run(make: Make, *, var: str = "var") -> int:
    """Run a stack on $VAR (./`var`) and $PORT (8000); 1 with one sentence when it cannot start."""
    if "--while-parent-lives" in sys.argv[1:]:
        guise.die_with_parent(signal.SIGTERM)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means it
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        port = _port(os.environ.get("PORT") or "8000")
        folder = Path(os.environ.get("VAR") or ROOT / var)
        supervisor = make(folder, port, os.environ, _say)
    except StackError as problem:
        return _refuse(problem)
    try:
        supervisor.start()
        supervisor.watch()
    except StackError as problem:
        return _refuse(problem)
    except KeyboardInterrupt:
        _say("Stopping.")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        supervisor.stop()
    _say("Stopped.")
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65534:  # the gate listens one above
        raise StackError(f"PORT must be a whole number from 1 to 65534, not {text!r}.")
    return int(text)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, flush=True)


def _refuse(problem: StackError) -> int:
    print(problem, file=sys.stderr, flush=True)
    return 1
