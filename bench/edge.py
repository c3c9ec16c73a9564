"""The edge against the same route in Flask: one question, one fake gate, in one process.

Prints microseconds of CPU for each and their ratio. What the web server and Redis take is left out
of both, so this says what the plain door saves, not how fast the whole is.
"""

import io
import json
import statistics
import time
from datetime import UTC, datetime
from ipaddress import ip_network

from flask import Flask, jsonify, request

from portal.edge.services import Services
from portal.edge.wsgi import application
from portal.gate import Question, QuotaState, RateState, Settlement, Verdict
from portal.kit import ids, tokens
from portal.kit.tokens import Pepper

ROUNDS, CALLS, LONGEST_SECONDS = 7, 2_000, 20
PEPPER = Pepper("p1", b"0123456789abcdef")
SERVICE_KEY, KEY = tokens.mint_service("upk"), tokens.mint("upk", "live", tokens.new_tag())
VERDICT = Verdict(
    valid=True,
    code="VALID",
    key_id=ids.new("key"),
    account_id=ids.new("acc"),
    environment="live",
    plan="api-pro",
    plan_version=1,
    ratelimit=RateState(50, 100, 99, 20),
    quota=QuotaState(100_000, 100_000, 1, 99_999, 0, datetime(2026, 12, 1, tzinfo=UTC)),
)


class FakeGate:
    """Says yes, at no cost."""

    def verify(self, question: Question) -> Verdict:
        return VERDICT

    def confirm(self, reservation_id: str, cost: int) -> Settlement:
        raise NotImplementedError

    def release(self, reservation_id: str) -> Settlement:
        raise NotImplementedError


def main() -> None:
    services = Services(lambda: {tokens.digest(SERVICE_KEY, PEPPER): "svc_1"}, (PEPPER,), ("upk",))
    contenders = {"plain WSGI edge": _edge(services), "Flask route": _flask(services)}
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    begun = time.monotonic()
    for _ in range(ROUNDS):
        for name, app in contenders.items():
            spent[name].append(_measure(app))
        if time.monotonic() - begun > LONGEST_SECONDS * (ROUNDS - 1) / ROUNDS:
            break
    edge, flask = spent.values()
    for name, rounds in spent.items():
        print(f"{name:16} {statistics.median(rounds):7.1f} us CPU a call")
    ratio = statistics.median(there / here for here, there in zip(edge, flask, strict=True))
    print(f"the edge takes {1 / ratio:.2f} of the Flask route's time: {ratio:.1f} times as many calls")


def _measure(app) -> float:
    body = json.dumps({"key": KEY, "endpoint": "GET /memories"}).encode()
    began = time.process_time()
    for _ in range(CALLS):
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/v1/keys/verify",
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "upkeep",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": "127.0.0.1:8000",
            "HTTP_AUTHORIZATION": f"Bearer {SERVICE_KEY}",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.input_terminated": True,
        }
        seen = []
        parts = app(environ, lambda status, headers, exc_info=None, seen=seen: seen.append(status))
        assert b'"valid":true' in b"".join(parts) and seen == ["200 OK"]
        if hasattr(parts, "close"):
            parts.close()
    return (time.process_time() - began) / CALLS * 1e6


def _edge(services: Services):
    return application(
        FakeGate(), services, trusted_proxies=[ip_network("127.0.0.0/8")], public_url="http://127.0.0.1:8000"
    )


def _flask(services: Services) -> Flask:
    """The same job as somebody would write it in Flask, with nothing of the site around it."""
    app, gate = Flask(__name__), FakeGate()
    app.json.compact, app.json.sort_keys = True, False

    @app.post("/v1/keys/verify")
    def verify():
        if services.known(request.headers["Authorization"].partition(" ")[2]) is None:
            return jsonify(code="UNAUTHORIZED"), 401
        said = request.get_json()
        verdict = gate.verify(Question(said["key"], endpoint=said["endpoint"]))
        rate, quota = verdict.ratelimit, verdict.quota
        return jsonify(
            valid=verdict.valid,
            code=verdict.code,
            key_id=verdict.key_id,
            account_id=verdict.account_id,
            environment=verdict.environment,
            external_id=verdict.external_id,
            plan=verdict.plan,
            plan_version=verdict.plan_version,
            features=verdict.features,
            scopes=verdict.scopes,
            ratelimit={
                "limit": rate.limit,
                "burst": rate.burst,
                "remaining": rate.remaining,
                "reset_ms": rate.reset_ms,
            },
            quota={
                "limit": quota.limit,
                "included": quota.included,
                "used": quota.used,
                "remaining": quota.remaining,
                "overage": quota.overage,
                "resets_at": quota.resets_at.isoformat(),
            },
            request_id=ids.new("req"),
        )

    return app


if __name__ == "__main__":
    main()
