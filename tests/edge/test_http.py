"""The gate server's HTTP: awkward requests, one by one and at random, and never a wrong verdict.

SOAK_SECONDS lets the random ones go on for as long.
"""

import json
import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.edge.server import house, http
from tests.edge.door import KEY, NOW, SERVICE_KEY, VALID, FakeGate, services
from tests.edge.server import Server

QUESTION = json.dumps({"key": KEY}).encode()
HOST, SERVICE = b"Host: u\r\n", b"Authorization: Bearer " + SERVICE_KEY.encode() + b"\r\n"
LENGTH = b"Content-Length: %d\r\n"
POST = b"POST /v1/keys/verify HTTP/1.1\r\n"
VERIFY = POST + HOST + SERVICE + LENGTH % len(QUESTION) + b"\r\n" + QUESTION
AUTHORIZE = b"GET /v1/authorize HTTP/1.1\r\n" + HOST + b"X-API-Key: " + KEY.encode() + b"\r\n\r\n"
EXAMPLES = 60


def make_server(verdict=VALID, **options):
    return Server(
        FakeGate(verdict),
        services(),
        trusted_proxies=[],
        public_url="https://portal.example",
        now=lambda: NOW,
        **options,
    )


@pytest.fixture
def server():
    return make_server()


def chunked(*chunks, trailers=b""):
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return (
        POST + HOST + SERVICE + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n" + trailers + b"\r\n"
    )


def statuses(wire):
    return [reply.status for reply in wire.replies()]


# What is well formed.


def test_a_connection_is_kept_and_used_again(server):
    wire = server.wire().send(VERIFY).send(AUTHORIZE).send(VERIFY)
    assert statuses(wire) == [200, 204, 200] and not wire.ended


def test_requests_sent_at_once_are_answered_in_their_order(server):
    wire = server.wire().send(VERIFY + AUTHORIZE + VERIFY)
    assert statuses(wire) == [200, 204, 200]


def test_answers_keep_the_order_of_requests_however_they_become_ready():
    server = make_server(hold=True)
    wire = server.wire().send(VERIFY + AUTHORIZE + VERIFY)
    first, second, third = server.answering.held
    server.answering.answer(*third)
    server.answering.answer(*second)
    assert wire.told == b""
    server.answering.answer(*first)
    assert statuses(wire) == [200, 204, 200]


def test_a_client_that_asks_too_much_at_once_is_not_read_until_it_has_answers():
    server = make_server(hold=True)
    wire = server.wire().send(VERIFY * http.TURNS_MOST)
    assert not wire.reading
    server.answering.answer(*server.answering.held[0])
    assert wire.reading


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_a_request_may_come_in_pieces(server, size):
    data = VERIFY + chunked(QUESTION) + AUTHORIZE
    wire = server.wire().send(*(data[at : at + size] for at in range(0, len(data), size)))
    assert statuses(wire) == [200, 200, 204]
    assert [question.key for question in server.gate.asked] == [KEY] * 3


def test_a_chunked_body_is_put_together(server):
    assert statuses(server.wire().send(chunked(QUESTION[:5], QUESTION[5:]))) == [200]


def test_a_trailer_says_nothing(server):
    data = chunked(QUESTION, trailers=b"Authorization: Bearer x\r\nX-API-Key: y\r\n")
    assert statuses(server.wire().send(data)) == [200]


def test_one_says_close_and_is_closed(server):
    wire = server.wire().send(VERIFY.replace(HOST, HOST + b"Connection: close\r\n") + VERIFY)
    (reply,) = wire.replies()
    assert (reply.status, reply.headers["Connection"]) == (200, "close") and wire.ended


def test_http_1_0_is_answered_and_closed(server):
    wire = server.wire().send(VERIFY.replace(b"HTTP/1.1", b"HTTP/1.0").replace(HOST, b""))
    assert statuses(wire) == [200] and wire.ended


def test_a_head_request_has_no_body(server):
    wire = server.wire().send(b"HEAD /v1/keys/verify HTTP/1.1\r\n" + HOST + b"\r\n" + AUTHORIZE)
    assert [reply.status for reply in wire.replies("HEAD", "GET")] == [405, 204]


