"""/v1/authorize: a proxy asks whether the call in its hands may pass."""

import pytest

from portal.gate import CODES, Question, QuotaState, RateState, Unavailable, Verdict
from portal.kit import tokens
from tests.edge.door import KEY, OUTSIDE, RESETS_AT, SERVICE_KEY, VALID, make_edge

pytestmark = pytest.mark.usefixtures("both")

STATUSES = {
    "NOT_FOUND": 401,
    "REVOKED": 401,
    "EXPIRED": 401,
    "SUSPENDED": 403,
    "IP_DENIED": 403,
    "INSUFFICIENT_SCOPE": 403,
    "RATE_LIMITED": 429,
    "QUOTA_EXCEEDED": 429,
    "SPEND_CAP": 429,
    "VALID": 204,
}
WITH_SERVICE = {"X-Upkeep-Service-Key": SERVICE_KEY}
TEN_DAYS_AND_A_HALF = 907_200


def verdict(code):
    if code == "NOT_FOUND":
        return Verdict(valid=False, code=code)
    return VALID._replace(valid=code == "VALID", code=code)


def test_a_valid_key_is_answered_204_with_who_it_is(edge):
    reply = edge.authorize()
    assert (reply.status, reply.body) == (204, b"")
    assert {name: value for name, value in reply.headers.items() if name.startswith("X-Upkeep-")} == {
        "X-Upkeep-Code": "VALID",
        "X-Upkeep-Account": "acc_1",
        "X-Upkeep-Key": "key_1",
        "X-Upkeep-Plan": "api-pro",
        "X-Upkeep-Environment": "live",
        "X-Upkeep-Request-Id": reply.headers["X-Request-Id"],
    }
    assert "Content-Length" not in reply.headers and "Content-Type" not in reply.headers


def test_the_limit_headers_name_the_rate_and_the_month(edge):
    headers = edge.authorize().headers
    assert headers["RateLimit"] == f'"rate";r=99;t=1, "month";r=99999;t={TEN_DAYS_AND_A_HALF}'
    assert headers["RateLimit-Policy"] == f'"rate";q=50;w=1, "month";q=100000;w={30 * 86_400}'


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_its_status_and_says_its_name_in_a_header(code):
    reply = make_edge(verdict(code)).authorize()
    assert (reply.status, reply.headers["X-Upkeep-Code"]) == (STATUSES[code], code)
    assert reply.headers["X-Upkeep-Request-Id"] == reply.headers["X-Request-Id"]
    assert ("WWW-Authenticate" in reply.headers) is (STATUSES[code] == 401)
    assert ("Retry-After" in reply.headers) is (STATUSES[code] == 429)
    assert ("RateLimit" in reply.headers) is (code != "NOT_FOUND")
    if code != "VALID":
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert (reply.json["code"], reply.json["status"]) == (code, STATUSES[code])
        assert reply.json["request_id"] == reply.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("retry_ms", "seconds"), [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (2_400, "3")]
)
def test_a_rate_refusal_says_when_there_is_a_token_again(retry_ms, seconds):
    limited = verdict("RATE_LIMITED")._replace(ratelimit=RateState(5, 10, 0, 0, retry_ms))
    reply = make_edge(limited).authorize()
    assert reply.headers["Retry-After"] == seconds
    assert reply.headers["X-RateLimit-Limit"] == "10"


@pytest.mark.parametrize("code", ["QUOTA_EXCEEDED", "SPEND_CAP"])
def test_a_quota_refusal_says_when_it_resets_and_where_to_upgrade(code):
    used_up = verdict(code)._replace(quota=QuotaState(1_000, 1_000, 1_000, 0, 0, RESETS_AT))
    reply = make_edge(used_up).authorize()
    assert reply.headers["Retry-After"] == str(TEN_DAYS_AND_A_HALF)
    assert reply.headers["X-RateLimit-Limit"] == "1000"
    assert reply.headers["X-RateLimit-Reset"] == str(TEN_DAYS_AND_A_HALF)
    assert "2026-12-01T00:00:00Z" in reply.json["detail"]
    assert "https://portal.example/plans" in reply.json["detail"]


