"""Caddy, as shipped, in front of gunicorn: TLS, the client's true address, and nobody's false headers.

Clients reach it with the PROXY protocol, so that a test can come from an address that is not this
machine's; and Caddy's own authority signs, because no other can be asked here.
"""

import json
import re
import socket
import ssl
import subprocess
import sys
import threading
from http.client import HTTPResponse
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from deploy.local.ports import free_port
from deploy.local.process import Process, Service, wait_until
from deploy.local.services import ROOT, answers
from portal import accounts, keys
from portal.kit import clock, db
from tests.deploy.parts import DEPLOY, environ, tool
from tests.plans.people import OPERATOR, account_of, publish

STRANGER = "203.0.113.9"
SECRET_LINKS = re.compile(r"^(/.*)/<(?:string:)?token>$")


class Caddy(Process):
    """The shipped Caddyfile on ports of this test's own; `.get` asks over TLS from an address."""

    def __init__(self, folder, upstream):
        self.port, self.log = free_port(), folder / "caddy.log"
        self._folder = folder
        configuration = folder / "caddy.json"
        configuration.write_text(json.dumps(self._configuration(upstream)))
        home = str(folder)
        super().__init__(
            Service(
                name="caddy",
                command=[tool("caddy"), "run", "--config", str(configuration)],
                log=self.log,
                ready=self._answers,
                environment=environ(HOME=home, XDG_DATA_HOME=home, XDG_CONFIG_HOME=home),
                folder=folder,
            )
        )

    def _configuration(self, upstream):
        adapted = subprocess.run(
            [tool("caddy"), "adapt", "--config", DEPLOY / "Caddyfile"],
            env=environ(
                PUBLIC_URL=f"https://localhost:{self.port}",
                WEB=f"127.0.0.1:{upstream}",
                GATE=f"127.0.0.1:{upstream}",
            ),
            capture_output=True,
            check=True,
        )
        said = json.loads(adapted.stdout)
        http = said["apps"]["http"]
        self.plain_port = free_port()
        http |= {"http_port": self.plain_port, "https_port": self.port}
        (server,) = http["servers"].values()
        server["listen"] = [f"127.0.0.1:{self.port}"]
        server["protocols"] = ["h1", "h2"]
        server["listener_wrappers"] = [
            {"wrapper": "proxy_protocol", "allow": ["127.0.0.0/8"]},
            {"wrapper": "http_redirect"},
            {"wrapper": "tls"},
        ]
        said["admin"] = {"disabled": True}
        said["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
        said["apps"]["tls"] = {"automation": {"policies": [{"issuers": [{"module": "internal"}]}]}}
        return said

    def _answers(self):
        try:
            return self.get("/healthz").status == 200
        except (OSError, ssl.SSLError):
            return False

    def get(self, path, headers=(), *, method="GET", body=b"", client=STRANGER):
        """The answer to a request from `client`, its body in `.content`."""
        trusted = ssl.create_default_context(cafile=self._folder / "caddy/pki/authorities/local/root.crt")
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain:
            plain.sendall(f"PROXY TCP4 {client} 127.0.0.1 50000 {self.port}\r\n".encode())
            with trusted.wrap_socket(plain, server_hostname="localhost") as line:
                lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{self.port}", "Connection: close"]
                lines += [f"{name}: {value}" for name, value in headers]
                lines += [f"Content-Length: {len(body)}"] if body else []
                line.sendall("\r\n".join([*lines, "", ""]).encode() + body)
                answer = HTTPResponse(line, method=method)
                answer.begin()
                answer.content = answer.read()
                return answer


class Echo:
    """Stands where the web stands, and keeps what it was sent."""

    def __init__(self):
        self.seen = {}
        self.port = free_port()
        self._server = make_server("127.0.0.1", self.port, self._answer, handler_class=Silent)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, environ, start_response):
        self.seen = {
            key[5:].replace("_", "-").title(): value for key, value in environ.items() if key[:5] == "HTTP_"
        }
        start_response("200 OK", [("Content-Type", "text/plain"), ("Location", "/reset/a-secret")])
        return [b"word " * 500]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Silent(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def echo():
    standing = Echo()
    yield standing
    standing.close()


@pytest.fixture(scope="module")
def before_echo(echo, tmp_path_factory):
    caddy = Caddy(tmp_path_factory.mktemp("caddy"), echo.port)
    caddy.start()
    yield caddy
    caddy.stop()


@pytest.fixture(scope="module")
def before_portal(settings, tmp_path_factory):
    """Caddy before the real web, which trusts this machine's own addresses as proxies."""
    folder, port = tmp_path_factory.mktemp("portal"), free_port()
    caddy = Caddy(folder, port)
    web = Process(
        Service(
            name="web",
            command=[sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"],
            log=folder / "web.log",
            ready=lambda: answers(f"http://127.0.0.1:{port}/readyz"),
            environment=environ(
                HOST="127.0.0.1",
                PORT=str(port),
                VAR=str(folder),
                PUBLIC_URL=f"https://localhost:{caddy.port}",
                DATABASE_URL=settings.database_url,
                REDIS_URL=settings.redis_url,
                SECRET_KEY=settings.secret_key,
                KEY_PEPPERS="p1:" + settings.key_peppers[0].secret.hex(),
                METRICS="public",
            ),
            folder=ROOT,
        )
    )
    web.start()
    caddy.start()
    yield caddy
    caddy.stop()
    web.stop()


@pytest.fixture
def minted(database, redis, settings):
    """A key that may be used from one address alone, and a service key, as tokens."""
    now, stamp = clock.now(), keys.Stamp(settings.key_prefix, settings.key_peppers[0])
    with database() as session, db.unit(session):
        publish(session, now)
        account = account_of(session, "Alice", now)
        key = keys.mint(
            session, account, "Office", stamp=stamp, actor=OPERATOR, allowed_cidrs=[STRANGER], now=now
        )
        service = keys.mint_service(session, "api", stamp=stamp, actor=accounts.Actor(None, "root"), now=now)
    return key.token, service.token


def test_the_file_is_valid_and_written_as_caddy_would():
    for command in ("validate", "fmt"):
        arguments = ["--config"] if command == "validate" else []
        done = subprocess.run(
            [tool("caddy"), command, *arguments, DEPLOY / "Caddyfile"],
            env=environ(PUBLIC_URL="https://portal.example.org"),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout == (DEPLOY / "Caddyfile").read_text()


def test_the_portal_is_told_the_clients_address_and_nothing_that_the_client_claims(echo, before_echo):
    claims = [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "http"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Request-Id", "chosen-by-a-stranger"),
        ("X-Upkeep-Service-Key", "upk_svc_x"),
        ("X-Upkeep-Account", "acc_x"),
        ("x-upkeep-cost", "0"),
    ]
    before_echo.get("/v1/keys/verify", claims)
    assert echo.seen["X-Forwarded-For"] == STRANGER
    assert echo.seen["X-Forwarded-Proto"] == "https"
    assert re.fullmatch(r"[0-9a-f-]{36}", echo.seen["X-Request-Id"])
    assert not [
        name for name in echo.seen if name.startswith("X-Upkeep") or name in ("Forwarded", "X-Real-Ip")
    ]


def test_a_proxy_that_stands_elsewhere_can_still_ask(echo, before_echo):
    before_echo.get("/v1/authorize", [("X-Upkeep-Service-Key", "upk_svc_x"), ("X-Upkeep-Cost", "2")])
    assert (echo.seen["X-Upkeep-Service-Key"], echo.seen["X-Upkeep-Cost"]) == ("upk_svc_x", "2")


def test_only_what_never_changes_is_compressed(before_echo):
    accept = [("Accept-Encoding", "gzip")]
    assert before_echo.get("/static/words.css", accept).headers["Content-Encoding"] == "gzip"
    assert before_echo.get("/dashboard", accept).headers["Content-Encoding"] is None


def test_the_log_keeps_no_secret(before_echo, web_app):
    links = [
        found[1].replace("<", "").replace(">", "")
        for rule in web_app.url_map.iter_rules()
        if (found := SECRET_LINKS.match(rule.rule))
    ]
    assert {"/signin", "/reset", "/verify", "/invitations"} <= set(links)
    secret = "s3cr3t-s3cr3t"
    headers = [
        (name, secret) for name in ("Authorization", "Cookie", "Referer", "X-API-Key", "X-Upkeep-Service-Key")
    ]
    for link in links:
        assert before_echo.get(f"{link}/{secret}?again={link}", headers).status == 200
    before_echo.get("/v1/authorize", headers)
    assert wait_until(lambda: before_echo.log.read_text().count('"logger":"http.log.access') > len(links), 10)
    said = before_echo.log.read_text()
    assert secret not in said and "a-secret" not in said
    assert '"uri":"/reset/...' in said


def test_http_is_led_to_https(before_echo):
    with socket.create_connection(("127.0.0.1", before_echo.port), timeout=10) as plain:
        plain.sendall(b"GET /keys HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = HTTPResponse(plain)
        answer.begin()
    assert answer.status == 308 and answer.headers["Location"].startswith("https://localhost")


def test_the_portal_stands_behind_it(before_portal):
    page = before_portal.get("/signup")
    assert page.status == 200 and b"<h1" in page.content
    assert page.headers["Strict-Transport-Security"]
    assert "__Host-" in page.headers["Set-Cookie"] and "Secure" in page.headers["Set-Cookie"]


def test_metrics_stay_inside_even_when_they_are_public_inside(before_portal):
    assert before_portal.get("/metrics").status == 404
    assert before_portal.get("/metrics", client="127.0.0.1").status == 404


def test_a_key_is_checked_against_the_address_that_really_asks(before_portal, minted):
    key, service = minted

    def ask(client):
        shown = [("Authorization", f"Bearer {key}"), ("X-Upkeep-Service-Key", service)]
        answer = before_portal.get("/v1/authorize", [*shown, ("X-Forwarded-For", STRANGER)], client=client)
        return answer.status, answer.headers["X-Upkeep-Code"]

    assert wait_until(lambda: ask(STRANGER)[0] == 204, 10), "the service key is known within seconds"
    assert ask("198.51.100.7") == (403, "IP_DENIED")


def test_a_stranger_is_not_taken_for_somebody_inside(before_portal, minted):
    shown = [("Authorization", f"Bearer {minted[0]}")]
    answer = before_portal.get("/v1/authorize", [*shown, ("X-Forwarded-For", "127.0.0.1")])
    assert answer.status == 401 and b"X-Upkeep-Service-Key" in answer.content
