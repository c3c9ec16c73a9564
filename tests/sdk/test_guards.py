"""The guards: the same calls through WSGI, ASGI, Flask and FastAPI, against the real edge."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated
from wsgiref.validate import validator

import fastapi
import flask
import pytest

import upkeep_sdk.asgi
import upkeep_sdk.fastapi
import upkeep_sdk.flask
import upkeep_sdk.wsgi
from tests.edge.door import SERVICE_KEY
from upkeep_sdk import Client, Verdict
from upkeep_sdk.passing import Templates


@dataclass
class Reply:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def through_wsgi(application):
    def ask(path, headers, method="GET"):
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "api",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "203.0.113.9",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": Empty(),
            "wsgi.errors": Empty(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        told = []

        def start_response(status, headers, error=None):
            told.append((status, headers))
            return lambda data: None

        parts = validator(application)(environ, start_response)
        try:
            body = b"".join(parts)
        finally:
            parts.close()
        status, headers = told[-1]
        return Reply(int(status[:3]), dict(headers), body)

    return ask


def through_asgi(application):
    def ask(path, headers, method="GET"):
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("203.0.113.9", 50000),
            "server": ("api", 80),
        }
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        run(application(scope, receive, send))
        start, *parts = sent
        told = {name.decode().title(): value.decode() for name, value in start["headers"]}
        return Reply(start["status"], told, b"".join(part.get("body", b"") for part in parts))

    return ask


def run(coroutine):
    """Run it on a thread of its own: a browser of this process may have left a loop running on this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result()


class Empty:
    def read(self, *_):
        return b""

    readline = read

    def readlines(self, *_):
        return []

    def __iter__(self):
        return iter(())

    def flush(self):
        pass

    def write(self, _):
        pass

    writelines = write


