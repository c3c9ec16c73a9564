"""Crooked requests: what servers and strangers may hand over, and never a 500 for it."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.edge.door import KEY, SERVICE_KEY, call, make_edge

SERVICE = {"Authorization": f"Bearer {SERVICE_KEY}"}
QUESTION = json.dumps({"key": KEY}).encode()


class Input:
    """A body that comes in pieces, and may break."""

    def __init__(self, *pieces, breaks=None):
        self.pieces, self.breaks, self.taken = list(pieces), breaks, 0

    def read(self, size=-1):
        if not self.pieces:
            if self.breaks:
                raise self.breaks
            return b""
        piece = self.pieces.pop(0)
        if 0 <= size < len(piece):
            self.pieces.insert(0, piece[size:])
            piece = piece[:size]
        self.taken += len(piece)
        return piece


def bare(edge, **environ):
    """A request without the validator, which refuses to pass on what is crooked."""
    made = {"REQUEST_METHOD": "POST", "PATH_INFO": "/v1/keys/verify", "REMOTE_ADDR": "127.0.0.1"}
    made |= {"HTTP_AUTHORIZATION": SERVICE["Authorization"]} | environ
    return call(edge.app, made, checked=False)


def test_a_chunked_body_is_read_to_its_end(edge):
    chunks = Input(QUESTION[:5], QUESTION[5:])
    assert bare(edge, **{"wsgi.input": chunks, "wsgi.input_terminated": True}).status == 200


def test_a_chunked_body_is_not_read_beyond_the_limit(edge):
    chunks = Input(*[b" " * 8192] * 1000)
    assert bare(edge, **{"wsgi.input": chunks, "wsgi.input_terminated": True}).status == 413
    assert chunks.taken <= 16 * 1024 + 1


def test_without_a_length_an_input_that_may_never_end_is_not_read(edge):
    endless = Input(QUESTION, breaks=AssertionError("read"))
    assert bare(edge, **{"wsgi.input": endless}).status == 400
    assert endless.taken == 0


def test_an_announced_length_beyond_the_limit_is_refused_unread(edge):
    unread = Input(breaks=AssertionError("read"))
    assert bare(edge, CONTENT_LENGTH="16385", **{"wsgi.input": unread}).status == 413
    assert bare(edge, CONTENT_LENGTH="9" * 5_000, **{"wsgi.input": unread}).status == 413


@pytest.mark.parametrize("length", ["-1", "+5", "1.5", "x", " ", "0x10", "1 2", "\xb2"])
def test_a_length_that_is_no_number_is_refused(edge, length):
    assert bare(edge, CONTENT_LENGTH=length, **{"wsgi.input": Input(QUESTION)}).status == 400


def test_no_more_than_the_announced_length_is_read(edge):
    rest = Input(QUESTION + b"GET /next HTTP/1.1")
    assert bare(edge, CONTENT_LENGTH=str(len(QUESTION)), **{"wsgi.input": rest}).status == 200
    assert rest.taken == len(QUESTION)


def test_a_body_shorter_than_announced_is_refused_even_when_it_is_good_json(edge):
    assert bare(edge, CONTENT_LENGTH="500", **{"wsgi.input": Input(QUESTION)}).status == 400
    assert edge.gate.asked == []


@pytest.mark.parametrize(
    "error", [OSError("reset"), TimeoutError(), ValueError("chunk"), RuntimeError("odd")]
)
def test_a_client_that_goes_away_is_no_fault_of_ours(edge, error):
    assert bare(edge, CONTENT_LENGTH="500", **{"wsgi.input": Input(b"{", breaks=error)}).status == 400


def test_a_server_without_an_input_is_survived(edge):
    assert bare(edge, CONTENT_LENGTH="5").status == 400


def test_authorize_does_not_read_the_body_of_the_call(edge):
    unread = Input(b"x" * 10_000_000, breaks=AssertionError("read"))
    reply = bare(
        edge,
        PATH_INFO="/v1/authorize",
        CONTENT_LENGTH="10000000",
        HTTP_AUTHORIZATION=f"Bearer {KEY}",
        **{"wsgi.input": unread},
    )
    assert (reply.status, unread.taken) == (204, 0)


def test_an_environ_with_almost_nothing_in_it_is_survived(edge):
    assert (
        call(edge.app, {"REQUEST_METHOD": "POST", "PATH_INFO": "/v1/keys/verify"}, checked=False).status
        == 401
    )
    assert call(edge.app, {"PATH_INFO": "/v1/authorize"}, checked=False).status == 401
    assert call(edge.app, {}, checked=False).status == 404


def test_headers_of_a_megabyte_are_survived(edge):
    huge = "x" * 1_000_000
    for name in ("Authorization", "X-API-Key", "X-Forwarded-For", "X-Request-Id", "X-Upkeep-Service-Key"):
        assert edge.ask("/v1/authorize", method="GET", headers={name: huge}).status in (204, 401)


def test_a_hundred_thousand_hops_are_survived(edge):
    assert edge.authorize(headers={"X-Forwarded-For": "127.0.0.1," * 100_000}).status == 401


# What WSGI can carry in a header: bytes as Latin-1, without line ends.
header_text = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=80)
header_names = st.sampled_from(
    [
        "Authorization",
        "X-API-Key",
        "X-Forwarded-For",
        "Forwarded",
        "X-Request-Id",
        "X-Upkeep-Cost",
        "X-Upkeep-Scopes",
        "X-Upkeep-Endpoint",
        "X-Upkeep-Service-Key",
    ]
)
headers = st.dictionaries(header_names, header_text | header_text.map("Bearer {}".format))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
field_names = st.sampled_from(["key", "cost", "meter", "scopes", "endpoint", "ip", "reserve"])
questions = st.dictionaries(field_names | st.text(max_size=8), json_values, max_size=8)
paths = st.sampled_from(["/v1/keys/verify", "/v1/authorize", "/v1/reservations/res_1/confirm"]) | st.text(
    st.characters(max_codepoint=255), max_size=30
).map("/v1/reservations/{}".format)


def ask(path, body, said):
    edge = make_edge()
    return edge.ask(path, body=body, headers=said), edge


def assert_told(reply):
    """Whatever was sent: an answer of the contract, and a problem that is complete."""
    assert reply.status in (200, 204, 400, 401, 404, 405, 413)
    if reply.status >= 400:
        assert reply.json["status"] == reply.status
        assert reply.json.keys() >= {"type", "title", "status", "detail", "code", "request_id"}


@settings(max_examples=200, deadline=None)
@given(paths, st.binary(max_size=300), headers)
def test_no_bytes_whatever_make_a_500(path, body, said):
    reply, _ = ask(path, body, said)
    assert_told(reply)


@settings(max_examples=200, deadline=None)
@given(questions)
def test_no_question_whatever_makes_a_500_and_what_passes_is_well_formed(said):
    reply, edge = ask("/v1/keys/verify", json.dumps(said).encode(), SERVICE)
    assert_told(reply)
    for question in edge.gate.asked:
        assert type(question.cost) is int and 0 <= question.cost <= 1_000_000_000
        assert isinstance(question.reserve, bool) and isinstance(question.scopes, tuple)
        assert len(question.endpoint) <= 100
        for text in (question.key, question.meter, question.endpoint, question.ip or "", *question.scopes):
            text.encode()


@settings(max_examples=200, deadline=None)
@given(headers)
def test_no_headers_of_a_proxy_with_a_service_key_make_a_500(said):
    reply, edge = ask("/v1/authorize", b"", said | {"X-Upkeep-Service-Key": SERVICE_KEY})
    assert_told(reply)
    for question in edge.gate.asked:
        question.endpoint.encode(), [scope.encode() for scope in question.scopes]


@given(st.binary(max_size=200), st.text(max_size=5))
def test_no_length_whatever_makes_a_500(body, length):
    made = {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(body)}
    assert bare(make_edge(), **made).status in (200, 400, 413)