def test_a_client_that_expects_to_be_told_to_go_on_is_told(server):
    head, _, body = VERIFY.replace(HOST, HOST + b"Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    wire = server.wire().send(head + b"\r\n\r\n")
    assert wire.told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert statuses(wire.send(body)) == [200]


@pytest.mark.parametrize("path", ["/healthz", "/healthz?x=1", "http://u/healthz", "/%68ealthz"])
def test_it_says_that_it_lives(server, path):
    (reply,) = server.wire().send(f"GET {path} HTTP/1.1\r\nHost: u\r\n\r\n".encode()).replies()
    assert (reply.status, reply.json) == (200, {"status": "ok"})


def test_what_is_nobodys_is_a_404(server):
    (reply,) = server.wire().send(b"GET /fish HTTP/1.1\r\nHost: u\r\n\r\n").replies()
    assert (reply.status, reply.json["code"]) == (404, "NO_SUCH_ROUTE")


def test_the_body_of_the_call_that_a_proxy_asks_about_is_passed_by(server):
    call = AUTHORIZE.replace(b"GET", b"POST").replace(HOST, HOST + LENGTH % 100_000)
    wire = server.wire().send(call, *[b"x" * 10_000] * 10, AUTHORIZE)
    assert statuses(wire) == [204, 204]


def test_a_client_that_has_said_all_still_hears_the_answer():
    server = make_server(hold=True)
    wire = server.wire().send(VERIFY)
    wire.hang_up()
    assert not wire.closed
    server.answering.answer(*server.answering.held[0])
    assert statuses(wire) == [200] and wire.closed


def test_a_client_that_is_gone_is_not_written_to():
    server = make_server(hold=True)
    wire = server.wire().send(VERIFY)
    wire.close()
    server.answering.answer(*server.answering.held[0])
    assert wire.told == b"" and not server.house.connections


def test_what_is_heard_again_is_answered_to_whoever_said_it(server):
    asks = AUTHORIZE.replace(HOST, HOST + b"X-Upkeep-Service-Key: " + SERVICE_KEY.encode() + b"\r\n")
    once = server.wire("192.0.2.1").send(asks).send(asks)
    again = server.wire("192.0.2.2").send(asks).send(VERIFY).send(asks)
    assert (statuses(once), statuses(again)) == ([204, 204], [204, 200, 204])
    asked_for = [question.ip for question in server.gate.asked if question.ip]
    assert asked_for == ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"]


def test_a_server_that_stops_says_so_to_what_it_has_heard_before():
    server = make_server(hold=True)
    wire = server.wire().send(VERIFY).send(VERIFY)
    server.house.drain()
    wire.send(VERIFY)
    for held in server.answering.held:
        server.answering.answer(*held)
    assert [reply.headers.get("Connection") for reply in wire.replies()] == [None, None, "close"]


@pytest.mark.parametrize(
    "data",
    [
        VERIFY.replace(SERVICE, b""),
        VERIFY.replace(HOST, HOST + b"Connection: close\r\n"),
        VERIFY.replace(HOST, HOST + b"Expect: 100-continue\r\n"),
        VERIFY + VERIFY,
        VERIFY + b"GET",
        VERIFY[:-1],
    ],
    ids=["of a stranger", "the last", "expecting", "two", "more than one", "a part"],
)
def test_what_is_more_or_less_than_one_question_is_read_each_time(server, data):
    server.wire().send(data)
    assert server.house.heard == {}


def test_of_what_was_heard_only_so_much_is_remembered(server):
    for number in range(house.HEARD_MOST + 10):
        server.house.remember(b"%d" % number, {}, b"")
    assert statuses(server.wire().send(VERIFY).send(VERIFY)) == [200, 200]
    assert len(server.house.heard) == house.HEARD_MOST and VERIFY in server.house.heard


# What is not. Each is answered once, the connection ends, and what comes after it is not looked at.

MALFORMED = {
    "no request at all": b"\x00\x01\x02\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown version": VERIFY.replace(b"HTTP/1.1", b"HTTP/1.7"),
    "HTTP/0.9": b"GET /v1/authorize\r\n\r\n",
    "no host": VERIFY.replace(HOST, b""),
    "two hosts": VERIFY.replace(HOST, HOST + b"Host: v\r\n"),
    "two lengths": VERIFY.replace(LENGTH % len(QUESTION), LENGTH % len(QUESTION) + LENGTH % 5),
    "the same length twice": VERIFY.replace(LENGTH % len(QUESTION), LENGTH % len(QUESTION) * 2),
    "two lengths in one": VERIFY.replace(LENGTH % len(QUESTION), b"Content-Length: 5, 5\r\n"),
    "a length and chunks": chunked(QUESTION).replace(HOST, HOST + LENGTH % 5),
    "chunks and a length": chunked(QUESTION).replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n", 1),
    "chunked twice": chunked(QUESTION).replace(b": chunked", b": chunked\r\nTransfer-Encoding: chunked"),
    "chunked, chunked": chunked(QUESTION).replace(b": chunked", b": chunked, chunked"),
    "chunked last but one": chunked(QUESTION).replace(b": chunked", b": chunked, identity"),
    "gzip and chunked": chunked(QUESTION).replace(b": chunked", b": gzip, chunked"),
    "xchunked": chunked(QUESTION).replace(b": chunked", b": xchunked"),
    "an odd coding": chunked(QUESTION).replace(b": chunked", b": \x0bchunked"),
    "chunks in HTTP/1.0": chunked(QUESTION).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a negative length": VERIFY.replace(LENGTH % len(QUESTION), b"Content-Length: -1\r\n"),
    "a length with a sign": VERIFY.replace(LENGTH % len(QUESTION), b"Content-Length: +5\r\n"),
    "a hexadecimal length": VERIFY.replace(LENGTH % len(QUESTION), b"Content-Length: 0x5\r\n"),
    "an empty length": VERIFY.replace(LENGTH % len(QUESTION), b"Content-Length: \r\n"),
    "a length of underscores": VERIFY.replace(LENGTH % len(QUESTION), b"Content-Length: 1_0\r\n"),
    "a space before the colon": VERIFY.replace(b"Content-Length:", b"Content-Length :"),
    "a folded header": VERIFY.replace(HOST, HOST + b"X-API-Key: a\r\n b\r\n"),
    "a header without a colon": VERIFY.replace(HOST, HOST + b"nonsense\r\n"),
    "a header without a name": VERIFY.replace(HOST, HOST + b": x\r\n"),
    "a NUL in a header": VERIFY.replace(HOST, HOST + b"X: a\x00b\r\n"),
    "a bare CR in a header": VERIFY.replace(HOST, HOST + b"X: a\rContent-Length: 5\r\n"),
    "a bare LF": VERIFY.replace(HOST, b"Host: u\n"),
    "a chunk size that is none": chunked(QUESTION).replace(b"\r\n\r\n", b"\r\n\r\nzz\r\n", 1),
    "a chunk size with a sign": chunked(QUESTION).replace(b"\r\n\r\n", b"\r\n\r\n+", 1),
    "a chunk size beyond all": chunked(QUESTION).replace(b"\r\n\r\n", b"\r\n\r\nfffffffffffffffff\r\n", 1),
    "a chunk longer than it says": chunked(QUESTION).replace(b"%x\r\n" % len(QUESTION), b"5\r\n"),
    "a chunk without its end": chunked(QUESTION).replace(QUESTION + b"\r\n", QUESTION + b"\n"),
    "a space in the path": VERIFY.replace(b"/v1/keys/verify", b"/v1/keys/ver ify"),
    "an expectation nobody knows": VERIFY.replace(HOST, HOST + b"Expect: fish\r\n"),
    "another protocol in the body": VERIFY.replace(HOST, HOST + b"Connection: upgrade\r\nUpgrade: h2c\r\n"),
}


@pytest.mark.parametrize("what", MALFORMED)
@pytest.mark.parametrize("size", [1, 100_000])
def test_nothing_after_a_malformed_request_is_looked_at(server, what, size):
    data = MALFORMED[what] + AUTHORIZE + VERIFY
    wire = server.wire().send(*(data[at : at + size] for at in range(0, len(data), size)))
    (reply,) = wire.replies()
    assert (reply.status, reply.headers["Connection"]) == (400, "close"), reply
    assert reply.json["code"] == "INVALID_REQUEST"
    assert wire.ended and server.gate.asked == []


def test_what_was_asked_before_a_malformed_request_is_answered_before_it():
    server = make_server(hold=True)
    wire = server.wire().send(VERIFY + MALFORMED["two lengths"] + VERIFY)
    assert wire.told == b""
    server.answering.answer(*server.answering.held[0])
    assert statuses(wire) == [200, 400] and wire.ended and len(server.gate.asked) == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", "HEAD_TOO_LARGE"),
        (AUTHORIZE.replace(HOST, HOST + b"X: " + b"x" * 40_000 + b"\r\n"), "HEAD_TOO_LARGE"),
        (AUTHORIZE.replace(HOST, HOST + b"X: y\r\n" * 101), "HEAD_TOO_LARGE"),
        (AUTHORIZE.replace(HOST, HOST + b"x" * 40_000 + b": y\r\n"), "HEAD_TOO_LARGE"),
        (VERIFY.replace(LENGTH % len(QUESTION), LENGTH % 16_385), "TOO_LARGE"),
        (VERIFY.replace(LENGTH % len(QUESTION), LENGTH % 10**14), "TOO_LARGE"),
        (chunked(*[b" " * 1_000] * 17), "TOO_LARGE"),
    ],
)
@pytest.mark.parametrize("size", [997, 1_000_000])
def test_what_is_too_large_is_refused_and_the_connection_ends(server, data, code, size):
    wire = server.wire().send(*(data[at : at + size] for at in range(0, len(data), size)))
    (reply,) = wire.replies()
    assert (reply.status, reply.json["code"]) == ({"TOO_LARGE": 413}.get(code, 431), code)
    assert wire.ended and server.gate.asked == []


