"""POST /v1/leases: shares for callers that answer from their own memory, and what became of them."""

import pytest

from portal.gate import Lease, Question, Unavailable, Use, Verdict
from tests.edge.door import KEY, SERVICE_KEY, VALID, make_edge
from tests.edge.test_verify import assert_problem
from tests.gate import book as paper

pytestmark = pytest.mark.usefixtures("both")
LEASED = VALID._replace(lease=Lease("lse_1", 50, 900))


def lease(edge, body, **kw):
    kw.setdefault("headers", {"Authorization": f"Bearer {SERVICE_KEY}"})
    return edge.ask("/v1/leases", body=body, **kw)


def test_a_share_is_told_beside_the_verdict():
    edge = make_edge(LEASED)
    reply = lease(edge, {"key": KEY, "want": 50, "scopes": ["read"], "meter": "calls", "ip": "192.0.2.1"})
    said = reply.json
    assert reply.status == 200 and (said["valid"], said["code"], said["plan"]) == (True, "VALID", "api-pro")
    assert (said["lease_id"], said["units"], said["rate_tokens"], said["ttl_ms"]) == ("lse_1", 50, 50, 900)
    assert said["reports"] == []
    assert edge.gate.leased == [(Question(KEY, scopes=("read",), ip="192.0.2.1"), 50)]


def test_where_nothing_is_to_be_had_the_share_is_empty(edge):
    said = lease(edge, {"key": KEY}).json
    assert (said["valid"], said["lease_id"], said["units"], said["rate_tokens"]) == (True, None, 0, 0)
    assert 0 < said["ttl_ms"] <= 1_000


def test_a_refusal_is_told_as_a_verdict():
    said = lease(make_edge(Verdict(valid=False, code="NOT_FOUND")), {"key": "nonsense"}).json
    assert (said["valid"], said["code"], said["units"], said["key_id"]) == (False, "NOT_FOUND", 0, None)


def test_reports_are_taken_with_the_question_or_alone(edge):
    report = [
        {"lease_id": "lse_1", "used": 9, "endpoints": {"GET /x": 7}},
        {"lease_id": "lse_2", "used": 0, "calls": 3},
    ]
    said = lease(edge, {"report": report}).json
    assert said.keys() == {"reports", "request_id"}
    assert said["reports"] == [
        {"lease_id": "lse_1", "code": "COUNTED"},
        {"lease_id": "lse_2", "code": "ENDED"},
    ]
    assert edge.gate.reported == [Use("lse_1", 9, {"GET /x": 7}), Use("lse_2", 0, {}, 3)]
    assert lease(edge, {"key": KEY, "report": report}).json["valid"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "key"),
        ({"want": 5}, "key"),
        ({"meter": "calls", "report": [{"lease_id": "x", "used": 1}]}, "key"),
        ({"key": KEY, "want": 0}, "want"),
        ({"key": KEY, "want": 10_001}, "want"),
        ({"key": KEY, "want": True}, "want"),
        ({"key": KEY, "cost": 5}, "cost"),
        ({"key": KEY, "report": {}}, None),
        ({"report": {"lease_id": "x"}}, "report"),
        ({"report": [5]}, "report"),
        ({"report": [{"lease_id": "x", "used": 1}] * 101}, "report"),
        ({"report": [{"used": 1}]}, "lease_id"),
        ({"report": [{"lease_id": "x"}]}, "used"),
        ({"report": [{"lease_id": "x", "used": -1}]}, "used"),
        ({"report": [{"lease_id": "x", "used": 1, "fish": 1}]}, "fish"),
        ({"report": [{"lease_id": "x", "used": 1, "calls": "2"}]}, "calls"),
        ({"report": [{"lease_id": "x", "used": 1, "endpoints": {"a": 2}}]}, "endpoints"),
        ({"report": [{"lease_id": "x", "used": 1, "endpoints": {"a": -1}}]}, "endpoints"),
        ({"report": [{"lease_id": "x", "used": 1, "endpoints": [1]}]}, "endpoints"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_field(edge, body, field):
    reply = lease(edge, body)
    if field is None:
        assert reply.status == 200
        return
    assert_problem(reply, 400, "INVALID_REQUEST")
    assert reply.json["field"] == field


def test_only_whoever_shows_a_service_key_is_answered(edge):
    assert_problem(lease(edge, {"key": KEY}, headers={}), 401, "UNAUTHORIZED")
    assert_problem(lease(edge, {"key": KEY}, method="PUT"), 405, "METHOD_NOT_ALLOWED")


def test_a_gate_that_cannot_know_says_so():
    assert_problem(lease(make_edge(Unavailable()), {"key": KEY}), 503, "UNAVAILABLE")


def test_while_the_gate_observes_nobody_is_refused():
    said = lease(make_edge(Verdict(valid=False, code="NOT_FOUND"), observe=True), {"key": KEY}).json
    assert (said["valid"], said["observed"], said["units"]) == (True, "NOT_FOUND", 0)


def test_with_the_real_gate_a_share_is_taken_spent_and_reported(redis):
    book = paper.PaperBook(rate=50, burst=100)
    book.allow(calls=160)
    edge, key = make_edge(gate=paper.gate(redis, book)), book.mint()
    said = lease(edge, {"key": key, "want": 200}).json
    assert (said["units"], said["ttl_ms"], said["quota"]["used"]) == (10, 1_000, 0)
    report = [{"lease_id": said["lease_id"], "used": 4, "endpoints": {"GET /x": 4}}]
    again = lease(edge, {"key": key, "want": 5, "report": report}).json
    assert again["reports"] == [{"lease_id": said["lease_id"], "code": "COUNTED"}]
    assert (again["units"], again["quota"]["used"]) == (5, 4)
    assert lease(edge, {"report": report}).json["reports"][0]["code"] == "ENDED"
