"""An edge with a gate that answers what it is told, and a caller that speaks WSGI."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from urllib.parse import quote
from wsgiref.validate import validator

from portal.edge.services import Services
from portal.edge.wsgi import application
from portal.gate import QuotaState, RateState, Settlement, Verdict
from portal.kit import tokens
from portal.kit.tokens import Pepper
from tests.edge.server import Reply, Server

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RESETS_AT = datetime(2026, 12, 1, tzinfo=UTC)
PEPPER = Pepper("p1", b"0123456789abcdef")
SERVICE_KEY = tokens.mint_service("upk")
KEY = tokens.mint("upk", "live", "ABCDEFGH")
OUTSIDE = "203.0.113.9"
SPOKEN = {"by": "wsgi"}

VALID = Verdict(
    valid=True,
    code="VALID",
    key_id="key_1",
    account_id="acc_1",
    environment="live",
    external_id=None,
    plan="api-pro",
    plan_version=1,
    features=("export",),
    scopes=("read",),
    ratelimit=RateState(limit=50, burst=100, remaining=99, reset_ms=20),
    quota=QuotaState(100_000, 100_000, 1, 99_999, 0, RESETS_AT),
    meter="calls",
)


class FakeGate:
    """Answers `verdict`, or raises it; remembers what it was asked."""

    def __init__(self, verdict=VALID):
        self.verdict, self.asked, self.ended, self.leased, self.reported = verdict, [], [], [], []

    def verify(self, question):
        self.asked.append(question)
        return self._say(self.verdict)

    def confirm(self, reservation_id, cost):
        self.ended.append((reservation_id, cost))
        return self._say(Settlement(reservation_id, "CONFIRMED", cost, 10))

    def release(self, reservation_id):
        self.ended.append((reservation_id, None))
        return self._say(Settlement(reservation_id, "RELEASED", 0, 10))

    def lease(self, question, units):
        self.leased.append((question, units))
        return self._say(self.verdict)

    def report(self, uses):
        self.reported += uses
        return self._say([use.used or None for use in uses])

    def _say(self, answer):
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return answer


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.seconds = 1_000.0

    def __call__(self):
        return self.seconds


@dataclass
class Edge:
    """The edge under test: `ask` sends one request and gives the reply."""

    gate: FakeGate
    app: object
    told: list
    server: object = None

    def ask(self, path, method="POST", body=b"", headers=None, peer="127.0.0.1", **environ):
        if isinstance(body, dict | list):
            body = json.dumps(body).encode()
        if self.server is not None and not environ:
            reply = self.server.send(quote(path, encoding="latin-1"), method, body, headers or {}, peer)
            reply.headers.pop("Date"), reply.headers.pop("Connection", None)
            return reply
        made = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "upkeep",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": peer,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        for name, value in (headers or {}).items():
            made["HTTP_" + name.upper().replace("-", "_")] = value
        made |= environ
        return call(self.app, {name: value for name, value in made.items() if value is not None})

    def verify(self, body, **kw):
        kw.setdefault("headers", {"Authorization": f"Bearer {SERVICE_KEY}"})
        return self.ask("/v1/keys/verify", body=body, **kw)

    def authorize(self, key=KEY, headers=None, method="GET", **kw):
        shown = {"Authorization": f"Bearer {key}"} if key else {}
        return self.ask("/v1/authorize", method=method, headers=shown | (headers or {}), **kw)


def call(app, environ, checked=True):
    """One request through a WSGI callable, under wsgiref's validator unless the request is crooked."""
    seen = []

    def start_response(status, headers, exc_info=None):
        seen.append((status, headers))
        return lambda data: None

    crooked = environ.get("CONTENT_LENGTH") == "" or not checked
    parts = (app if crooked else validator(app))(environ, start_response)
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    ((status, headers),) = seen
    assert len({name for name, _ in headers}) == len(headers), "no header twice"
    for name, value in headers:
        assert name.isascii() and value.isprintable() and value.encode("latin-1")
    return Reply(int(status[:3]), dict(headers), body, headers)


def services(load=None, clock=None):
    known = {tokens.digest(SERVICE_KEY, PEPPER): "svc_1"}
    return Services(load or (lambda: known), (PEPPER,), ("upk",), clock=clock or Clock())


def make_edge(
    verdict=VALID,
    *,
    gate=None,
    observe=False,
    proxies=("127.0.0.0/8", "::1/128"),
    service_keys=None,
    now=lambda: NOW,
):
    """The edge as WSGI; as the gate server speaks it where the test uses the fixture `both`."""
    gate, told = gate or FakeGate(verdict), []
    known = service_keys or services()
    parts = {
        "trusted_proxies": [ip_network(proxy) for proxy in proxies],
        "public_url": "https://portal.example",
        "observe": observe,
        "now": now,
    }
    app = application(gate, known, told=lambda *answer: told.append(answer), **parts)
    if SPOKEN["by"] == "wsgi":
        return Edge(gate, app, told)
    server = Server(gate, known, **parts)
    return Edge(gate, app, server.told, server)
