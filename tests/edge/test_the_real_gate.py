"""The edge with the real gate behind it: every code as a caller meets it, counted once."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from portal.gate import Allowance, network
from portal.kit import tokens
from tests.edge.door import OUTSIDE, SERVICE_KEY, make_edge
from tests.edge.test_headers import parsed
from tests.gate import book as paper

pytestmark = pytest.mark.usefixtures("both")

PAST_MS = 1_700_000_000_000
SERVICE = {"Authorization": f"Bearer {SERVICE_KEY}"}
FROM_OUTSIDE = {"X-Upkeep-Service-Key": SERVICE_KEY, "X-Forwarded-For": OUTSIDE}


@pytest.fixture
def book():
    return paper.PaperBook(rate=5, burst=10)


@pytest.fixture
def edge(redis, book):
    return make_edge(gate=paper.gate(redis, book), now=lambda: datetime.now(UTC))


def not_found(book):
    return tokens.mint("upk", "live", "Nobody00")


def revoked(book):
    return book.mint(revoked_ms=PAST_MS)


def expired(book):
    return book.mint(expires_ms=PAST_MS)


def suspended(book):
    book.account = replace(book.account, suspended_ms=PAST_MS)
    return book.mint()


def denied_here(book):
    return book.mint(networks=(network("198.51.100.0/24"),))


def without_scopes(book):
    return book.mint(scopes=("read",))


def slow(book):
    return book.mint(rate=1, burst=1)


def used_up(book):
    book.allow(calls=0)
    return book.mint()


def capped(book):
    book.allow(calls=Allowance(0, 0, "SPEND_CAP"))
    return book.mint()


def good(book):
    return book.mint(scopes=("read", "write"), external_id="cus_7", networks=(network("203.0.113.0/24"),))


CASES = {
    "NOT_FOUND": (not_found, 401),
    "REVOKED": (revoked, 401),
    "EXPIRED": (expired, 401),
    "SUSPENDED": (suspended, 403),
    "IP_DENIED": (denied_here, 403),
    "INSUFFICIENT_SCOPE": (without_scopes, 403),
    "RATE_LIMITED": (slow, 429),
    "QUOTA_EXCEEDED": (used_up, 429),
    "SPEND_CAP": (capped, 429),
    "VALID": (good, 204),
}


@pytest.mark.parametrize("code", CASES)
def test_every_code_at_verify(edge, book, code):
    key = CASES[code][0](book)
    if code == "RATE_LIMITED":
        edge.verify({"key": key})
    reply = edge.verify(
        {"key": key, "scopes": ["write"] if code in ("INSUFFICIENT_SCOPE", "VALID") else [], "ip": OUTSIDE}
    )
    assert (reply.status, reply.json["code"], reply.json["valid"]) == (200, code, code == "VALID")
    assert (reply.json["account_id"] is None) is (code == "NOT_FOUND")


@pytest.mark.parametrize("code", CASES)
def test_every_code_at_authorize(edge, book, code):
    make, status = CASES[code]
    key = make(book)
    scopes = {"X-Upkeep-Scopes": "write"} if code in ("INSUFFICIENT_SCOPE", "VALID") else {}
    if code == "RATE_LIMITED":
        edge.authorize(key, headers=FROM_OUTSIDE)
    reply = edge.authorize(key, headers=FROM_OUTSIDE | scopes)
    assert (reply.status, reply.headers["X-Upkeep-Code"]) == (status, code)
    assert ("Retry-After" in reply.headers) is (status == 429)
    if code != "NOT_FOUND":
        assert parsed(reply.headers["RateLimit"]).keys() == {"rate", "month"}
    if code == "RATE_LIMITED":
        assert reply.headers["Retry-After"] == "1"
    if code in ("QUOTA_EXCEEDED", "SPEND_CAP"):
        assert int(reply.headers["Retry-After"]) > 19 * 86_400
    if code == "VALID":
        assert reply.headers["X-Upkeep-External-Id"] == "cus_7"


def test_a_call_is_counted_once_and_a_refused_one_not_at_all(edge, book):
    key = book.mint()
    assert edge.verify({"key": key, "cost": 4}).json["quota"]["used"] == 4
    refused = edge.verify({"key": key, "cost": 7}).json
    assert (refused["code"], refused["quota"]["used"]) == ("QUOTA_EXCEEDED", 4)
    assert edge.authorize(key).headers["X-RateLimit-Remaining"] == "5"
    assert edge.verify({"key": key, "cost": 5}).json["quota"]["remaining"] == 0


def test_what_remains_of_the_rate_agrees_everywhere(edge, book):
    key = book.mint()
    said = edge.verify({"key": key}).json["ratelimit"]
    assert (said["limit"], said["burst"], said["remaining"]) == (5, 10, 9)
    assert parsed(edge.authorize(key).headers["RateLimit"])["rate"]["r"] in (8, 9)


def reserve(edge, key, cost):
    return edge.verify({"key": key, "cost": cost, "reserve": True}).json


def end(edge, reservation_id, deed, body=b""):
    return edge.ask(f"/v1/reservations/{reservation_id}/{deed}", body=body, headers=SERVICE)


def test_a_reservation_takes_its_cost_and_is_confirmed_with_the_final_one(edge, book):
    key = book.mint()
    reserved = reserve(edge, key, 8)
    assert (reserved["code"], reserved["quota"]["remaining"]) == ("VALID", 2)
    reply = end(edge, reserved["reservation_id"], "confirm", {"cost": 3})
    assert (reply.status, reply.json["cost"], reply.json["reserved"]) == (200, 3, 8)
    assert edge.verify({"key": key, "cost": 0}).json["quota"]["used"] == 3


def test_a_released_reservation_costs_nothing(edge, book):
    key = book.mint()
    reply = end(edge, reserve(edge, key, 8)["reservation_id"], "release")
    assert (reply.status, reply.json["cost"], reply.json["reserved"]) == (200, 0, 8)
    assert edge.verify({"key": key, "cost": 0}).json["quota"]["used"] == 0


@pytest.mark.parametrize("first", ["confirm", "release"])
@pytest.mark.parametrize("then", ["confirm", "release"])
def test_a_reservation_ends_once(edge, book, first, then):
    bodies = {"confirm": {"cost": 1}, "release": b""}
    reservation_id = reserve(edge, book.mint(), 5)["reservation_id"]
    assert end(edge, reservation_id, first, bodies[first]).status == 200
    reply = end(edge, reservation_id, then, bodies[then])
    assert (reply.status, reply.json["code"]) == (404, "NO_SUCH_RESERVATION")


def test_a_final_cost_above_the_reserved_one_is_refused_and_ends_nothing(edge, book):
    reservation_id = reserve(edge, book.mint(), 5)["reservation_id"]
    reply = end(edge, reservation_id, "confirm", {"cost": 6})
    assert (reply.status, reply.json["field"]) == (400, "cost")
    assert end(edge, reservation_id, "confirm", {"cost": 5}).status == 200


@pytest.mark.parametrize("reservation_id", ["rsv_1", "res_x", "rsv_" + "0" * 32, "Tag00001", "x" * 200])
def test_a_reservation_that_never_was_is_a_404(edge, reservation_id):
    assert end(edge, reservation_id, "release").status == 404
    assert end(edge, reservation_id, "confirm", {"cost": 1}).status == 404


def test_an_unknown_meter_is_refused_by_its_field(edge, book):
    reply = edge.verify({"key": book.mint(), "meter": "fish"})
    assert (reply.status, reply.json["code"], reply.json["field"]) == (400, "INVALID_REQUEST", "meter")


def test_while_the_book_is_away_an_unknown_key_is_never_called_unknown(edge, book):
    book.away = True
    reply = edge.verify({"key": book.mint()})
    assert (reply.status, reply.json["code"]) == (503, "UNAVAILABLE")
    assert edge.authorize(book.mint()).status == 503


def test_while_everything_is_observed_nothing_is_refused_and_what_would_have_been_is_told(redis, book):
    observing = make_edge(gate=paper.gate(redis, book, observe_all=True), observe=True)
    for code, (make, _) in CASES.items():
        if code not in ("VALID", "RATE_LIMITED", "SUSPENDED"):
            reply = observing.authorize(make(book), headers=FROM_OUTSIDE | {"X-Upkeep-Scopes": "write"})
            assert reply.status == 204
            assert reply.headers["X-Upkeep-Observed"] in (code, "INSUFFICIENT_SCOPE")


def test_an_observed_account_passes_where_it_would_have_been_refused(edge, book):
    key = used_up(book)
    book.account = replace(book.account, observed_ms=PAST_MS)
    said = edge.verify({"key": key}).json
    assert (said["valid"], said["code"], said["observed"]) == (True, "VALID", "QUOTA_EXCEEDED")
