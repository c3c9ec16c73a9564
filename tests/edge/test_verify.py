"""POST /v1/keys/verify: what may be asked, by whom, and how it is answered."""

import pytest

from portal.gate import CODES, Question, Unavailable, Verdict
from portal.kit import tokens
from portal.kit.errors import Invalid
from tests.edge.door import KEY, SERVICE_KEY, VALID, make_edge

pytestmark = pytest.mark.usefixtures("both")

PROBLEM = {"type", "title", "status", "detail", "code", "request_id"}


def assert_problem(reply, status, code):
    assert (reply.status, reply.headers["Content-Type"]) == (status, "application/problem+json")
    assert reply.json.keys() >= PROBLEM
    assert (reply.json["status"], reply.json["code"]) == (status, code)
    assert reply.json["type"] == f"https://portal.example/docs#{code.lower().replace('_', '-')}"
    assert reply.headers["X-Request-Id"] == reply.json["request_id"]


def test_a_valid_key_is_answered_in_the_shape_of_the_contract(edge):
    reply = edge.verify({"key": KEY})
    assert reply.status == 200 and reply.headers["Content-Type"] == "application/json"
    said = reply.json
    assert said.pop("request_id").startswith("req_")
    assert said == {
        "valid": True,
        "code": "VALID",
        "key_id": "key_1",
        "account_id": "acc_1",
        "environment": "live",
        "external_id": None,
        "plan": "api-pro",
        "plan_version": 1,
        "features": ["export"],
        "scopes": ["read"],
        "ratelimit": {"limit": 50, "burst": 100, "remaining": 99, "reset_ms": 20},
        "quota": {
            "limit": 100_000,
            "included": 100_000,
            "used": 1,
            "remaining": 99_999,
            "overage": 0,
            "resets_at": "2026-12-01T00:00:00Z",
        },
    }


@pytest.mark.parametrize("code", [code for code in CODES if code not in ("VALID", "NOT_FOUND")])
def test_every_refusal_of_a_known_key_is_answered_200_with_its_code(code):
    reply = make_edge(VALID._replace(valid=False, code=code)).verify({"key": KEY})
    assert reply.status == 200
    assert (reply.json["valid"], reply.json["code"], reply.json["account_id"]) == (False, code, "acc_1")


def test_of_an_unknown_key_nothing_is_told():
    said = make_edge(Verdict(valid=False, code="NOT_FOUND")).verify({"key": "nonsense"}).json
    assert (said.pop("valid"), said.pop("code")) == (False, "NOT_FOUND")
    assert said.pop("request_id")
    assert (said.pop("features"), said.pop("scopes")) == ([], [])
    assert set(said.values()) == {None}


def test_all_fields_of_a_question_reach_the_gate(edge):
    edge.verify(
        {
            "key": KEY,
            "cost": 7,
            "meter": "tokens",
            "scopes": ["read", "write"],
            "endpoint": "GET /memories/{id}",
            "ip": "2001:DB8::1",
            "reserve": True,
        }
    )
    assert edge.gate.asked == [
        Question(KEY, 7, "tokens", ("read", "write"), "GET /memories/{id}", "2001:db8::1", True)
    ]


def test_all_but_the_key_may_be_left_out_or_null_where_null_means_nothing(edge):
    edge.verify({"key": KEY})
    edge.verify({"key": KEY, "meter": None, "scopes": None, "endpoint": None, "ip": None})
    assert edge.gate.asked == [Question(KEY), Question(KEY)]


def test_a_reservation_is_named_only_when_there_is_one():
    assert "reservation_id" not in make_edge().verify({"key": KEY}).json
    reserved = VALID._replace(reservation_id="res_1")
    assert make_edge(reserved).verify({"key": KEY, "reserve": True}).json["reservation_id"] == "res_1"


def test_what_was_observed_is_told_only_when_it_was():
    assert "observed" not in make_edge().verify({"key": KEY}).json
    observed = VALID._replace(observed="QUOTA_EXCEEDED")
    assert make_edge(observed).verify({"key": KEY}).json["observed"] == "QUOTA_EXCEEDED"


