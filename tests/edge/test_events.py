"""POST /v1/events: usage of other meters, as CloudEvents."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal import metering
from portal.gate import Unavailable
from portal.kit import clock, tokens
from portal.kit.db import unit
from tests.edge.door import KEY, SERVICE_KEY, services
from tests.edge.test_crooked import json_values
from tests.plans.people import account_of, publish

SINGLE, BATCH, PLAIN = (
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/json",
)
SERVICE = {"Authorization": f"Bearer {SERVICE_KEY}"}


class NoList:
    """Service keys that cannot be read."""

    def known(self, token):
        raise Unavailable


@pytest.fixture
def site(web_app, client):
    web_app.extensions["upkeep.services"] = services()
    return client


@pytest.fixture
def alice(database):
    now = clock.now()
    with database() as session, unit(session):
        publish(session, now)
        return account_of(session, "Alice", now)


def event(subject, name="1", **more):
    return {
        "specversion": "1.0",
        "id": name,
        "source": "/inference",
        "type": "tokens",
        "subject": subject,
        "data": {"value": 40, "endpoint": "POST /chat"},
    } | more


def send(site, body, media_type=None, headers=SERVICE, **kw):
    media_type = media_type or (BATCH if isinstance(body, list) else SINGLE)
    data = body if isinstance(body, bytes) else json.dumps(body)
    return site.post("/v1/events", data=data, content_type=media_type, headers=headers, **kw)


def ledger(database, account_id):
    with database() as session:
        rows = session.scalars(select(metering.UsageRow).where(metering.UsageRow.account_id == account_id))
        return sorted((row.meter, row.endpoint, row.units, row.calls) for row in rows)


def assert_problem(reply, status, code, field=None):
    assert (reply.status_code, reply.content_type) == (status, "application/problem+json")
    assert reply.json.keys() >= {"type", "title", "status", "detail", "code", "request_id"}
    assert (reply.json["status"], reply.json["code"], reply.json.get("field")) == (status, code, field)
    assert reply.json["request_id"] == reply.headers["X-Request-Id"]


def test_one_event_comes_into_the_ledger(site, database, alice):
    reply = send(site, event(alice))
    assert (reply.status_code, reply.json) == (200, {"inserted": 1, "duplicates": 0})
    assert ledger(database, alice) == [("tokens", "POST /chat", 40, 1)]


def test_a_batch_comes_into_the_ledger(site, database, alice):
    reply = send(
        site, [event(alice, "1"), event(alice, "2", data={"value": 2}), event(alice, "3", data=None)]
    )
    assert reply.json == {"inserted": 3, "duplicates": 0}
    assert ledger(database, alice) == [("tokens", "", 3, 2), ("tokens", "POST /chat", 40, 1)]


@pytest.mark.parametrize("many", [False, True])
def test_plain_json_is_taken_as_either(site, alice, many):
    reply = send(site, [event(alice)] if many else event(alice), "application/json; charset=utf-8")
    assert reply.json == {"inserted": 1, "duplicates": 0}


def test_an_event_that_is_sent_again_counts_once(site, database, alice):
    send(site, event(alice))
    assert send(site, event(alice)).json == {"inserted": 0, "duplicates": 1}
    mixed = [event(alice), event(alice, "2"), event(alice, "2")]
    assert send(site, mixed).json == {"inserted": 1, "duplicates": 2}
    assert sum(units for _, _, units, _ in ledger(database, alice)) == 80


def test_the_same_id_from_another_source_is_another_event(site, alice):
    send(site, event(alice))
    assert send(site, event(alice, source="/other")).json == {"inserted": 1, "duplicates": 0}


def test_an_empty_batch_is_nothing_to_do(site, alice):
    assert send(site, []).json == {"inserted": 0, "duplicates": 0}


def test_extension_attributes_and_other_members_of_data_are_left_alone(site, alice):
    said = event(
        alice, traceparent="00-0af7-01", data={"value": 1, "model": "large"}, dataschema="https://x/y"
    )
    assert send(site, said).json["inserted"] == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"specversion": 1.0}, "specversion"),
        ({"specversion": None}, "specversion"),
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"id": "x" * 256}, "id"),
        ({"id": "a\x00b"}, "id"),
        ({"id": "\ud800"}, "id"),
        ({"source": None}, "source"),
        ({"type": ["tokens"]}, "type"),
        ({"type": "fish"}, "type"),
        ({"type": "calls"}, "type"),
        ({"subject": None}, "subject"),
        ({"subject": "acc_nobody"}, "subject"),
        ({"data": 40}, "data"),
        ({"data": {"value": -1}}, "data.value"),
        ({"data": {"value": 1.5}}, "data.value"),
        ({"data": {"value": True}}, "data.value"),
        ({"data": {"value": "40"}}, "data.value"),
        ({"data": {"value": 1_000_000_001}}, "data.value"),
        ({"data": {"endpoint": 7}}, "data.endpoint"),
        ({"data": {"endpoint": "e" * 101}}, "data.endpoint"),
        ({"data": {"calls": -1}}, "data.calls"),
        ({"data": {"key_id": 7}}, "data.key_id"),
        ({"data": {"key_id": "key_of_nobody"}}, "data.key_id"),
        ({"type": "calls", "data": {"key_id": "key_of_nobody"}}, "data.key_id"),
        ({"data_base64": "AAAA"}, "data_base64"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-11-20T12:00:00"}, "time"),
        ({"time": 1_700_000_000}, "time"),
        ({"time": "0001-01-01T00:00:00+23:59"}, "time"),
    ],
)
def test_a_malformed_event_is_refused_by_its_field_and_nothing_is_taken(site, database, alice, more, field):
    assert_problem(send(site, event(alice) | more), 400, "INVALID_REQUEST", field)
    reply = send(site, [event(alice, "before"), event(alice, "bad") | more])
    assert reply.status_code == 400 and reply.json["field"].endswith(field)
    assert ledger(database, alice) == []


@pytest.mark.parametrize("attribute", ["specversion", "id", "source", "type", "subject"])
def test_an_attribute_that_is_missing_is_named(site, alice, attribute):
    said = event(alice)
    del said[attribute]
    assert_problem(send(site, [said]), 400, "INVALID_REQUEST", f"[0].{attribute}")


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", SINGLE),
        (b"{", SINGLE),
        (b"\xff", BATCH),
        (b"[" * 100_000, BATCH),
        (b"[]", SINGLE),
        (b"{}", BATCH),
        (b"7", PLAIN),
        (b"[7]", BATCH),
        (b"[[]]", PLAIN),
        (json.dumps([{}] * 1_001).encode(), BATCH),
    ],
)
def test_a_body_that_is_no_event_is_refused(site, body, media_type):
    reply = send(site, body, media_type)
    assert (reply.status_code, reply.json["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""]
)
def test_other_kinds_of_content_are_refused(site, alice, media_type):
    reply = site.post(
        "/v1/events", data=json.dumps(event(alice)), headers=SERVICE | {"Content-Type": media_type}
    )
    assert_problem(reply, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", f"Bearer {KEY}", f"Bearer {tokens.mint_service('upk')}", "Basic eDp5"],
)
def test_without_a_live_service_key_nobody_is_heard(site, database, alice, authorization):
    reply = send(site, event(alice), headers={"Authorization": authorization} if authorization else {})
    assert_problem(reply, 401, "UNAUTHORIZED")
    assert "Bearer" in reply.headers["WWW-Authenticate"]
    assert ledger(database, alice) == []


def test_while_service_keys_cannot_be_read_nothing_is_decided(web_app, site, alice):
    web_app.extensions["upkeep.services"] = NoList()
    reply = send(site, event(alice))
    assert_problem(reply, 503, "UNAVAILABLE")
    assert reply.headers["Retry-After"] == "1"


def test_a_time_that_has_passed_is_taken(site, alice):
    past = (clock.now() - timedelta(days=2)).isoformat()
    assert send(site, event(alice, time=past)).json["inserted"] == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_takes_events(site, method):
    reply = site.open("/v1/events", method=method, headers=SERVICE)
    assert_problem(reply, 405, "METHOD_NOT_ALLOWED")
    assert reply.headers["Allow"] == "OPTIONS, POST"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["id", "source", "type", "subject", "data", "time", "specversion"]), json_values
    )
)
def test_no_event_whatever_makes_a_500(site, alice, said):
    assert send(site, event(alice) | said).status_code in (200, 400)
