"""The real edge on a real port: what SDKs and proxies are tried against."""

import contextlib
import io
import socket
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from portal.gate import Allowance
from tests.edge.door import make_edge
from tests.gate import book as paper


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open, which servers for development do not allow
    wbufsize = -1  # head and body leave together

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        told = []
        parts = self.server.app(environ, lambda *answer: told.append(answer))
        body = b"".join(parts)
        if hasattr(parts, "close"):
            parts.close()
        ((status, headers, *_),) = told
        self.send_response_only(int(status[:3]), status[4:])
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            self.send_header(name, value)
        if "content-length" not in names and not status.startswith("204"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Served(ThreadingHTTPServer):
    """A WSGI application on a port of this machine, from the start of the context to its end."""

    daemon_threads = True
    request_queue_size = 64  # more at once than five would wait a second, as long as the SDK waits

    def __init__(self, app, port=0):
        self._lines, self.app = [], app
        super().__init__(("127.0.0.1", port), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def get_request(self):
        line, address = super().get_request()
        self._lines.append(line)
        return line, address

    @property
    def connections(self):
        """How many were ever opened."""
        return len(self._lines)

    def handle_error(self, *_):
        pass  # a test that breaks a connection means it

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
        self.drop()

    def drop(self):
        """Close every connection that is open now."""
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class Recorded:
    """A gate that remembers what it was asked."""

    def __init__(self, gate):
        self._gate, self.asked = gate, []
        self.confirm, self.release = gate.confirm, gate.release
        self.lease, self.report = gate.lease, gate.report

    def verify(self, question):
        self.asked.append(question)
        return self._gate.verify(question)


class Edge:
    """The edge before one account on paper: `.book` mints keys, `.asked` is what the gate was asked."""

    def __init__(self, redis):
        self.book = paper.PaperBook()
        self.book.allow(calls=Allowance(1000, 1000))
        self._paper = paper.gate(redis, self.book)
        self._gate = Recorded(self._paper)
        self.app = make_edge(gate=self._gate, now=lambda: datetime.now(UTC)).app

    @property
    def asked(self):
        return self._gate.asked

    def push(self):
        """Tell Redis what the book says now, as a change does right after its commit."""
        self._paper.push(self.book.tag)

    def used(self, key):
        """How many units the key's account has used, what is lent or reserved included."""
        self._gate.asked, asked = [], self._gate.asked
        used = self._gate.verify(paper.Question(key, cost=0)).quota.used
        self._gate.asked = asked
        return used