def test_a_call_that_does_not_fit_is_told_how_much_is_left():
    short = verdict("QUOTA_EXCEEDED")._replace(quota=QuotaState(1_000, 1_000, 915, 85, 0, RESETS_AT))
    assert "more than the 85 units" in make_edge(short).authorize().json["detail"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_any_method_is_accepted(edge, method):
    assert edge.authorize(method=method).status == 204


@pytest.mark.parametrize("path", ["/", "/memories/7"])
def test_envoy_which_appends_the_path_of_the_call_is_told_200(edge, path):
    reply = edge.ask(f"/v1/authorize{path}", method="GET", headers={"X-API-Key": KEY})
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, b"", "0")


def test_the_answer_to_head_has_no_body():
    reply = make_edge(verdict("REVOKED")).authorize(method="HEAD")
    assert (reply.status, reply.body) == (401, b"")


@pytest.mark.parametrize(
    "headers", [{"Authorization": f"Bearer {KEY}"}, {"X-API-Key": KEY}, {"X-API-Key": f" {KEY} "}]
)
def test_the_key_comes_in_either_header(edge, headers):
    assert edge.authorize(key=None, headers=headers).status == 204
    assert edge.gate.asked == [Question(KEY, ip="127.0.0.1")]


def test_one_key_in_both_headers_is_one_key(edge):
    assert edge.authorize(headers={"X-API-Key": KEY}).status == 204


def test_two_different_keys_are_refused(edge):
    reply = edge.authorize(headers={"X-API-Key": tokens.mint("upk", "live", "ABCDEFGH")})
    assert (reply.status, reply.headers["X-Upkeep-Code"]) == (400, "INVALID_REQUEST")
    assert edge.gate.asked == []


def test_other_credentials_beside_the_key_are_left_alone(edge):
    assert edge.authorize(key=None, headers={"Authorization": "Basic eDp5", "X-API-Key": KEY}).status == 204


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}, {"X-API-Key": ""}]
)
def test_no_key_is_answered_401(edge, headers):
    reply = edge.authorize(key=None, headers=headers)
    assert (reply.status, reply.headers["X-Upkeep-Code"]) == (401, "NOT_FOUND")
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert edge.gate.asked == []


def test_an_external_id_is_told_in_characters_that_a_header_may_carry():
    assert (
        make_edge(VALID._replace(external_id="cus_7")).authorize().headers["X-Upkeep-External-Id"] == "cus_7"
    )
    odd = make_edge(VALID._replace(external_id="Zoë\r\nX: 100%")).authorize()
    assert odd.headers["X-Upkeep-External-Id"] == "Zo%C3%AB%0D%0AX: 100%25"


def test_the_proxy_says_cost_scopes_and_endpoint_with_a_service_key(edge):
    said = {
        "X-Upkeep-Cost": "5",
        "X-Upkeep-Scopes": "read, write  admin",
        "X-Upkeep-Endpoint": "GET /caf\xc3\xa9s",
    }
    assert edge.authorize(headers=WITH_SERVICE | said).status == 204
    asked = Question(KEY, 5, scopes=("read", "write", "admin"), endpoint="GET /cafés", ip="127.0.0.1")
    assert edge.gate.asked == [asked]


@pytest.mark.parametrize("header", ["X-Upkeep-Cost", "X-Upkeep-Scopes", "X-Upkeep-Endpoint"])
def test_without_a_service_key_nobody_names_cost_scopes_or_endpoint(edge, header):
    reply = edge.authorize(headers={header: "0"})
    assert (reply.status, reply.headers["X-Upkeep-Code"]) == (401, "UNAUTHORIZED")
    assert header in reply.json["detail"]
    assert edge.gate.asked == []