@pytest.mark.parametrize("verdict", [Verdict(valid=False, code="NOT_FOUND"), Unavailable()])
def test_while_observing_everything_passes(verdict):
    reply = make_edge(verdict, observe=True).verify({"key": "nonsense"})
    assert (reply.status, reply.json["valid"], reply.json["code"]) == (200, True, "VALID")
    assert reply.json["observed"] == getattr(verdict, "code", "UNAVAILABLE")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "key"),
        ({"key": None}, "key"),
        ({"key": 7}, "key"),
        ({"key": "\ud800"}, "key"),
        ({"key": KEY, "cost": -1}, "cost"),
        ({"key": KEY, "cost": True}, "cost"),
        ({"key": KEY, "cost": 1.0}, "cost"),
        ({"key": KEY, "cost": "1"}, "cost"),
        ({"key": KEY, "cost": None}, "cost"),
        ({"key": KEY, "cost": 1_000_000_001}, "cost"),
        ({"key": KEY, "meter": 1}, "meter"),
        ({"key": KEY, "meter": ""}, "meter"),
        ({"key": KEY, "meter": "a\nb"}, "meter"),
        ({"key": KEY, "meter": "m" * 101}, "meter"),
        ({"key": KEY, "scopes": "read"}, "scopes"),
        ({"key": KEY, "scopes": ["read", 1]}, "scopes"),
        ({"key": KEY, "scopes": [""]}, "scopes"),
        ({"key": KEY, "scopes": ["\udfff"]}, "scopes"),
        ({"key": KEY, "scopes": ["s"] * 101}, "scopes"),
        ({"key": KEY, "endpoint": ["GET", "/"]}, "endpoint"),
        ({"key": KEY, "ip": "203.0.113.900"}, "ip"),
        ({"key": KEY, "ip": 3_405_803_785}, "ip"),
        ({"key": KEY, "ip": ""}, "ip"),
        ({"key": KEY, "reserve": "yes"}, "reserve"),
        ({"key": KEY, "reserve": None}, "reserve"),
        ({"key": KEY, "costs": 1}, "costs"),
        ({"key": KEY, "x" * 500: 1}, "x" * 100),
    ],
)
def test_a_malformed_question_is_refused_by_the_name_of_its_field(edge, body, field):
    reply = edge.verify(body)
    assert_problem(reply, 400, "INVALID_REQUEST")
    assert reply.json["field"] == field
    assert edge.gate.asked == []


@pytest.mark.parametrize("cost", [0, 1, 1_000_000_000])
def test_a_cost_may_be_from_nothing_to_a_thousand_million(edge, cost):
    assert edge.verify({"key": KEY, "cost": cost}).status == 200


@pytest.mark.parametrize("endpoint", ["e" * 101, "GET /\x00", "GET /\ud800"])
def test_an_endpoint_that_cannot_be_told_apart_is_counted_all_the_same(edge, endpoint):
    assert edge.verify({"key": KEY, "endpoint": endpoint}).status == 200
    assert edge.gate.asked[0].endpoint == "(other)"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"key"',
        b"\xff\xfe",
        b"NaN",
        b"[" * 16_000,
        b'{"key":' + b"9" * 5_000 + b"}",
        b"{'key': 'x'}",
    ],
)
def test_a_body_that_is_no_json_object_is_refused(edge, body):
    assert_problem(edge.verify(body), 400, "INVALID_REQUEST")


def test_a_body_may_have_16_kib_and_no_more(edge):
    largest = b'{"key":"' + b"k" * (16 * 1024 - 10) + b'"}'
    assert len(largest) == 16 * 1024
    assert edge.verify(largest).status == 200
    assert_problem(edge.verify(largest + b" "), 413, "TOO_LARGE")


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "\xe9"])
def test_the_content_type_does_not_matter(edge, content_type):
    assert edge.verify({"key": KEY}, CONTENT_TYPE=content_type).status == 200


def test_a_gate_that_refuses_the_question_is_answered_400_with_its_field():
    reply = make_edge(Invalid("There is no meter named fish.", field="meter")).verify(
        {"key": KEY, "meter": "fish"}
    )
    assert_problem(reply, 400, "INVALID_REQUEST")
    assert (reply.json["detail"], reply.json["field"]) == ("There is no meter named fish.", "meter")


def test_a_gate_that_cannot_know_is_answered_503_with_retry_after():
    reply = make_edge(Unavailable("away")).verify({"key": KEY})
    assert_problem(reply, 503, "UNAVAILABLE")
    assert int(reply.headers["Retry-After"]) >= 1


def test_a_fault_of_ours_is_answered_500_as_a_problem_that_tells_nothing():
    reply = make_edge(RuntimeError("secret")).verify({"key": KEY})
    assert_problem(reply, 500, "INTERNAL_ERROR")
    assert b"secret" not in reply.body


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXBrOg==",
        f"Basic {SERVICE_KEY}",
        SERVICE_KEY,
        f"Bearer {KEY}",
        f"Bearer {tokens.mint_service('upk')}",
        f"Bearer {SERVICE_KEY}x",
        f"Bearer {SERVICE_KEY} {SERVICE_KEY}",
        "Bearer \xff\xfe",
        "Bearer " + "x" * 10_000,
    ],
)
def test_without_a_live_service_key_nobody_is_answered(edge, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    reply = edge.verify({"key": KEY}, headers=headers)
    assert_problem(reply, 401, "UNAUTHORIZED")
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="upkeep"'
    assert edge.gate.asked == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_is_read_in_any_case(edge, scheme):
    assert edge.verify({"key": KEY}, headers={"Authorization": f"{scheme} {SERVICE_KEY}"}).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_post_verifies(edge, method):
    reply = edge.verify({"key": KEY}, method=method)
    assert (reply.status, reply.headers["Allow"]) == (405, "POST")
    if method != "HEAD":
        assert_problem(reply, 405, "METHOD_NOT_ALLOWED")


def test_each_answer_is_told_once_for_logs_and_metrics(edge):
    edge.verify({"key": KEY})
    edge.verify(b"{")
    assert [answer[:3] for answer in edge.told] == [
        ("/v1/keys/verify", 200, "VALID"),
        ("/v1/keys/verify", 400, "INVALID_REQUEST"),
    ]


def test_answers_are_not_kept_by_caches(edge):
    assert edge.verify({"key": KEY}).headers["Cache-Control"] == "no-store"