def test_a_head_without_an_end_is_not_kept(server):
    wire = server.wire().send(POST, *[b"x" * 1_000] * 40)
    assert statuses(wire) == [431] and wire.ended


def test_of_a_body_too_large_and_no_service_key_the_key_is_told(server):
    data = VERIFY.replace(SERVICE, b"").replace(LENGTH % len(QUESTION), LENGTH % 20_000)
    assert statuses(server.wire().send(data)) == [401]


@pytest.mark.parametrize("data", [b"POST", VERIFY[:-5], chunked(QUESTION)[:-3]])
def test_a_request_that_ends_too_soon_is_refused(server, data):
    wire = server.wire().send(data)
    wire.hang_up()
    assert statuses(wire) == [400] and wire.closed and server.gate.asked == []


# Those who are slow.


@pytest.mark.parametrize(("data", "seconds"), [(b"POST", 11), (VERIFY[:60], 11), (VERIFY[:-1], 31)])
def test_a_slow_client_is_told_that_its_time_is_up(server, data, seconds):
    wire = server.wire().send(data)
    server.pass_time(seconds)
    assert statuses(wire) == [408] and wire.ended
    server.pass_time(3)
    assert wire.closed


def test_a_body_that_drips_is_not_waited_for_longer(server):
    wire = server.wire().send(VERIFY[:-20])
    for byte in VERIFY[-20:-1]:
        wire.send(bytes([byte]))
        server.pass_time(2)
    assert statuses(wire) == [408]