@pytest.mark.parametrize("cost", ["", "-1", "1.5", "x", "1e3", "٣", "²", "1000000001", "9" * 5_000, "1, 1"])
def test_a_malformed_cost_is_refused(edge, cost):
    reply = edge.authorize(headers={**WITH_SERVICE, "X-Upkeep-Cost": cost.encode().decode("latin-1")})
    assert (reply.status, reply.json["field"]) == (400, "X-Upkeep-Cost")
    assert edge.gate.asked == []


@pytest.mark.parametrize("token", ["", "nonsense", KEY, tokens.mint_service("upk")])
@pytest.mark.parametrize("peer", ["127.0.0.1", OUTSIDE])
def test_a_wrong_service_key_is_refused_wherever_it_comes_from(edge, token, peer):
    reply = edge.authorize(headers={"X-Upkeep-Service-Key": token}, peer=peer)
    assert (reply.status, reply.headers["X-Upkeep-Code"]) == (401, "UNAUTHORIZED")
    assert edge.gate.asked == []


def test_a_service_key_is_answered_from_anywhere(edge):
    assert edge.authorize(headers=WITH_SERVICE, peer=OUTSIDE).status == 204


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", ""])
def test_inside_no_service_key_is_needed(edge, peer):
    assert edge.authorize(peer=peer).status == 204


def test_a_trusted_proxy_without_a_client_stands_inside():
    assert make_edge(proxies=["10.0.0.0/8"]).authorize(peer="10.1.2.3").status == 204
    assert make_edge(proxies=["10.0.0.0/8"]).authorize(peer="127.0.0.1").status == 204


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        (OUTSIDE, {}),
        ("10.1.2.3", {}),
        (None, {}),
        ("nonsense", {}),
        (OUTSIDE, {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"X-Forwarded-For": OUTSIDE}),
        ("127.0.0.1", {"X-Forwarded-For": f"127.0.0.1, {OUTSIDE}"}),
        ("127.0.0.1", {"X-Forwarded-For": f"{OUTSIDE}, 127.0.0.1"}),
        ("127.0.0.1", {"X-Forwarded-For": "unknown"}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1,"}),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", {"X-Real-IP": OUTSIDE}),
    ],
)
def test_outside_a_service_key_is_needed(edge, peer, headers):
    reply = edge.authorize(peer=peer, headers=headers)
    assert (reply.status, reply.headers["X-Upkeep-Code"]) == (401, "UNAUTHORIZED")
    assert edge.gate.asked == []


def test_the_address_of_the_call_is_what_a_trusted_proxy_says(edge):
    edge.authorize(headers={**WITH_SERVICE, "X-Forwarded-For": f"198.51.100.1, {OUTSIDE}"})
    edge.authorize(headers={**WITH_SERVICE, "X-Forwarded-For": "198.51.100.1"}, peer=OUTSIDE)
    edge.authorize(headers={**WITH_SERVICE, "X-Forwarded-For": "unknown"})
    assert [question.ip for question in edge.gate.asked] == [OUTSIDE, OUTSIDE, None]


def test_a_gate_that_cannot_know_is_answered_503():
    reply = make_edge(Unavailable()).authorize()
    assert (reply.status, reply.headers["X-Upkeep-Code"]) == (503, "UNAVAILABLE")
    assert int(reply.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("answer", [verdict("NOT_FOUND"), verdict("QUOTA_EXCEEDED"), Unavailable()])
def test_while_observing_every_call_passes_and_says_what_would_have_been(answer):
    reply = make_edge(answer, observe=True).authorize()
    assert (reply.status, reply.headers["X-Upkeep-Code"]) == (204, "VALID")
    assert reply.headers["X-Upkeep-Observed"] == getattr(answer, "code", "UNAVAILABLE")


def test_while_observing_even_a_call_without_a_key_passes():
    reply = make_edge(observe=True).authorize(key=None)
    assert (reply.status, reply.headers["X-Upkeep-Observed"]) == (204, "NOT_FOUND")


def test_an_account_that_is_observed_passes_and_says_so():
    reply = make_edge(VALID._replace(observed="RATE_LIMITED")).authorize()
    assert (reply.status, reply.headers["X-Upkeep-Observed"]) == (204, "RATE_LIMITED")
