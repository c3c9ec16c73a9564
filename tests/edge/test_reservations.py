"""/v1/reservations/<id>/confirm and /release: a reserved cost ends."""

import pytest

from portal.gate import Unavailable
from portal.kit.errors import Invalid, Missing
from tests.edge.door import KEY, SERVICE_KEY, make_edge
from tests.edge.test_verify import assert_problem

pytestmark = pytest.mark.usefixtures("both")

SERVICE = {"Authorization": f"Bearer {SERVICE_KEY}"}


def confirm(edge, body=None, headers=SERVICE, reservation="res_1", **kw):
    body = {"cost": 3} if body is None else body
    return edge.ask(f"/v1/reservations/{reservation}/confirm", body=body, headers=headers, **kw)


def release(edge, body=b"", headers=SERVICE, reservation="res_1", **kw):
    return edge.ask(f"/v1/reservations/{reservation}/release", body=body, headers=headers, **kw)


def test_confirming_ends_it_with_its_final_cost(edge):
    reply = confirm(edge)
    assert reply.status == 200
    assert reply.json.pop("request_id") == reply.headers["X-Request-Id"]
    assert reply.json == reply.json | {
        "reservation_id": "res_1",
        "code": "CONFIRMED",
        "cost": 3,
        "reserved": 10,
    }
    assert edge.gate.ended == [("res_1", 3)]


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_releasing_gives_all_of_it_back(edge, body):
    reply = release(edge, body)
    assert (reply.status, reply.json["code"], reply.json["cost"]) == (200, "RELEASED", 0)
    assert edge.gate.ended == [("res_1", None)]


@pytest.mark.parametrize("end", [confirm, release])
def test_one_that_has_ended_or_never_was_is_a_404(end):
    assert_problem(end(make_edge(Missing("gone"))), 404, "NO_SUCH_RESERVATION")


@pytest.mark.parametrize("reservation", ["\xe9", "a b", "x" * 300, "%00", "{tag}:holds"])
@pytest.mark.parametrize("end", [confirm, release])
def test_an_id_that_cannot_be_one_is_a_404_without_asking_the_gate(edge, end, reservation):
    assert_problem(end(edge, reservation=reservation), 404, "NO_SUCH_RESERVATION")
    assert edge.gate.ended == []


def test_a_cost_above_what_was_reserved_is_refused():
    edge = make_edge(Invalid("Only 10 were reserved.", field="cost"))
    reply = confirm(edge, {"cost": 11})
    assert_problem(reply, 400, "INVALID_REQUEST")
    assert reply.json["field"] == "cost"


@pytest.mark.parametrize(
    "body",
    [{}, {"cost": None}, {"cost": -1}, {"cost": True}, {"cost": 1.0}, {"cost": 1, "key": "x"}, [], b"", b"{"],
)
def test_a_malformed_confirmation_is_refused(edge, body):
    assert_problem(confirm(edge, body), 400, "INVALID_REQUEST")
    assert edge.gate.ended == []


@pytest.mark.parametrize("body", [{"cost": 1}, [], b"{"])
def test_a_malformed_release_is_refused(edge, body):
    assert_problem(release(edge, body), 400, "INVALID_REQUEST")
    assert edge.gate.ended == []


@pytest.mark.parametrize("end", [confirm, release])
def test_a_stranger_ends_nothing(edge, end):
    for headers in ({}, {"Authorization": f"Bearer {KEY}"}):
        assert_problem(end(edge, headers=headers), 401, "UNAUTHORIZED")
    assert edge.gate.ended == []


@pytest.mark.parametrize("end", [confirm, release])
def test_a_gate_that_cannot_know_is_a_503(end):
    assert_problem(end(make_edge(Unavailable())), 503, "UNAVAILABLE")


@pytest.mark.parametrize(
    "path", ["", "res_1", "res_1/", "res_1/fish", "res_1/confirm/", "/confirm", "a/b/confirm"]
)
def test_other_addresses_are_404(edge, path):
    assert_problem(edge.ask(f"/v1/reservations/{path}", headers=SERVICE), 404, "NO_SUCH_ROUTE")


@pytest.mark.parametrize("end", [confirm, release])
def test_only_post_ends_one(edge, end):
    reply = end(edge, method="GET")
    assert_problem(reply, 405, "METHOD_NOT_ALLOWED")
    assert reply.headers["Allow"] == "POST"
