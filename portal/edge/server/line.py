"""The line to Redis: one connection, on which all questions of a turn of the loop leave in one write.

Replies come in the order of the questions. A question that was sent and not answered may have been
counted, so it is never sent again: whoever asked is told that the line is lost.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final, cast

import hiredis
import structlog
from redis.connection import SSLConnection, UnixDomainSocketConnection, parse_url

from portal.gate import Command, Unavailable, bulk, packed

PATIENCE_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 0.1
LONGEST_AGAIN_SECONDS: Final = 2.0
WAITING_MOST: Final = 20_000
Then = Callable[[Any], None]
log = structlog.get_logger(__name__)


class Lost(Unavailable):
    """There is no reply: the line was down, or broke before it came."""


class Unlearned(Exception):
    """Redis does not know the script, so nothing was done: another one has taken over."""


class Line:
    """Commands out, replies in. Lives on one event loop and is used from there alone.

    `learn` teaches Redis the scripts and returns the run id of its process; it may wait, so `pool`
    runs it. `at` is a master's address where that of `url` is only any node's.
    """

    def __init__(
        self,
        url: str,
        loop: asyncio.AbstractEventLoop,
        pool: Executor,
        learn: Callable[[], str],
        at: tuple[str, int] | None = None,
    ) -> None:
        self._where: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
        if at is not None:
            self._where |= {"host": at[0], "port": at[1]}
        self._loop, self._pool, self._learn = loop, pool, learn
        self._ends: _Ends | None = None
        self._run_id = ""
        self._again = AGAIN_SECONDS
        self._closed = False
        self._learning = False
        self._when_lost: Callable[[], object] = lambda: None

    @property
    def is_up(self) -> bool:
        """Whether questions can be asked right now."""
        return self._ends is not None

    async def connect(self) -> None:
        """Have the line up; when that fails, it is tried again until the line is closed."""
        ends = _Ends(self, self._loop)
        try:
            await asyncio.wait_for(self._connect(ends), PATIENCE_SECONDS)
        except Exception as problem:
            log.warning("Redis cannot be reached", problem=f"{type(problem).__name__}: {problem}")
            ends.give_up()
            if not self._closed:
                self._loop.call_later(self._again, self._reconnect)
                self._again = min(self._again * 2, LONGEST_AGAIN_SECONDS)

    def when_lost(self, deed: Callable[[], object]) -> None:
        """What to do at once when the line breaks, or when another Redis answers on it."""
        self._when_lost = deed

    def ask(self, command: Command, then: Then) -> None:
        """Send a command with this turn of the loop; `then` is given the reply, Lost or Unlearned."""
        if self._ends is None:
            then(Lost("Redis cannot be reached."))
        else:
            self._ends.say(packed(command, self._run_id), then)

    def look(self) -> None:
        """Give the line up when a reply is overdue; asked a few times a second."""
        if self._ends is not None and self._ends.overdue:
            log.warning("Redis does not answer in time")
            self._ends.give_up()

    async def rest(self, seconds: float) -> None:
        """Wait until all that was asked is answered, or the time is over."""
        until = self._loop.time() + seconds
        while self._ends is not None and self._ends.is_busy and self._loop.time() < until:
            await asyncio.sleep(0.01)

    def close(self) -> None:
        """Hang up for good."""
        self._closed = True
        if self._ends is not None:
            self._ends.give_up()

    def lost(self, ends: "_Ends") -> None:
        """A connection ended."""
        if self._ends is ends:
            self._ends = None
            self._when_lost()
            self._reconnect()

    def learn_anew(self) -> None:
        """Redis did not know a script: teach it, once at a time."""
        self._when_lost()
        if not self._learning and not self._closed:
            self._learning = True
            self._loop.create_task(self._learn_again())

    async def _connect(self, ends: "_Ends") -> None:
        where, kind = self._where, self._where.get("connection_class")
        if kind is UnixDomainSocketConnection:
            await self._loop.create_unix_connection(lambda: ends, where["path"])
        else:
            secure = ssl.create_default_context() if kind is SSLConnection else None
            host, port = where.get("host") or "localhost", int(where.get("port") or 6379)
            await self._loop.create_connection(lambda: ends, host, port, ssl=secure)
        if password := where.get("password"):
            named = (where["username"], password) if where.get("username") else (password,)
            await ends.demand("AUTH", *named)
        if where.get("db"):
            await ends.demand("SELECT", str(where["db"]))
        self._run_id = await self._loop.run_in_executor(self._pool, self._learn)
        if ends.transport is None or self._closed:
            raise Lost("The connection broke at once.")
        self._ends, self._again = ends, AGAIN_SECONDS

    def _reconnect(self) -> None:
        if not self._closed:
            self._loop.create_task(self.connect())

    async def _learn_again(self) -> None:
        try:
            self._run_id = await self._loop.run_in_executor(self._pool, self._learn)
        except Unavailable as problem:
            log.warning("Redis cannot be taught the scripts", problem=str(problem))
        finally:
            self._learning = False


class _Ends(asyncio.Protocol):
    """One connection, from its beginning to its end."""

    def __init__(self, line: Line, loop: asyncio.AbstractEventLoop) -> None:
        self._line, self._loop = line, loop
        self.transport: asyncio.WriteTransport | None = None
        self._reader = hiredis.Reader()
        self._out: list[bytes] = []
        self._waiting: deque[Then] = deque()
        self._heard_at = 0.0

    @property
    def is_busy(self) -> bool:
        return bool(self._waiting)

    @property
    def overdue(self) -> bool:
        return bool(self._waiting) and self._loop.time() - self._heard_at > PATIENCE_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)  # uvloop's own are no subclasses

    def say(self, data: bytes, then: Then) -> None:
        if self.transport is None or len(self._waiting) >= WAITING_MOST:
            then(Lost("Too much waits for Redis."))
            return
        if not self._out:
            self._loop.call_soon(self._write)
        if not self._waiting:
            self._heard_at = self._loop.time()
        self._out.append(data)
        self._waiting.append(then)

    async def demand(self, *words: str) -> None:
        answered: asyncio.Future[Any] = self._loop.create_future()
        self.say(
            b"*%d\r\n" % len(words) + bulk(words),
            lambda reply: None if answered.done() else answered.set_result(reply),
        )
        if isinstance(reply := await answered, Exception):
            raise reply

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        waiting, gets = self._waiting, self._reader.gets
        try:
            self._reader.feed(data)
            while (reply := gets()) is not False:
                if isinstance(reply, hiredis.ReplyError):
                    reply = self._refused(reply)
                _tell(waiting.popleft(), reply)
        except (
            hiredis.ProtocolError,
            IndexError,
        ) as problem:  # from here on nobody knows whose reply is whose
            log.error("Redis said what nobody asked for", problem=str(problem))
            self.give_up()

    def connection_lost(self, problem: Exception | None) -> None:
        self.give_up()

    def give_up(self) -> None:
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()
        self._out.clear()
        self._line.lost(self)
        while self._waiting:
            broke = Lost("The line to Redis broke.")
            broke.in_doubt = True
            _tell(self._waiting.popleft(), broke)

    def _write(self) -> None:
        if self.transport is not None:
            self.transport.write(b"".join(self._out))
        self._out.clear()

    def _refused(self, problem: Exception) -> Exception:
        if str(problem).startswith("NOSCRIPT"):
            self._line.learn_anew()
            return Unlearned()
        log.error("Redis refused a command of the gate", problem=str(problem))
        return Lost(str(problem))


def _tell(then: Then, reply: Any) -> None:
    try:
        then(reply)
    except Exception as problem:  # one asker's trouble is not the next one's
        log.error("a reply was not understood", exc_info=problem)
