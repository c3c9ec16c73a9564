"""nginx, with the example as shipped, in front of the portal; tests/proxies has it before an API."""

import http.client
import re
import socket
import ssl
import sys
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.local.ports import free_port
from deploy.local.process import Process, Service, wait_until
from deploy.local.services import ROOT, answers
from portal.kit import clock
from tests.deploy.parts import DEPLOY, environ, tool

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


def certificate(folder):
    """A certificate for the name, trusted by the test alone."""
    key, now = ec.generate_private_key(ec.SECP256R1()), clock.now()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    names = [x509.DNSName("portal.example.org")]
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


def configured(folder, *, tls, plain, web):
    """The shipped file with this test's ports and paths in place of the example's."""
    text = (DEPLOY / "nginx.conf").read_text()
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl"),
        ("listen 80", f"listen 127.0.0.1:{plain}"),
        ("127.0.0.1:8000", f"127.0.0.1:{web}"),
        ("127.0.0.1:8001", f"127.0.0.1:{web}"),
        ("/var/log/nginx/upkeep.log", f"{folder}/upkeep.log"),
    ):
        assert old in text
        text = text.replace(old, new)
    text = re.sub(r"/etc/ssl/\w+\.example\.org\.pem", f"{folder}/certificate.pem", text)
    return re.sub(r"/etc/ssl/\w+\.example\.org\.key", f"{folder}/certificate.key", text)


@pytest.fixture
def guarded(database, redis, settings, tmp_path):
    nginx, folder = tool("nginx"), tmp_path
    web, tls, plain = free_port(), free_port(), free_port()
    certificate(folder)
    (folder / "upkeep.conf").write_text(configured(folder, tls=tls, plain=plain, web=web))
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
        yield standing
    finally:
        proxy.stop()
        server.stop()


def _listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_the_portal_keeps_its_secrets(guarded):
    assert guarded.ask("portal.example.org", "/signup").status == 200
    assert guarded.ask("portal.example.org", "/metrics").status == 404
    assert guarded.ask("portal.example.org", "/reset/s3cr3t").status in (200, 404, 410)
    assert wait_until(lambda: "/reset/..." in (guarded.folder / "upkeep.log").read_text(), 5)
    assert "s3cr3t" not in (guarded.folder / "upkeep.log").read_text()
