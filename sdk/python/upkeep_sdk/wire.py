"""The wire: questions go to Upkeep over connections that stay open, and none is asked twice.

The standard library's HTTP is enough: it has no dependencies, and where it was measured a question
took 120 microseconds of the processor, and 430 with httpx.
"""

import json
import os
import select
import socket
import ssl
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

KEPT = 64
LONGEST_ANSWER = 1_000_000


class NotSent(Exception):
    """The question did not leave this machine, so nothing was counted."""


class NoAnswer(Exception):
    """The question was sent and not answered: whether it was counted, nobody can know."""


@dataclass(frozen=True)
class Answer:
    """A status, and what the body says when it is a JSON object."""

    status: int
    said: Mapping[str, Any]


class Wire:
    """Connections to one Upkeep. Thread-safe, and safe to fork; each thread that asks has one of its own."""

    def __init__(
        self,
        url: str,
        service_key: str,
        *,
        connect_seconds: float,
        answer_seconds: float,
        context: ssl.SSLContext | None,
    ) -> None:
        place = urlsplit(url)
        if place.scheme not in ("http", "https") or not place.hostname or place.query or place.fragment:
            raise ValueError(f"The address of Upkeep must be http(s)://host[:port], not {url!r}.")
        if not service_key.isascii() or not service_key.isprintable() or " " in service_key:
            raise ValueError("The service key must be printable and without spaces.")
        self._secure, self._host, self._port = place.scheme == "https", place.hostname, place.port
        self._context = context or (ssl.create_default_context() if self._secure else None)
        self._base = place.path.rstrip("/")
        self._connect_seconds, self._answer_seconds = connect_seconds, answer_seconds
        self._head = f"Host: {place.netloc.rpartition('@')[2]}\r\nAuthorization: Bearer {service_key}\r\n"
        self._idle: deque[HTTPConnection] = deque(maxlen=KEPT)
        _WIRES.add(self)

    def post(self, path: str, said: object, media_type: str = "application/json") -> Answer:
        """The answer to one question. Raises NotSent or NoAnswer; a status is never an error here."""
        body = json.dumps(said, separators=(",", ":")).encode()
        head = (
            f"POST {self._base}{path} HTTP/1.1\r\n{self._head}"
            f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        line = self._sent(head.encode("ascii") + body)
        try:
            answer, keep = _received(line)
        except (OSError, HTTPException, ValueError) as problem:
            line.close()
            raise NoAnswer(f"{type(problem).__name__}: {problem}") from problem
        if keep:
            self._idle.append(line)
        else:
            line.close()
        return answer

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def _sent(self, data: bytes) -> HTTPConnection:
        """A connection over which the whole question has gone out."""
        while (line := self._kept()) is not None:
            try:
                line.sock.sendall(data)
            except ConnectionError:  # closed from the other side: refused whole, so it may be sent again
                line.close()
            except OSError as problem:
                line.close()
                raise NoAnswer(str(problem)) from problem
            else:
                return line
        line = self._fresh()
        try:
            line.sock.sendall(data)
        except OSError as problem:
            line.close()
            raise NoAnswer(str(problem)) from problem
        return line

    def _kept(self) -> HTTPConnection | None:
        """An idle connection that is still open, the last used first."""
        while True:
            try:
                line = self._idle.pop()
            except IndexError:
                return None
            # Idle lines have nothing to say: what can be read now is the other side's farewell.
            if not _readable(line.sock):
                return line
            line.close()

    def _fresh(self) -> HTTPConnection:
        line: HTTPConnection
        if self._secure:
            line = HTTPSConnection(
                self._host, self._port, timeout=self._connect_seconds, context=self._context
            )
        else:
            line = HTTPConnection(self._host, self._port, timeout=self._connect_seconds)
        try:
            line.connect()
        except (OSError, ValueError) as problem:
            line.close()
            raise NotSent(str(problem)) from problem
        line.sock.settimeout(self._answer_seconds)
        return line


def _received(line: HTTPConnection) -> tuple[Answer, bool]:
    """The answer, and whether the connection can be used again."""
    with HTTPResponse(line.sock, method="POST") as response:
        response.begin()
        body = response.read(LONGEST_ANSWER)
        keep = not response.will_close and response.isclosed()
        status = response.status
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    return Answer(status, said if isinstance(said, dict) else {}), keep


def _readable(sock: socket.socket) -> bool:
    if hasattr(select, "poll"):
        asked = select.poll()
        asked.register(sock, select.POLLIN | select.POLLERR | select.POLLHUP)
        return bool(asked.poll(0))
    return bool(select.select([sock], [], [], 0)[0])


def _forget() -> None:
    """A forked child must not talk over its parent's connections."""
    for wire in _WIRES:
        wire.close()


_WIRES: weakref.WeakSet[Wire] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
