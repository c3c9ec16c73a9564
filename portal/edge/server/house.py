"""What the connections of one process of the gate server share: the clock, the end, and what was heard."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final, Protocol

from portal.edge.exchange import Edge, Exchange
from portal.kit import clock

if TYPE_CHECKING:
    from portal.edge.server.http import Connection

HEARD_MOST: Final = 16_384


@dataclass(frozen=True)
class Heard:
    """What a whole request said: its environment but for who sent it, and its body."""

    environ: dict[str, Any]
    read: Callable[[], bytes]


class Asker(Protocol):
    """Who answers exchanges."""

    def ask(self, exchange: Exchange, done: Callable[[], None]) -> None: ...


class House:
    """What the connections of one process share. `now` is the loop's clock, looked at now and then."""

    def __init__(
        self,
        edge: Edge,
        asker: Asker,
        loop: asyncio.AbstractEventLoop,
        most: int,
        *,
        scrape: Callable[[Callable[[bytes], None]], None] | None = None,
        scrape_for_all: bool = False,
    ) -> None:
        self.edge, self.asker, self.loop, self.most = edge, asker, loop, most
        self.scrape, self.scrape_for_all = scrape, scrape_for_all
        self.connections: set[Connection] = set()
        self.heard: OrderedDict[bytes, Heard] = OrderedDict()
        self.draining = False
        self.tick()

    def tick(self) -> None:
        """Look at the clock, and end what has been slow for too long; called a few times a second."""
        self.now = self.loop.time()
        self.date = f"Date: {formatdate(clock.now().timestamp(), usegmt=True)}\r\n".encode()
        for connection in [one for one in self.connections if one.deadline < self.now]:
            connection.time_is_up()

    def remember(self, data: bytes, environ: dict[str, Any], body: bytes) -> None:
        """Busy callers send the same bytes again and again: they are read once."""
        if len(self.heard) >= HEARD_MOST:
            self.heard.popitem(last=False)
        said = {name: value for name, value in environ.items() if name != "REMOTE_ADDR"}
        self.heard[data] = Heard(said, lambda: body)

    def drain(self) -> None:
        """From now on every connection ends with the answers that it waits for."""
        self.draining = True
        for connection in list(self.connections):
            connection.end_when_answered()
