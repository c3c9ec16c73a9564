"""Each shipped proxy before an API, with the real edge behind it, as a real client meets it."""

import http.client
import json
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from portal.kit import tokens
from tests.edge.door import SERVICE_KEY
from tests.edge.served import Edge, Served
from tests.proxies.programs import ALL, standing

CLAIMS = {
    "X-Upkeep-Account": "acc_of_another",
    "X-Upkeep-Plan": "api-enterprise",
    "X-Upkeep-External-Id": "another",
    "X-Upkeep-Cost": "0",
    "X-Upkeep-Scopes": "admin",
    "X-Upkeep-Endpoint": "GET /elsewhere",
    "X-Upkeep-Service-Key": "upk_svc_x",
    "X-Forwarded-For": "203.0.113.9",
    "Forwarded": "for=203.0.113.9",
}
UNLIKE = {"traefik"}  # tells callers what is left only when it refuses


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Api:
    """Your API: remembers each call, and answers with the headers that it saw."""

    def __init__(self):
        self.seen = []

    def __call__(self, environ, start_response):
        told = {name[5:].lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
        body = environ["wsgi.input"].read().decode()
        path = environ["PATH_INFO"]
        self.seen.append(SimpleNamespace(path=path, told=told, body=body, method=environ["REQUEST_METHOD"]))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"the answer"]


class Standing:
    """A running proxy: `.call(path, key, ...)` through it, `.gate` and `.api` behind it."""

    def __init__(self, name, gate, api, port):
        self.name, self.gate, self.api, self._port = name, gate, api, port

    def call(self, path="/memories/7", key=None, headers=(), method="GET", body=None):
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        shown = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            line.request(method, path, body, shown | dict(headers))
            answer = line.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            line.close()


@pytest.fixture(scope="module", params=ALL)
def running(request, tmp_path_factory):
    with Served(None) as gate, Served(None) as api:
        process, port = standing(
            request.param,
            tmp_path_factory.mktemp(request.param),
            gate=gate.server_port,
            api=api.server_port,
            service_key=SERVICE_KEY,
        )
        process.start()
        yield Standing(request.param, gate, api, port)
        process.stop()


@pytest.fixture
def edge(redis):
    return Edge(redis)


@pytest.fixture
def proxy(running, edge):
    running.gate.app, running.api.app = edge.app, Api()
    return running


@pytest.fixture
def seen(proxy):
    return proxy.api.app.seen


@pytest.fixture
def key(edge):
    return edge.book.mint()


def test_a_call_that_may_pass_reaches_the_api_with_who_it_is(proxy, edge, seen, key):
    for shown in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        reply = proxy.call("/memories/7?x=1", headers=shown)
        assert (reply.status, reply.body) == (200, b"the answer")
    (one, _) = seen
    assert one.path == "/memories/7" and one.told["x_upkeep_account"] == "acc_alice"
    assert (one.told["x_upkeep_key"], one.told["x_upkeep_plan"]) == ("key_0", "api-free")
    assert one.told["x_upkeep_environment"] == "live"
    assert {(asked.endpoint, asked.cost) for asked in edge.asked} == {("GET /memories/{id}", 1)}
    left = one.told["ratelimit"] if proxy.name in UNLIKE else reply.headers["RateLimit"]
    assert '"rate";r=' in left and '"month";r=99' in left


def test_what_a_caller_claims_is_nobodys_word(proxy, edge, seen, key):
    assert proxy.call(key=key, headers=CLAIMS).status == 200
    (asked,) = edge.asked
    assert (asked.endpoint, asked.cost, asked.scopes) == ("GET /memories/{id}", 1, ())
    assert asked.ip == "127.0.0.1"
    (one,) = seen
    assert one.told["x_upkeep_account"] == "acc_alice" and one.told["x_upkeep_plan"] == "api-free"
    assert SERVICE_KEY not in json.dumps(one.told)
    inside = ("service_key", "cost", "scopes", "endpoint", "external_id")
    assert {name: one.told.get(f"x_upkeep_{name}") or None for name in inside} == dict.fromkeys(inside)


def test_calls_are_counted_by_endpoint_and_at_its_price(proxy, edge, seen, key):
    body = json.dumps({"text": "x" * 5000})
    assert proxy.call("/memories", key, method="POST", body=body).status == 200
    assert proxy.call("/elsewhere/9", key).status == 200
    assert [(asked.endpoint, asked.cost) for asked in edge.asked] == [("POST /memories", 5), ("(other)", 1)]
    assert (seen[0].method, seen[0].body) == ("POST", body)


def test_without_a_good_key_it_is_401(proxy, seen):
    stranger = tokens.mint("upk", "live", "Nobody00")
    for shown in (None, "upk_live_x", stranger):
        reply = proxy.call(key=shown)
        assert (reply.status, reply.headers["X-Upkeep-Code"]) == (401, "NOT_FOUND")
        assert reply.headers["WWW-Authenticate"].startswith("Bearer") and reply.json["code"] == "NOT_FOUND"
    assert seen == []


def test_without_the_scope_it_is_403(proxy, edge, seen, key):
    reply = proxy.call("/admin/reports", key)
    assert (reply.status, reply.headers["X-Upkeep-Code"]) == (403, "INSUFFICIENT_SCOPE")
    assert reply.json["code"] == "INSUFFICIENT_SCOPE" and seen == []
    assert proxy.call("/admin/reports", edge.book.mint(scopes=("admin",))).status == 200


def test_too_fast_is_429_and_says_when(proxy, edge, seen):
    slow = edge.book.mint(rate=1, burst=1)
    proxy.call(key=slow)
    reply = proxy.call(key=slow)
    assert (reply.status, reply.headers["Retry-After"]) == (429, "1")
    assert reply.headers["X-Upkeep-Code"] == reply.json["code"] == "RATE_LIMITED"
    assert '"rate";r=0' in reply.headers["RateLimit"] and len(seen) == 1


def test_used_up_is_429_and_says_that_it_is_something_else(proxy, edge, seen):
    edge.book.allow(calls=1)
    key = edge.book.mint()
    proxy.call(key=key)
    reply = proxy.call(key=key)
    assert reply.status == 429 and int(reply.headers["Retry-After"]) > 86_400
    assert reply.headers["X-Upkeep-Code"] == reply.json["code"] == "QUOTA_EXCEEDED"
    assert len(seen) == 1


def broken(environ, start_response):
    raise ConnectionError


def unavailable(environ, start_response):
    start_response("503 Service Unavailable", [("Retry-After", "1")])
    return [b'{"code": "UNAVAILABLE"}']


def generous(environ, start_response):
    start_response("302 Found", [("Location", "/elsewhere")])
    return [b""]


@pytest.mark.parametrize("away", [broken, unavailable])
def test_while_upkeep_is_away_nobody_passes(proxy, seen, key, away):
    proxy.gate.app = away
    assert proxy.call(key=key).status >= 500 and seen == []


def test_an_answer_that_nobody_expects_lets_nobody_pass(proxy, seen, key):
    proxy.gate.app = generous
    proxy.call(key=key)
    assert seen == []
