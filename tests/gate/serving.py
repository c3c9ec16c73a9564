"""The gate server as a process of its own, and callers that storm it."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from deploy.local.guise import Guise, before_exec
from deploy.local.ports import free_port
from deploy.local.process import kill_group, wait_until
from deploy.local.services import ROOT, answers
from tests.running import family

CALLER = Path(__file__).with_name("caller.py")


class RunningGate:
    """gunicorn with the gate's workers, on the engines that `environ` names."""

    def __init__(self, environ, **more):
        known = {name: value for name, value in os.environ.items() if not name.endswith(("_URL", "_FILE"))}
        self._environ = {**known, **environ, **more}
        self._choose_port()

    def _choose_port(self):
        self.port = free_port()
        self._environ["GATE_PORT"] = str(self.port)
        self._log = Path(self._environ["VAR"]) / f"gate-{self.port}.log"

    def start(self):
        """Start it; on another port when somebody took this one since it was found free."""
        with self._log.open("w") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", "deploy/gate.conf.py"],
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before_exec(Guise.SELF, orphan_signal=15),
            )
        assert wait_until(lambda: self._popen.poll() is not None or self.answers(), 60), self.log
        if self._popen.poll() is not None and "Address already in use" in self.log:
            self._choose_port()
            return self.start()
        assert self.answers(), self.log
        return self

    def answers(self):
        return answers(f"http://127.0.0.1:{self.port}/healthz")

    @property
    def pid(self):
        return self._popen.pid

    @property
    def workers(self):
        return sorted(family(self.pid).keys() - {self.pid})

    @property
    def log(self):
        return self._log.read_text()

    def ask(self, service, key):
        """One call; its code, or none when nobody answered."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/keys/verify",
            json.dumps({"key": key}).encode(),
            {"Authorization": f"Bearer {service}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return json.loads(reply.read())["code"]
        except OSError:
            return None

    def kill(self):
        """All of it at once, without a warning."""
        kill_group(self.pid)
        self._popen.wait()

    def stop(self):
        self._popen.terminate()
        return self._popen.wait(30)


class Storm:
    """Many callers at once: begun when made, their counts added up at the end."""

    def __init__(self, port, service, keys, *, processes, threads, calls=1_000_000):
        self._callers = [
            subprocess.Popen(
                [sys.executable, "-S", str(CALLER), str(port), service, str(threads), str(calls), *keys],
                stdout=subprocess.PIPE,
                preexec_fn=before_exec(Guise.SELF),
            )
            for _ in range(processes)
        ]

    @property
    def is_over(self):
        return all(caller.poll() is not None for caller in self._callers)

    def end(self):
        told = {}
        for caller in self._callers:
            out, _ = caller.communicate(timeout=300)
            for code, number in json.loads(out).items():
                told[code] = told.get(code, 0) + number
        return told
