"""The two ways in behind one dispatcher, as wsgi.py composes them, on real engines."""

import importlib
import json

import pytest

from deploy.local.process import wait_until
from portal import accounts, keys
from portal.kit import clock, tokens
from portal.kit.db import unit
from tests.edge.door import OUTSIDE
from tests.plans.people import OPERATOR, account_of, publish

ALICE = accounts.Actor("per_alice", "alice@example.com")


@pytest.fixture(scope="module")
def composed(settings):
    """The whole of wsgi.py under the test settings."""
    with pytest.MonkeyPatch.context() as environ:
        for name, value in {
            "VAR": str(settings.var),
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "SECRET_KEY": settings.secret_key,
            "KEY_PEPPERS": "p1:" + settings.key_peppers[0].secret.hex(),
        }.items():
            environ.setenv(name, value)
        return importlib.import_module("wsgi").compose(settings)


@pytest.fixture
def caller(composed, database, redis):
    return composed.test_client()


@pytest.fixture
def minted(database, settings):
    """A key of Alice's account, and a service key of the platform, as tokens."""
    now, stamp = clock.now(), keys.Stamp(settings.key_prefix, settings.key_peppers[0])
    with database() as session, unit(session):
        publish(session, now)
        key = keys.mint(
            session, account_of(session, "Alice", now), "Laptop", stamp=stamp, actor=ALICE, now=now
        )
        service = keys.mint_service(session, "api", stamp=stamp, actor=OPERATOR, now=now)
    return key.token, service.token


def verify(caller, service, key, **kw):
    return caller.post(
        "/v1/keys/verify", data=json.dumps({"key": key}), headers={"Authorization": f"Bearer {service}"}, **kw
    )


@pytest.fixture
def ready(caller, composed, minted):
    """The same, once the service key has come into the memory of the process."""
    wait_until(lambda: composed.extensions["upkeep.services"].known(minted[1]), 5)
    return minted


def test_a_key_is_verified_and_counted_behind_the_dispatcher(caller, ready):
    key, service = ready
    reply = verify(caller, service, key)
    assert (reply.status_code, reply.json["code"], reply.json["quota"]["used"]) == (200, "VALID", 1)
    assert "Set-Cookie" not in reply.headers and "Content-Security-Policy" not in reply.headers


def test_authorize_answers_inside_and_not_to_a_client_that_a_proxy_names(caller, ready):
    key, *_ = ready
    assert caller.get("/v1/authorize", headers={"X-API-Key": key}).status_code == 204
    outside = {"X-API-Key": key, "X-Forwarded-For": OUTSIDE}
    assert caller.get("/v1/authorize", headers=outside).status_code == 401


def test_events_know_the_same_service_keys(caller, ready):
    _, service = ready
    for token, status in ((service, 200), (tokens.mint_service("upk"), 401)):
        reply = caller.post(
            "/v1/events",
            data="[]",
            content_type="application/cloudevents-batch+json",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert reply.status_code == status


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/fish", "/v1/keys", "/v1/keys/verify/", "/v1/authorized"]
)
def test_what_is_nobodys_is_a_404(caller, path):
    reply = caller.post(path)
    assert reply.status_code == 404
    if path.startswith("/v1/"):
        assert reply.content_type == "application/problem+json"
        assert reply.json["code"] == "NO_SUCH_ROUTE"
        assert reply.json["type"] == "http://127.0.0.1:8000/docs#no-such-route"
        assert reply.json["request_id"] == reply.headers["X-Request-Id"]


def test_a_request_id_of_a_trusted_proxy_is_kept_on_both_ways_in(caller):
    said = {"X-Request-Id": "0af7651916cd43dd"}
    assert caller.get("/v1/authorize", headers=said).headers["X-Request-Id"] == "0af7651916cd43dd"
    assert caller.post("/v1/events", headers=said).json["request_id"] == "0af7651916cd43dd"
    outside = {"REMOTE_ADDR": OUTSIDE}
    reply = caller.get("/v1/authorize", headers=said, environ_overrides=outside)
    assert reply.headers["X-Request-Id"].startswith("req_")


def test_metrics_tell_of_both_ways_in(caller, ready):
    key, service = ready
    verify(caller, service, key)
    told = caller.get("/metrics").text
    assert 'upkeep_verdicts_total{address="/v1/keys/verify",code="VALID"}' in told
    assert caller.get("/metrics", environ_overrides={"REMOTE_ADDR": OUTSIDE}).status_code == 404
