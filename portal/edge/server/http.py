"""HTTP/1.1 as the gate server speaks it: one connection, its requests in turn, its limits.

Whatever is malformed ends the connection, and what came after it is not looked at. A request whose
length is told twice, or told and chunked, is malformed. Bodies are bounded; nobody may be slow for ever.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import unquote_to_bytes, urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from prometheus_client import CONTENT_TYPE_LATEST

from portal.edge import core
from portal.edge.body import LIMIT, too_large
from portal.edge.core import Answer
from portal.edge.exchange import AUTHORIZE, VERIFY, Exchange
from portal.edge.problems import Problem, invalid
from portal.edge.server.house import House
from portal.kit import ids
from portal.kit.trust import LOCAL_SOCKET

LINE_BYTES: Final = 4_096
HEAD_BYTES: Final = 32 * 1024
HEADERS_MOST: Final = 100
IDLE_SECONDS: Final = 75.0
HEAD_SECONDS: Final = 10.0
BODY_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 30.0
LINGER_SECONDS: Final = 2.0
TURNS_MOST: Final = 32
HEARD_BYTES: Final = 768
VERIFY_URL: Final = VERIFY.encode()
HEALTH, METRICS = "/healthz", "/metrics"
OWN_PATHS: Final = (HEALTH, METRICS)
# Of a hundred headers that proxies pass on, these mean something here; as WSGI calls them.
MEANT: Final = {
    name.lower().encode(): "HTTP_" + name.upper().replace("-", "_")
    for name in (
        *("Authorization", "X-API-Key", "X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Request-Id"),
        *("X-Upkeep-Cost", "X-Upkeep-Scopes", "X-Upkeep-Endpoint", "X-Upkeep-Service-Key"),
    )
}
FRAMING: Final = (b"content-length", b"transfer-encoding", b"host", b"expect")
# Spellings that clients use, so that few names have to be put into small letters.
SPELT: Final = {
    spelling: lower
    for lower in (*MEANT, *FRAMING, b"content-type", b"user-agent", b"accept", b"connection")
    for spelling in (lower, lower.title(), lower.upper())
}
METHODS: Final = {method.encode(): method for method in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS")}
STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class Turn:
    """One request's place in the row: answers leave in the order in which requests came."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data: bytes | None = None


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._transport: asyncio.Transport | None = None
        self._origin: dict[str, Any] = {}
        self._parser = HttpRequestParser(self)
        self._turns: deque[Turn] = deque()
        self._closing = False  # nothing that comes from now on is looked at
        self._written = False  # all has been said; what still comes is thrown away
        self._ended = False  # the client has said all
        self._full = False
        self._busy = False  # a request has begun and not ended
        self._ends = 0  # requests that ended in what came last
        self._asks = False  # the last of them asked the gate
        self._problem: Problem | None = None
        self.deadline = house.now + HEAD_SECONDS

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are no subclasses
        peer = transport.get_extra_info("peername")
        if peer is not None:  # a pair, or nothing much on a Unix socket
            self._origin = {"REMOTE_ADDR": peer[0] if isinstance(peer, tuple) else LOCAL_SOCKET}
        self._house.connections.add(self)
        if len(self._house.connections) > self._house.most:
            self._refuse(Problem("UNAVAILABLE", "Too many connections are open.", [("Retry-After", "1")]))

    def connection_lost(self, problem: Exception | None) -> None:
        self._house.connections.discard(self)
        self._transport, self._closing = None, True
        self._turns.clear()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        house, begins = self._house, not self._busy and len(data) <= HEARD_BYTES
        if begins and (heard := house.heard.get(data)) is not None and not house.draining:
            self.deadline = house.now + IDLE_SECONDS
            self._begin(self._origin | heard.environ, heard.read)
            return
        if self._busy and not self._headed:
            self._head_bytes += len(data)
        self._ends = 0
        try:
            self._parser.feed_data(data)
            if (
                begins
                and self._ends == 1
                and not self._busy
                and self._asks
                and b"expect" not in self._framing
            ):
                house.remember(data, self._environ, self._read())
            if self._busy and not self._headed and self._head_bytes > HEAD_BYTES:
                self._stop(_HEAD_TOO_LARGE)
        except HttpParserUpgrade:
            self._closing = True  # whatever follows is another protocol, which is not spoken here
            self._flush()
        except (HttpParserError, _TooMuch):
            if not self._closing:
                self._refuse(self._problem or invalid("This is not a well-formed HTTP/1.1 request."))

    def eof_received(self) -> bool:
        if self._busy and not self._closing:
            self._refuse(invalid("The request ended before its end."))
        self._closing = self._ended = True
        self._flush()
        return bool(self._turns) and not self._written

    def pause_writing(self) -> None:
        self._full = True
        self.deadline = self._house.now + ANSWER_SECONDS
        self._pause(True)

    def resume_writing(self) -> None:
        self._full = False
        self._await_next()
        self._flush()

    def time_is_up(self) -> None:
        """The deadline has passed: say so, if there is anybody who waits for an answer."""
        if self._turns and not self._full:
            self.deadline = self._house.now + ANSWER_SECONDS  # we are slow, not they
        elif self._busy and not self._closing:
            self._refuse(Problem("TIMEOUT", "The request did not come to its end in time."))
        elif self._transport is not None:
            self._transport.abort()

    def end_when_answered(self) -> None:
        """Take no more requests but the one that is coming in."""
        if not self._turns and not self._busy and self._transport is not None:
            self._closing = True
            self._finish()

    # A request, as the parser reads it.

    def on_message_begin(self) -> None:
        self._busy, self._headed = True, False
        self._url = b""
        self._head_bytes = self._headers = self._size = 0
        self._framing: dict[bytes, bytes] = {}
        self._environ = self._origin.copy()
        self._body: list[bytes] = []
        self._answered = False
        self.deadline = self._house.now + HEAD_SECONDS

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > LINE_BYTES:
            self._stop(Problem("HEAD_TOO_LARGE", f"The address may have {LINE_BYTES} bytes."))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers += 1
        self._size += len(name) + len(value) + 4
        if self._size > HEAD_BYTES or self._headers > HEADERS_MOST:
            self._stop(_HEAD_TOO_LARGE)
        if self._headed:  # trailers say nothing here
            return
        lower = SPELT.get(name) or name.lower()
        if (meant := MEANT.get(lower)) is not None:
            text = value.decode("latin-1").strip(" \t")
            environ = self._environ
            environ[meant] = f"{environ[meant]},{text}" if meant in environ else text
        elif lower in FRAMING:
            if lower in self._framing:
                self._stop(invalid(f"The header {lower.decode()} stands there twice."))
            self._framing[lower] = value.strip(b" \t")

    def on_headers_complete(self) -> None:
        self._headed = True
        parser, framing, environ = self._parser, self._framing, self._environ
        version = parser.get_http_version()
        if version != "1.1" and version != "1.0":
            self._stop(invalid("Only HTTP/1.1 and HTTP/1.0 are spoken here."))
        length, coding = framing.get(b"content-length"), framing.get(b"transfer-encoding")
        if coding is not None and (length is not None or coding.lower() != b"chunked" or version == "1.0"):
            self._stop(invalid("The length of the body is not told in one clear way."))
        if length is not None and not length.isdigit():
            self._stop(invalid("Content-Length must be a whole number."))
        if version == "1.1" and b"host" not in framing:
            self._stop(invalid("The header Host is missing."))
        if parser.should_upgrade() and (coding is not None or (length or b"0").strip(b"0")):
            self._stop(invalid("A request with a body cannot change the protocol."))
        method = parser.get_method()
        environ["REQUEST_METHOD"] = METHODS.get(method) or method.decode("ascii")
        environ["PATH_INFO"] = _path(self._url)
        self._keep = version == "1.1"
        self._size = 0
        self.deadline = self._house.now + BODY_SECONDS
        if length is not None and (len(length) > 15 or int(length) > LIMIT) and not self._is_passed_by():
            self._overflow()
        elif b"expect" in framing and not self._answered:
            self._expect(framing[b"expect"])

    def on_body(self, piece: bytes) -> None:
        if self._answered or self._is_passed_by():
            return
        self._size += len(piece)
        if self._size > LIMIT:
            self._overflow()
        self._body.append(piece)

    def on_message_complete(self) -> None:
        self._busy = False
        self._ends += 1
        self.deadline = self._house.now + IDLE_SECONDS
        if not self._answered:
            keep = self._keep and self._parser.should_keep_alive() and not self._parser.should_upgrade()
            self._closing = self._closing or self._house.draining or not keep
            self._begin(self._environ, self._read)
        if self._closing:
            raise _TooMuch  # nothing after this request is looked at

    # Answers.

    def _begin(self, environ: dict[str, Any], read: Callable[[], bytes]) -> None:
        turn = Turn()
        self._turns.append(turn)
        if len(self._turns) >= TURNS_MOST:
            self._pause(True)
        if environ["PATH_INFO"] in OWN_PATHS and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            self._tell_of_itself(turn, environ)
            return
        exchange = Exchange(self._house.edge, environ, read)
        self._asks = exchange.asks is not None
        if exchange.asks is None:
            assert exchange.answer is not None
            self._say(turn, environ, exchange.answer)
        else:
            self._house.asker.ask(exchange, lambda: self._answer(turn, environ, exchange))

    def _tell_of_itself(self, turn: Turn, environ: dict[str, Any]) -> None:
        house = self._house
        if environ["PATH_INFO"] == HEALTH:
            self._say(turn, environ, _plain("application/json", b'{"status":"ok"}\n'))
        elif house.scrape is None or not (house.scrape_for_all or house.edge.trust.is_internal(environ)):
            self._say(turn, environ, self._problem_of(Problem("NO_SUCH_ROUTE", "There is nothing here.")))
        else:
            house.scrape(lambda text: self._say(turn, environ, _plain(CONTENT_TYPE_LATEST, text)))

    def _answer(self, turn: Turn, environ: dict[str, Any], exchange: Exchange) -> None:
        assert exchange.answer is not None
        self._say(turn, environ, exchange.answer)

    def _say(self, turn: Turn, environ: dict[str, Any], answer: Answer) -> None:
        last = bool(self._turns) and turn is self._turns[-1]
        if last and self._house.draining and not self._busy:
            self._closing = True
        turn.data = self._rendered(answer, environ.get("REQUEST_METHOD"), last and self._closing)
        if self._turns and self._turns[0] is turn:
            self._flush()

    def _rendered(self, answer: Answer, method: str | None, last: bool) -> bytes:
        lines = "".join([f"{name}: {value}\r\n" for name, value in answer.headers])
        end = "Connection: close\r\n\r\n" if last else "\r\n"
        head = STATUS_LINES[answer.status] + self._house.date + (lines + end).encode("latin-1")
        return head if answer.status == 204 or method == "HEAD" else head + answer.body

    def _flush(self) -> None:
        """Write what is ready, in its order."""
        turns, transport = self._turns, self._transport
        if transport is None or self._written:
            return
        while turns and turns[0].data is not None:
            transport.write(turns.popleft().data or b"")
        if not turns:
            if self._closing:
                self._finish()
            else:
                self._await_next()
        elif len(turns) < TURNS_MOST:
            self._await_next()

    def _finish(self) -> None:
        """All has been said. What the client still sends is thrown away, so that it can read the answer."""
        self._written = True
        self.deadline = self._house.now + LINGER_SECONDS
        if self._transport is None:
            return
        if self._ended:
            self._transport.close()
        else:
            self._transport.write_eof()
            self._pause(False)

    def _await_next(self) -> None:
        if len(self._turns) < TURNS_MOST and not self._full:
            self._pause(False)

    def _pause(self, pause: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if pause and self._transport.is_reading():
            self._transport.pause_reading()
        elif not pause and not self._transport.is_reading():
            self._transport.resume_reading()

    def _stop(self, problem: Problem) -> None:
        self._problem = problem
        raise _TooMuch

    def _refuse(self, problem: Problem) -> None:
        """Answer what cannot be read, and close."""
        self._closing, self._busy = True, False
        answer = self._problem_of(problem)
        self._house.edge.told("(none)", answer.status, answer.code, 0.0)
        turn = Turn()
        self._turns.append(turn)
        self._say(turn, {}, answer)

    def _problem_of(self, problem: Problem) -> Answer:
        answer = core.refused(problem, ids.new("req"), public_url=self._house.edge.public_url)
        answer.headers.extend([("Content-Length", str(len(answer.body))), ("Cache-Control", "no-store")])
        return answer

    def _overflow(self) -> None:
        """Answer a body that is too long, and close: whatever else is wrong is told first."""
        self._closing = self._answered = True

        def read() -> bytes:
            raise too_large(LIMIT)

        self._begin(self._environ, read)
        raise _TooMuch

    def _expect(self, what: bytes) -> None:
        if what.lower() != b"100-continue":
            self._stop(invalid("Of what may be expected, only 100-continue is known."))
        if not self._turns and self._transport is not None and self._keep:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _is_passed_by(self) -> bool:
        """Whether the body is that of the call which a proxy asks about: nothing that is read here."""
        path: str = self._environ["PATH_INFO"]
        return path == AUTHORIZE or path.startswith(AUTHORIZE + "/")

    def _read(self) -> bytes:
        return self._body[0] if len(self._body) == 1 else b"".join(self._body)


class _TooMuch(Exception):
    """Parsing ends here."""


_HEAD_TOO_LARGE: Final = Problem(
    "HEAD_TOO_LARGE", f"A request may have {HEADERS_MOST} headers and {HEAD_BYTES} bytes of them."
)


def _plain(media_type: str, body: bytes) -> Answer:
    return Answer(200, "OK", [("Content-Type", media_type), ("Content-Length", str(len(body)))], body)


def _path(url: bytes) -> str:
    """The path as WSGI tells it: decoded, as Latin-1, without the query."""
    if url == VERIFY_URL:
        return VERIFY
    if not url.startswith(b"/"):
        try:
            url = urlsplit(url).path or b"/"
        except ValueError:
            return "/"
    path = url.partition(b"?")[0].partition(b"#")[0]
    return (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