def test_a_connection_on_which_nothing_is_asked_is_closed(server):
    silent, idle = server.wire(), server.wire().send(VERIFY)
    server.pass_time(11)
    assert silent.closed and not idle.closed
    server.pass_time(65)
    assert idle.closed and statuses(idle) == [200]


def test_a_client_that_does_not_read_its_answers_is_cut_off(server):
    wire = server.wire().send(VERIFY)
    wire.connection.pause_writing()
    assert not wire.reading
    server.pass_time(31)
    assert wire.closed


def test_a_client_that_waits_for_us_is_not_cut_off():
    server = make_server(hold=True)
    wire = server.wire().send(VERIFY)
    server.pass_time(100)
    assert not wire.closed
    server.answering.answer(*server.answering.held[0])
    assert statuses(wire) == [200]


def test_more_connections_than_may_be_are_told_so():
    server = make_server(most=1)
    first, second = server.wire(), server.wire()
    assert statuses(second) == [503] and second.ended
    assert statuses(first.send(VERIFY)) == [200]


# The end.


def test_a_server_that_stops_answers_what_was_asked_and_closes():
    server = make_server(hold=True)
    idle, waiting, coming = server.wire(), server.wire().send(VERIFY), server.wire().send(VERIFY[:-1])
    server.house.drain()
    assert idle.ended and not waiting.ended
    server.answering.answer(*server.answering.held[0])
    (reply,) = waiting.replies()
    assert (reply.status, reply.headers["Connection"]) == (200, "close") and waiting.ended
    coming.send(VERIFY[-1:])
    server.answering.answer(*server.answering.held[1])
    assert statuses(coming) == [200] and coming.ended


