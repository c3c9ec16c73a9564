"""The gate server's HTTP with a gate that answers what it is told, spoken to in bytes, without a socket."""

import json
import re
from dataclasses import dataclass, field

from portal.edge.exchange import Edge as EdgeParts
from portal.edge.exchange import Leasing, lease
from portal.edge.server.house import House
from portal.edge.server.http import Connection
from portal.gate import Question


@dataclass
class Reply:
    status: int
    headers: dict
    body: bytes
    all_headers: list = field(default_factory=list)

    @property
    def json(self):
        return json.loads(self.body)


class Wire:
    """The client's end of a connection: what it sends is heard at once, what it is told is kept."""

    def __init__(self, house, peer="127.0.0.1"):
        self.told, self.closed, self.ended, self.reading = b"", False, False, True
        self._peer = peer
        self.connection = Connection(house)
        self.connection.connection_made(self)

    def send(self, *pieces):
        for piece in pieces:
            if not self.closed:
                self.connection.data_received(piece)
        return self

    def replies(self, *methods):
        """All that was told, as replies; `methods` are those of the requests, where they matter."""
        return list(read_replies(self.told, methods))

    def hang_up(self):
        if not self.connection.eof_received():
            self.close()

    # What the server asks of a transport.

    def get_extra_info(self, name):
        assert name == "peername"
        return (self._peer, 50_000) if self._peer else self._peer

    def write(self, data):
        assert not self.ended and not self.closed, "written after the end"
        self.told += data

    def write_eof(self):
        self.ended = True

    def close(self):
        if not self.closed:
            self.closed = True
            self.connection.connection_lost(None)

    abort = close

    def is_closing(self):
        return self.closed

    def is_reading(self):
        return self.reading

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True


class Answering:
    """Has a gate that never waits answer at once; or keeps the questions, to be answered in any order."""

    def __init__(self, gate, *, hold=False):
        self.gate, self.hold, self.held = gate, hold, []

    def ask(self, exchange, done):
        if self.hold:
            self.held.append((exchange, done))
        else:
            self.answer(exchange, done)

    def answer(self, exchange, done):
        asks = exchange.asks
        try:
            if isinstance(asks, Question):
                exchange.hear(self.gate.verify(asks))
            elif isinstance(asks, Leasing):
                exchange.hear(lease(self.gate, asks))
            elif asks.cost is None:
                exchange.hear(self.gate.release(asks.reservation_id))
            else:
                exchange.hear(self.gate.confirm(asks.reservation_id, asks.cost))
        except Exception as error:
            exchange.fail(error)
        done()


class Loop:
    """The loop's clock, moved by hand."""

    def __init__(self):
        self.seconds = 1_000.0

    def time(self):
        return self.seconds


class Server:
    """The gate server under test, with the same way of asking as the WSGI edge."""

    def __init__(self, gate, services, *, hold=False, most=1000, **edge):
        self.gate, self.told = gate, []
        self.loop = Loop()
        self.answering = Answering(gate, hold=hold)
        parts = EdgeParts(services, told=lambda *answer: self.told.append(answer), **edge)
        self.house = House(parts, self.answering, self.loop, most)

    def wire(self, peer="127.0.0.1"):
        return Wire(self.house, peer)

    def request(self, path, method, body, headers):
        lines = [f"{method} {path} HTTP/1.1", "Host: upkeep", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def send(self, path, method, body, headers, peer):
        wire = self.wire(peer).send(self.request(path, method, body, headers))
        (reply,) = wire.replies(method)
        return reply

    def pass_time(self, seconds):
        self.loop.seconds += seconds
        self.house.tick()


def read_replies(told, methods=()):
    """Replies as a strict client reads them from bytes."""
    methods = list(methods)
    while told:
        head, mark, told = told.partition(b"\r\n\r\n")
        assert mark, head
        status, *lines = head.decode("latin-1").split("\r\n")
        number = int(re.fullmatch(r"HTTP/1\.1 (\d{3}) [A-Za-z' -]+", status)[1])
        pairs = [tuple(line.split(": ", 1)) for line in lines]
        if number == 100:
            continue
        headers = dict(pairs)
        method = methods.pop(0) if methods else None
        length = 0 if number == 204 or method == "HEAD" else int(headers["Content-Length"])
        assert len(told) >= length
        yield Reply(number, headers, told[:length], pairs)
        told = told[length:]
