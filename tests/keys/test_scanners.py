"""GitHub's public keys: read from where the operator says, kept, and believed about nothing else."""

import base64
import http.server
import json
import threading

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from portal.keys import Scanners, ScannersAway
from tests.edge.door import Clock

RAW = b'[{"token": "upk_live_x"}]'


class GitHub:
    """Signs, and publishes the keys it signs with."""

    def __init__(self):
        self._keys = {}
        self.use("1")

    def use(self, key_id, curve=None):
        """Sign with a fresh key from now on."""
        self.key_id, self._keys[key_id] = key_id, ec.generate_private_key(curve or ec.SECP256R1())

    @property
    def published(self):
        return {
            "public_keys": [
                {
                    "key_identifier": key_id,
                    "key": key.public_key()
                    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
                    .decode(),
                    "is_current": key_id == self.key_id,
                }
                for key_id, key in self._keys.items()
            ]
        }

    def publish(self, path):
        path.write_text(json.dumps(self.published))
        return str(path)

    def sign(self, raw=RAW):
        mark = self._keys[self.key_id].sign(raw, ec.ECDSA(hashes.SHA256()))
        return base64.b64encode(mark).decode()


@pytest.fixture
def github():
    return GitHub()


@pytest.fixture
def clock():
    return Clock()


def test_what_github_signed_is_believed(github, tmp_path):
    scanners = Scanners(github.publish(tmp_path / "keys.json"))
    assert scanners.signed(RAW, "1", github.sign())


def test_nothing_else_is(github, tmp_path):
    scanners = Scanners(github.publish(tmp_path / "keys.json"))
    good = github.sign()
    for raw, key_id, mark in (
        (RAW + b" ", "1", good),
        (RAW, "2", good),
        (RAW, "", good),
        (RAW, "1", ""),
        (RAW, "1", "no base 64"),
        (RAW, "1", base64.b64encode(b"not a signature").decode()),
        (RAW, "1", GitHub().sign()),
    ):
        assert not scanners.signed(raw, key_id, mark)


def test_a_new_key_is_looked_for_at_most_once_a_minute(github, tmp_path, clock):
    scanners = Scanners(github.publish(tmp_path / "keys.json"), clock=clock)
    assert scanners.signed(RAW, "1", github.sign())
    github.use("2")
    github.publish(tmp_path / "keys.json")
    assert not scanners.signed(RAW, "2", github.sign())
    clock.seconds += 60
    assert scanners.signed(RAW, "2", github.sign())


def test_the_last_list_is_used_while_a_new_one_cannot_be_read(github, tmp_path, clock):
    scanners = Scanners(github.publish(tmp_path / "keys.json"), clock=clock)
    assert scanners.signed(RAW, "1", github.sign())
    (tmp_path / "keys.json").write_text("<html>")
    clock.seconds += 3600
    assert scanners.signed(RAW, "1", github.sign())


def test_without_a_list_nobody_can_tell(github, tmp_path, clock):
    scanners = Scanners(str(tmp_path / "keys.json"), clock=clock)
    with pytest.raises(ScannersAway):
        scanners.signed(RAW, "1", github.sign())
    github.publish(tmp_path / "keys.json")
    clock.seconds += 60
    assert scanners.signed(RAW, "1", github.sign()), "as soon as it may be read again"


def test_an_address_is_asked_once_an_hour(github, clock):
    asked = []

    class Api(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = json.dumps(github.published).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/meta/public_keys/secret_scanning"
        scanners = Scanners(url, clock=clock)
        assert asked == [], "nothing is asked before it is needed"
        assert all(scanners.signed(RAW, "1", github.sign()) for _ in range(3))
        clock.seconds += 3600
        assert scanners.signed(RAW, "1", github.sign())
        assert asked == ["/meta/public_keys/secret_scanning"] * 2
    finally:
        server.shutdown()
        server.server_close()