# At random.

GOOD = [VERIFY, AUTHORIZE, chunked(QUESTION[:9], QUESTION[9:]), *MALFORMED.values()]
SCRAPS = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b" ",
    b":",
    b"0",
    b"0\r\n\r\n",
    b"\x00",
    b"GET ",
    b"HTTP/1.1\r\n",
    HOST,
]
SCRAPS += [b"Transfer-Encoding: chunked\r\n", b"Content-Length: 3\r\n", b"Connection: close\r\n", SERVICE]


@st.composite
def awkward(draw):
    """Requests put together, torn and stained."""
    data = b"".join(draw(st.lists(st.sampled_from(GOOD) | st.sampled_from(SCRAPS), min_size=1, max_size=4)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        end = draw(st.integers(at, min(len(data), at + 20)))
        data = data[:at] + draw(st.sampled_from(SCRAPS) | st.binary(max_size=4)) + data[end:]
    return data


def check(data, cuts):
    """Whatever comes in: replies that a strict client can read, the same however it is cut and again."""
    told, whole = [], [data]
    torn = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    for pieces, heard_before in ((whole, False), (torn, False), (whole, True)):
        server = make_server()
        if heard_before:
            server.wire().send(*pieces)
            server.gate.asked.clear()
        wire = server.wire().send(*pieces)
        replies = [(reply.status, reply.headers.get("Connection")) for reply in wire.replies("GET")]
        assert all(status in (200, 204, 400, 401, 404, 405, 408, 413, 431) for status, _ in replies)
        assert not any("\x00" in question.key for question in server.gate.asked)
        assert sum(status in (200, 204) for status, _ in replies) <= len(server.gate.asked) + 1
        assert [closed for _, closed in replies[:-1]] == [None] * (len(replies) - 1)
        if replies and replies[-1][1] == "close":
            assert wire.ended
        told.append((replies, [question.key for question in server.gate.asked]))
        server.pass_time(200)
        server.pass_time(3)
        assert wire.closed and not server.house.connections, "it hangs"
    assert told[0] == told[1], "cut in other places, it means another thing"
    assert told[0] == told[2], "heard again, it means another thing"


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(awkward() | st.binary(max_size=200), st.data())
def test_no_bytes_whatever_break_it_and_where_they_are_cut_means_nothing(data, draw):
    check(data, sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=5))))


@pytest.mark.skipif("SOAK_SECONDS" not in os.environ, reason="make soak")
def test_no_bytes_whatever_break_it_for_long():
    until = time.monotonic() + float(os.environ.get("SOAK_SECONDS", 0))
    rounds = 0

    @settings(max_examples=2_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(awkward() | st.binary(max_size=300), st.data())
    def at_random(data, draw):
        check(data, sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=5))))

    while time.monotonic() < until:
        at_random()
        rounds += 1
    assert rounds
