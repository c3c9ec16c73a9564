"""Lines: one to each master of a cluster; the slot of an account decides which is asked."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Final

import structlog

from portal.edge.server.line import Line, Lost, Then
from portal.gate import Address, Command, Ranges, Unavailable, holder

LOOKS: Final = 4
log = structlog.get_logger(__name__)


class Lines:
    """Does what a `Line` does. `find` says which master holds which slots; it is asked once a second.

    While a master is away its accounts are refused, and the others go on. `learn` teaches one master
    the scripts and returns its run id. Both may wait, so `pool` runs them.
    """

    def __init__(
        self,
        url: str,
        loop: asyncio.AbstractEventLoop,
        pool: Executor,
        find: Callable[[], Ranges],
        learn: Callable[[Address], str],
    ) -> None:
        self._url, self._loop, self._pool, self._find, self._learn = url, loop, pool, find, learn
        self._lines: dict[Address, Line] = {}
        self._ranges: Ranges = ()
        self._when_lost: Callable[[], object] = lambda: None
        self._looks, self._finding, self._closed = 0, False, False

    @property
    def is_up(self) -> bool:
        """Whether any questions can be asked; shares of a lost master are given up when it is lost."""
        return any(line.is_up for line in self._lines.values())

    async def connect(self) -> None:
        """Have a line up to each master; those that fail are tried again until the lines are closed."""
        self._finding = True
        try:
            self._ranges = await self._loop.run_in_executor(self._pool, self._find)
        except Unavailable as problem:
            log.warning("the cluster cannot be reached", problem=str(problem))
            return
        finally:
            self._finding = False
        if self._closed:
            return
        masters = {address for _, _, address in self._ranges}
        for address in self._lines.keys() - masters:
            self._lines.pop(address).close()
        added = [self._added(address) for address in sorted(masters - self._lines.keys())]
        await asyncio.gather(*(line.connect() for line in added))

    def when_lost(self, deed: Callable[[], object]) -> None:
        """What to do at once when a line breaks, or when another Redis answers on it."""
        self._when_lost = deed

    def ask(self, command: Command, then: Then) -> None:
        """Send a command to whoever holds its account; `then` is given the reply, Lost or Unlearned."""
        address = holder(self._ranges, command)
        if address is None or (line := self._lines.get(address)) is None:
            then(Lost("No master holds this account."))
        else:
            line.ask(command, then)

    def look(self) -> None:
        """Give up lines on which a reply is overdue, and see who holds what now."""
        for line in self._lines.values():
            line.look()
        self._looks += 1
        if self._looks % LOOKS == 0 and not self._finding and not self._closed:
            self._finding = True
            self._task = self._loop.create_task(self.connect())

    async def rest(self, seconds: float) -> None:
        """Wait until all that was asked is answered, or the time is over."""
        await asyncio.gather(*(line.rest(seconds) for line in self._lines.values()))

    def close(self) -> None:
        """Hang up for good."""
        self._closed = True
        for line in self._lines.values():
            line.close()

    def _added(self, address: Address) -> Line:
        line = Line(self._url, self._loop, self._pool, partial(self._learn, address), address)
        line.when_lost(lambda: self._when_lost())
        self._lines[address] = line
        return line
