"""Serving: everything that one process of the gate server is made of, begun and ended in order."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from portal.edge.exchange import Edge
from portal.edge.server.asking import Asker, Gate
from portal.edge.server.house import House
from portal.edge.server.http import Connection
from portal.edge.server.line import Line
from portal.edge.server.lines import Lines
from portal.edge.server.tallies import Tallies
from portal.edge.services import Services
from portal.gate import Masters, Shares

TICK_SECONDS: Final = 0.25
FLUSH_TICKS: Final = 4
BACKLOG: Final = 2048
GIVE_BACK_SECONDS: Final = 1.0
log = structlog.get_logger(__name__)


class Serving:
    """One process of the gate server.

    `learn` teaches Redis the gate's scripts (`Gate.scripts`); `close` lets go of what the composition
    root opened. Without `leases` nothing is answered from memory. `/metrics` is told to callers
    inside, or with `metrics_public` to anybody. With a `cluster` there is a line to each of its masters.
    """

    def __init__(
        self,
        gate: Gate,
        edge: Edge,
        services: Services,
        redis_url: str,
        *,
        learn: Callable[[], str],
        tallies: Tallies,
        metrics_public: bool = False,
        leases: bool = True,
        cluster: Masters | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._gate, self._edge, self._services, self._redis_url = gate, edge, services, redis_url
        self._learn, self._tallies, self._close = learn, tallies, close
        self._cluster = cluster
        self._metrics_public = metrics_public
        self._shares = Shares() if leases else None
        self._pool = ThreadPoolExecutor(2, "chores")
        self._servers: list[asyncio.Server] = []

    async def begin(self, sockets: Sequence[socket.socket], *, most: int) -> None:
        """Be ready, then listen: on these sockets, for at most `most` connections at a time."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, self._services.refresh)
        self._line = self._open(loop)
        await self._line.connect()
        self._asker = Asker(self._gate, self._line, loop, self._shares)
        self._house = house = House(
            self._edge, self._asker, loop, most, scrape=self._scrape, scrape_for_all=self._metrics_public
        )
        for listener in sockets:
            self._servers.append(
                await loop.create_server(lambda: Connection(house), sock=listener, backlog=BACKLOG)
            )
        self._ticking = loop.create_task(self._tick())
        self._reading = loop.create_task(self._read_service_keys())

    async def end(self, seconds: float) -> None:
        """Listen no more, answer what was asked, and end: within `seconds`, whoever is still there."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        for server in self._servers:
            server.close()
        self._house.drain()
        while self._house.connections and loop.time() < until:
            await asyncio.sleep(TICK_SECONDS / 5)
        if self._house.connections:
            log.warning("connections are cut off", total=len(self._house.connections))
        self._asker.give_back()
        await self._line.rest(GIVE_BACK_SECONDS)
        self._reading.cancel()
        self._ticking.cancel()
        self._line.close()
        self._asker.close()
        self._tallies.flush()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._close()

    def _open(self, loop: asyncio.AbstractEventLoop) -> Line | Lines:
        if (cluster := self._cluster) is not None:
            return Lines(self._redis_url, loop, self._pool, cluster.find, cluster.run_id)
        return Line(self._redis_url, loop, self._pool, self._learn)

    def _scrape(self, then: Callable[[bytes], None]) -> None:
        """Gather the metrics in a thread; `then` is given them on the loop."""
        self._tallies.flush()
        loop = asyncio.get_running_loop()
        gathered = loop.run_in_executor(self._pool, self._tallies.scrape)
        gathered.add_done_callback(lambda done: None if done.cancelled() else then(done.result()))

    async def _tick(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            ticks += 1
            self._line.look()
            self._asker.tick()
            self._house.tick()
            if ticks % FLUSH_TICKS == 0:
                self._tallies.flush()

    async def _read_service_keys(self) -> None:
        """Once in half a second, in a thread: what is asked on the loop never waits for them."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._services.ahead_seconds)
            await loop.run_in_executor(self._pool, self._services.refresh)
