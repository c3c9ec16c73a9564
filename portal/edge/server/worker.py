"""The gate server as a kind of gunicorn's workers: gunicorn keeps the processes, this one serves."""

import asyncio
import gc
import os
import signal
from collections.abc import Callable
from typing import Final

import uvloop
from gunicorn.workers.base import Worker

from portal.edge.server.serving import Serving

BEAT_SECONDS: Final = 1.0
TIDY_BEATS: Final = 600


class GateWorker(Worker):  # type: ignore[misc]
    """One process of the gate server. The application that gunicorn loads makes its `Serving`."""

    wsgi: Callable[[], Serving]

    def init_signals(self) -> None:
        """Only what is meant to end us does; the loop hears of the rest."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGWINCH, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.signal(signal.SIGABRT, self.handle_abort)

    def run(self) -> None:
        """Serve until told to stop, or until gunicorn itself is gone."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, told.set)
        serving = self.wsgi()
        await serving.begin([held.sock for held in self.sockets], most=self.cfg.worker_connections)
        gc.collect()
        gc.freeze()
        gc.disable()
        beating = loop.create_task(self._beat(told))
        await told.wait()
        self.alive = False
        await serving.end(self.cfg.graceful_timeout)
        beating.cancel()

    async def _beat(self, told: asyncio.Event) -> None:
        """Once a second: tell gunicorn that all is well, and throw away what is of no more use.

        What is remembered lives long, and to look through all of it holds every caller up: most beats
        look at what is new.
        """
        beats = 0
        while True:
            self.notify()
            if self.ppid != os.getppid():
                told.set()
            beats += 1
            gc.collect(2 if beats % TIDY_BEATS == 0 else 1)
            await asyncio.sleep(BEAT_SECONDS)
