"""nginx, with the example as shipped, in front of the portal and of an API that its keys guard."""

import http.client
import json
import re
import socket
import ssl
import sys
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.local.ports import free_port
from deploy.local.process import Process, Service, wait_until
from deploy.local.services import ROOT, answers
from portal import keys
from portal.kit import clock, db
from tests.deploy.parts import DEPLOY, environ, tool
from tests.plans.people import OPERATOR, account_of, publish

MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/upkeep.conf;
}}
"""


class Api(BaseHTTPRequestHandler):
    """Your API: says what it was told."""

    def do_GET(self):
        said = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


class Guarded:
    """The running whole: `.ask(host, path, headers)` over TLS."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port

    def ask(self, host, path, headers=()):
        trusted = ssl.create_default_context(cafile=self.folder / "certificate.pem")
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        with trusted.wrap_socket(plain, server_hostname=host) as line:
            asked = "".join(f"{name}: {value}\r\n" for name, value in headers)
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{asked}\r\n".encode())
            answer = http.client.HTTPResponse(line)
            answer.begin()
            answer.content = answer.read()
            return answer

    def call(self, key, *headers):
        return self.ask("api.example.org", "/memories", [("Authorization", f"Bearer {key}"), *headers])


def certificate(folder):
    """A certificate for both names, trusted by the test alone."""
    key, now = ec.generate_private_key(ec.SECP256R1()), clock.now()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    names = [x509.DNSName(f"{host}.example.org") for host in ("portal", "api")]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "certificate.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def configured(folder, *, tls, plain, web, api, gate=None):
    """The shipped file with this test's ports and paths in place of the example's."""
    text = (DEPLOY / "nginx.conf").read_text()
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl"),
        ("listen 80", f"listen 127.0.0.1:{plain}"),
        ("127.0.0.1:8000", f"127.0.0.1:{web}"),
        ("127.0.0.1:8001", f"127.0.0.1:{gate or web}"),
        ("127.0.0.1:9000", f"127.0.0.1:{api}"),
        ("/etc/nginx/upkeep-service-key", f"{folder}/upkeep-service-key"),
        ("/var/log/nginx/upkeep.log", f"{folder}/upkeep.log"),
    ):
        assert old in text
        text = text.replace(old, new)
    text = re.sub(r"/etc/ssl/\w+\.example\.org\.pem", f"{folder}/certificate.pem", text)
    return re.sub(r"/etc/ssl/\w+\.example\.org\.key", f"{folder}/certificate.key", text)


@pytest.fixture
def minted(database, redis, settings):
    """A key and a service key, as tokens."""
    now, stamp = clock.now(), keys.Stamp(settings.key_prefix, settings.key_peppers[0])
    with database() as session, db.unit(session):
        publish(session, now)
        account = account_of(session, "Alice", now)
        key = keys.mint(session, account, "Laptop", stamp=stamp, actor=OPERATOR, now=now)
        service = keys.mint_service(session, "nginx", stamp=stamp, actor=OPERATOR, now=now)
    return key.token, service.token, account


@pytest.fixture
def guarded(minted, settings, tmp_path):
    nginx, folder = tool("nginx"), tmp_path
    web, tls, plain = free_port(), free_port(), free_port()
    api = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Thread(target=api.serve_forever, daemon=True).start()
    certificate(folder)
    (folder / "upkeep-service-key").write_text(f'proxy_set_header X-Upkeep-Service-Key "{minted[1]}";\n')
    (folder / "upkeep.conf").write_text(
        configured(folder, tls=tls, plain=plain, web=web, api=api.server_port)
    )
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder) + "\n")
    standing = Guarded(folder, tls)
    server = Process(
        Service(
            name="gunicorn",
            command=[sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"],
            log=folder / "web.log",
            ready=lambda: answers(f"http://127.0.0.1:{web}/readyz"),
            environment=environ(
                HOST="127.0.0.1",
                PORT=str(web),
                VAR=str(folder),
                PUBLIC_URL="https://portal.example.org",
                DATABASE_URL=settings.database_url,
                REDIS_URL=settings.redis_url,
                SECRET_KEY=settings.secret_key,
                KEY_PEPPERS="p1:" + settings.key_peppers[0].secret.hex(),
                METRICS="public",
            ),
            folder=ROOT,
        )
    )
    proxy = Process(
        Service(
            name="nginx",
            command=[nginx, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")],
            log=folder / "nginx.log",
            ready=lambda: (
                standing.ask("portal.example.org", "/healthz").status == 200 if _listens(tls) else False
            ),
            folder=folder,
        )
    )
    server.start()
    try:
        proxy.start()
        assert wait_until(lambda: standing.call("upk_live_x").headers["X-Upkeep-Code"] == "NOT_FOUND", 15)
        yield standing
    finally:
        proxy.stop()
        server.stop()
        api.shutdown()
        api.server_close()


def _listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_an_api_behind_it_is_asked_only_with_keys_that_may_pass(guarded, minted):
    key, _, account = minted
    passed = guarded.call(key, ("X-Upkeep-Account", "acc_of_another"), ("X-Upkeep-Plan", "api-enterprise"))
    told = json.loads(passed.content)
    assert (told["x-upkeep-account"], told["x-upkeep-plan"]) == (account, "api-free")
    assert told["x-upkeep-environment"] == "live" and "x-upkeep-service-key" not in told
    assert '"month";r=999' in passed.headers["RateLimit"]
    for wrong, code in (("upk_live_x", "NOT_FOUND"), ("", "NOT_FOUND")):
        refused = guarded.call(wrong)
        assert (refused.status, refused.headers["X-Upkeep-Code"]) == (401, code)
        assert json.loads(refused.content)["code"] == code


def test_a_client_cannot_name_its_price_and_is_told_when_it_calls_too_fast(guarded, minted):
    answer = guarded.call(minted[0], ("X-Upkeep-Cost", "0"), ("X-Upkeep-Scopes", "admin"))
    assert '"month";r=999' in answer.headers["RateLimit"]
    answers = [guarded.call(minted[0]) for _ in range(20)]
    refused = [answer for answer in answers if answer.status != 200]
    assert {answer.status for answer in refused} == {429}
    assert refused[0].headers["Retry-After"] == "1" and refused[0].headers["X-Upkeep-Code"] == "RATE_LIMITED"


def test_while_keys_cannot_be_checked_nobody_passes_and_the_portal_keeps_its_secrets(guarded, minted, redis):
    assert guarded.ask("portal.example.org", "/signup").status == 200
    assert guarded.ask("portal.example.org", "/metrics").status == 404
    assert guarded.ask("portal.example.org", "/reset/s3cr3t").status in (200, 404, 410)
    assert wait_until(lambda: "/reset/..." in (guarded.folder / "upkeep.log").read_text(), 5)
    assert "s3cr3t" not in (guarded.folder / "upkeep.log").read_text()
    assert guarded.call(minted[0]).status == 200
    redis.execute_command("CLIENT", "PAUSE", 7000, "ALL")
    refused = guarded.call(minted[0])
    assert refused.status == 503 and json.loads(refused.content)["code"] == "UNAVAILABLE"