def plain_wsgi(client, **terms):
    def application(environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/broken":
            raise KeyError(path)
        verdict = environ.get("upkeep.verdict")
        start_response("404 Not Found" if path == "/lost" else "200 OK", [("Content-Type", "text/plain")])
        return [(verdict.account_id if verdict else "-").encode()]

    endpoints = ["GET /memories/{number}", "/lost", "/broken"]
    return through_wsgi(
        upkeep_sdk.wsgi.Guard(application, client, endpoints=endpoints, exempt=["/health"], **terms)
    )


def plain_asgi(client, **terms):
    async def application(scope, receive, send):
        path = scope["path"]
        if path == "/broken":
            raise KeyError(path)
        verdict = scope.get("upkeep.verdict")
        await send({"type": "http.response.start", "status": 404 if path == "/lost" else 200, "headers": []})
        await send({"type": "http.response.body", "body": (verdict.account_id if verdict else "-").encode()})

    endpoints = ["GET /memories/{number}", "/lost", "/broken"]
    return through_asgi(
        upkeep_sdk.asgi.Guard(application, client, endpoints=endpoints, exempt=["/health"], **terms)
    )


def with_flask(client, **terms):
    app, guard = flask.Flask("api"), upkeep_sdk.flask.Guard(client)

    @app.get("/memories/<int:number>")
    @guard(**terms)
    def memory(number):
        return flask.g.upkeep.account_id

    @app.get("/lost")
    @guard(**terms)
    def lost():
        flask.abort(404)

    @app.get("/broken")
    @guard(**terms)
    def broken():
        raise KeyError

    @app.get("/health")
    def health():
        return "-"

    app.config["PROPAGATE_EXCEPTIONS"] = True
    return through_wsgi(app)


def with_fastapi(client, **terms):
    app = fastapi.FastAPI()
    guard = upkeep_sdk.fastapi.Guard(app, client)
    Caller = Annotated[Verdict, fastapi.Depends(guard.needs(**terms) if terms else guard)]

    @app.get("/memories/{number}")
    def memory(number: int, caller: Caller) -> fastapi.Response:
        return fastapi.Response(caller.account_id)

    @app.get("/lost")
    def lost(caller: Caller) -> None:
        raise fastapi.HTTPException(404)

    @app.get("/broken")
    async def broken(caller: Caller) -> None:
        raise KeyError

    @app.get("/health")
    def health() -> fastapi.Response:
        return fastapi.Response("-")

    return through_asgi(app)


KINDS = {"wsgi": plain_wsgi, "asgi": plain_asgi, "flask": with_flask, "fastapi": with_fastapi}
every_kind = pytest.mark.parametrize("kind", KINDS)


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@every_kind
def test_a_good_key_passes_and_the_caller_learns_what_is_left(client, book, edge, kind):
    ask, key = KINDS[kind](client), book.mint()
    for headers in (bearer(key), {"X-API-Key": key}):
        reply = ask("/memories/7", headers)
        assert (reply.status, reply.body) == (200, b"acc_alice")
    left = {name.lower(): value for name, value in reply.headers.items()}
    assert '"rate";r=' in left["ratelimit"] and '"month";r=998' in left["ratelimit"]
    assert '"rate";q=1000;w=1' in left["ratelimit-policy"] and left["x-ratelimit-remaining"] == "998"
    assert {asked.endpoint for asked in edge.asked} == {"GET /memories/{number}"}
    assert {asked.ip for asked in edge.asked} == {"203.0.113.9"}


@every_kind
def test_without_a_good_key_nobody_passes(client, book, edge, kind):
    ask = KINDS[kind](client)
    for headers in ({}, bearer("upk_live_x"), {"Authorization": "Basic YQ=="}):
        reply = ask("/memories/7", headers)
        assert (reply.status, reply.json["code"]) == (401, "NOT_FOUND")
        told = {name.lower(): value for name, value in reply.headers.items()}
        assert told["www-authenticate"].startswith("Bearer")
        assert told["content-type"] == "application/problem+json"
    assert ask("/health", {}).body == b"-"
    two = ask("/memories/7", bearer(book.mint()) | {"X-API-Key": book.mint()})
    assert (two.status, two.json["code"]) == (400, "INVALID_REQUEST")


@every_kind
def test_a_scope_that_is_missing_is_403(client, book, kind):
    ask = KINDS[kind](client, scopes=["memories:read"])
    assert ask("/memories/7", bearer(book.mint(scopes=("memories:read",)))).status == 200
    reply = ask("/memories/7", bearer(book.mint()))
    assert (reply.status, reply.json["code"]) == (403, "INSUFFICIENT_SCOPE")


@every_kind
def test_too_fast_and_used_up_are_both_429_and_can_be_told_apart(client, book, kind):
    ask = KINDS[kind](client)
    slow = book.mint(rate=1, burst=1)
    ask("/memories/7", bearer(slow))
    fast = ask("/memories/7", bearer(slow))
    book.allow(calls=0)
    spent = ask("/memories/7", bearer(book.mint()))
    assert (fast.status, spent.status) == (429, 429)
    assert (fast.json["code"], spent.json["code"]) == ("RATE_LIMITED", "QUOTA_EXCEEDED")
    assert (fast.json["retryable"], spent.json["retryable"]) == (True, False)
    assert fast.json["type"] != spent.json["type"] and "resets_at" in spent.json
    told = [
        {name.lower(): value for name, value in reply.headers.items()}["retry-after"]
        for reply in (fast, spent)
    ]
    assert told[0] == "1" and int(told[1]) > 86_400


@every_kind
def test_while_upkeep_is_away_calls_are_503(kind):
    with Client("http://127.0.0.1:1", SERVICE_KEY) as alone:
        reply = KINDS[kind](alone)("/memories/7", bearer("upk_live_x"))
    assert (reply.status, reply.json["code"]) == (503, "UNAVAILABLE")


@every_kind
def test_only_what_succeeded_is_counted_when_that_is_wished(client, book, edge, kind):
    ask, key = KINDS[kind](client, count="successes", cost=3), book.mint()
    assert ask("/memories/7", bearer(key)).status == 200
    assert edge.used(key) == 3
    assert ask("/lost", bearer(key)).status == 404
    with pytest.raises(KeyError):
        ask("/broken", bearer(key))
    assert edge.used(key) == 3


@every_kind
def test_every_call_is_counted_otherwise(client, book, edge, kind):
    ask, key = KINDS[kind](client), book.mint()
    assert [ask(path, bearer(key)).status for path in ("/memories/7", "/lost")] == [200, 404]
    assert edge.used(key) == 2


def test_a_misspelt_term_is_refused_at_once(client):
    with pytest.raises(ValueError, match="successes"):
        upkeep_sdk.flask.Guard(client)(count="success")


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_what_fits_no_template_is_counted_as_other(client, book, edge, kind):
    KINDS[kind](client)("/elsewhere/9", bearer(book.mint()))
    assert edge.asked[0].endpoint == "(other)"


@pytest.mark.parametrize(
    ("call", "template"),
    [
        ("GET /memories/7", "GET /memories/{id}"),
        ("GET /memories/7/tags", "GET /memories/{id}/tags"),
        ("POST /memories/7", "(other)"),
        ("DELETE /files/a/b/c", "DELETE /files/{rest:path}"),
        ("GET /a.b", "GET /a.b"),
        ("GET /axb", "(other)"),
    ],
)
def test_templates(call, template):
    known = Templates(["GET /memories/{id}", "GET /memories/{id}/tags", "/files/{rest:path}", "/a.b"])
    assert known.find(*call.split(" ", 1)) == template


def test_a_websocket_without_a_key_is_not_opened(client):
    sent = []

    async def application(scope, receive, send):
        raise AssertionError

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/live", "headers": []}
    run(upkeep_sdk.asgi.Guard(application, client)(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "NOT_FOUND"}]
