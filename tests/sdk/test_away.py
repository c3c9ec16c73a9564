"""Away: what passes while Upkeep cannot be asked, and that it is counted once afterwards."""

import contextlib
import json
import os
import signal
import socket
import threading

import pytest

from deploy.local.ports import free_port
from tests.edge.door import SERVICE_KEY, Clock
from tests.edge.served import Served
from upkeep_sdk import Client, Unavailable
from upkeep_sdk.spool import Spool

SECOND = 1.0


class Portal:
    """An edge that can go away and come back, and that takes events as the portal does."""

    def __init__(self, edge):
        self.edge, self.port = edge, free_port()
        self.told, self.refuses, self._stack = {}, False, contextlib.ExitStack()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] != "/v1/events":
            return self.edge.app(environ, start_response)
        events = json.loads(environ["wsgi.input"].read())
        if self.refuses:
            start_response("400 Bad Request", [])
            return [b'{"detail": "There is no account acc_alice."}']
        self.told |= {(event["source"], event["id"]): event for event in events}
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"inserted": 1, "duplicates": 0}']

    @property
    def units(self):
        return sum(event["data"]["value"] for event in self.told.values())

    def arrive(self):
        return self._stack.enter_context(Served(self, self.port))

    def leave(self):
        self._stack.close()


@pytest.fixture
def portal(edge):
    standing = Portal(edge)
    standing.arrive()
    yield standing
    standing.leave()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def allowing(portal, clock, tmp_path):
    with Client(
        f"http://127.0.0.1:{portal.port}",
        SERVICE_KEY,
        when_away="allow",
        spool=tmp_path / "spool",
        clock=clock,
        leases=False,
    ) as client:
        yield client


def spooled(tmp_path, suffix="*"):
    return sorted(path.suffix for path in (tmp_path / "spool").glob(suffix))


def test_allowing_needs_a_spool():
    with pytest.raises(ValueError, match="spool"):
        Client("http://127.0.0.1:1", SERVICE_KEY, when_away="allow")


def test_known_keys_pass_and_are_counted_once_when_upkeep_is_back(allowing, portal, book, clock, tmp_path):
    key = book.mint()
    allowing.verify(key, endpoint="GET /a")
    portal.leave()
    for _ in range(3):
        verdict = allowing.verify(key, endpoint="GET /a", cost=2)
        assert (verdict.valid, verdict.away) == (True, True)
    allowing.verify(key, endpoint="GET /b")
    assert verdict.quota.remaining == 993
    with pytest.raises(Unavailable):
        allowing.deliver()
    portal.arrive()
    clock.seconds += SECOND
    assert allowing.deliver() == 2
    events = sorted(portal.told.values(), key=lambda event: event["data"]["endpoint"])
    assert [event["data"] for event in events] == [
        {"value": 6, "calls": 3, "endpoint": "GET /a", "key_id": "key_0"},
        {"value": 1, "calls": 1, "endpoint": "GET /b", "key_id": "key_0"},
    ]
    assert {(event["type"], event["subject"]) for event in events} == {("calls", "acc_alice")}
    assert spooled(tmp_path) == [] and allowing.deliver() == 0


def test_a_key_that_was_never_seen_does_not_pass_alone(allowing, portal, book):
    portal.leave()
    with pytest.raises(Unavailable):
        allowing.verify(book.mint())


def test_a_key_that_was_refused_for_good_does_not_pass_alone(allowing, portal, book):
    key = book.mint(revoked_ms=1)
    allowing.verify(key)
    portal.leave()
    with pytest.raises(Unavailable):
        allowing.verify(key)


def test_a_key_passes_alone_only_from_where_it_passed_and_with_scopes_that_it_has(allowing, portal, book):
    key = book.mint(scopes=("read",))
    allowing.verify(key, ip="203.0.113.9")
    portal.leave()
    assert allowing.verify(key, ip="203.0.113.9", scopes=["read"]).valid
    assert allowing.verify(key, ip="203.0.113.9", scopes=["write"]).code == "INSUFFICIENT_SCOPE"
    with pytest.raises(Unavailable):
        allowing.verify(key, ip="198.51.100.7")


def test_an_account_passes_alone_within_what_was_left_to_it(allowing, portal, book):
    book.allow(calls=10)
    key, other = book.mint(), book.mint()
    allowing.verify(other)
    allowing.verify(key, cost=4)
    portal.leave()
    assert allowing.verify(key, cost=3).valid
    refused = allowing.verify(other, cost=3)
    assert (refused.code, refused.quota.remaining) == ("QUOTA_EXCEEDED", 2)
    assert allowing.verify(other, cost=2).valid


def test_an_account_passes_alone_at_its_rate(allowing, portal, book, clock):
    book.change(rate=2, burst=4)
    key = book.mint()
    allowing.verify(key)
    portal.leave()
    codes = [allowing.verify(key).code for _ in range(6)]
    assert codes == ["VALID"] * 4 + ["RATE_LIMITED"] * 2
    clock.seconds += SECOND
    assert [allowing.verify(key).code for _ in range(3)] == ["VALID", "VALID", "RATE_LIMITED"]


def test_what_was_known_is_believed_for_an_hour(allowing, portal, book, clock):
    key = book.mint()
    allowing.verify(key)
    portal.leave()
    clock.seconds += 3599
    assert allowing.verify(key).valid
    clock.seconds += 2
    with pytest.raises(Unavailable):
        allowing.verify(key)


def test_a_question_that_was_sent_and_not_answered_is_not_spooled(allowing, portal, book, tmp_path):
    key = book.mint()
    allowing.verify(key)
    portal.leave()
    with socket.create_server(("127.0.0.1", portal.port)) as deaf:
        reader = threading.Thread(target=_read_and_hang_up, args=(deaf,))
        reader.start()
        assert allowing.verify(key).valid
        reader.join()
        assert spooled(tmp_path) == [], "the gate may have counted it"
        assert allowing.verify(key).valid and spooled(tmp_path) == [".open"], "this one was not even sent"


def test_what_upkeep_itself_may_have_counted_is_not_spooled(allowing, portal, book, redis, tmp_path):
    key = book.mint()
    allowing.verify(key)
    redis.execute_command("CLIENT", "PAUSE", 4000, "ALL")
    assert allowing.verify(key).away and spooled(tmp_path) == []


def _read_and_hang_up(server):
    line, _ = server.accept()
    line.recv(65536)
    line.close()


def test_a_call_that_cannot_be_written_down_does_not_pass(allowing, portal, book, tmp_path):
    key = book.mint()
    allowing.verify(key)
    portal.leave()
    (tmp_path / "spool").rmdir()
    with pytest.raises(Unavailable):
        allowing.verify(key)


def test_a_reservation_made_alone_counts_only_what_succeeded(allowing, portal, book, clock):
    key = book.mint()
    allowing.verify(key)
    portal.leave()
    with allowing.reserve(key, cost=9) as held:
        held.confirm(5)
    with pytest.raises(KeyError), allowing.reserve(key, cost=9):
        raise KeyError
    portal.arrive()
    clock.seconds += SECOND
    allowing.deliver()
    assert portal.units == 5


def test_a_reservation_that_cannot_be_confirmed_any_more_goes_through_the_spool(
    allowing, portal, book, clock
):
    held = allowing.reserve(book.mint(), cost=9)
    portal.leave()
    held.confirm(5)
    portal.arrive()
    clock.seconds += SECOND
    allowing.deliver()
    assert portal.units == 5


def test_what_upkeep_refuses_is_kept_and_not_sent_for_ever(allowing, portal, book, clock, tmp_path):
    key = book.mint()
    allowing.verify(key)
    portal.leave()
    allowing.verify(key)
    portal.refuses = True
    portal.arrive()
    clock.seconds += SECOND
    assert allowing.deliver() == 0 and spooled(tmp_path) == [".refused"]
    assert allowing.deliver() == 0 and spooled(tmp_path) == [".refused"]


class Told:
    """A teller that loses its voice after so many batches."""

    def __init__(self, *, breaks_at=None):
        self.events, self.batches, self._breaks_at = {}, 0, breaks_at

    def __call__(self, events):
        if self.batches == self._breaks_at:
            raise ConnectionError
        self.batches += 1
        self.events |= {event["id"]: event["data"]["value"] for event in events}
        return True


def test_a_spool_that_was_told_in_part_tells_the_same_events_again(tmp_path):
    spool = Spool(tmp_path)
    for number in range(1200):
        spool.add("acc_1", f"key_{number}", "calls", "GET /", 1)
    told = Told(breaks_at=2)
    with pytest.raises(ConnectionError):
        spool.deliver(told)
    first = dict(told.events)
    again = Told()
    assert spool.deliver(again) == 1200
    assert first.items() <= again.events.items() and len(again.events) == 1200


def test_what_a_killed_process_left_is_told_by_another(tmp_path):
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        dying = Spool(tmp_path)
        dying.add("acc_1", "key_1", "calls", "GET /", 7)
        os.write(writing, b"x")
        signal.pause()  # holds its segment until it is killed
    os.close(writing)
    os.read(reading, 1)
    told = Told()
    assert Spool(tmp_path).deliver(told) == 0, "another process is still writing it"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert Spool(tmp_path).deliver(told) == 1 and list(told.events.values()) == [7]


def test_half_a_line_of_a_machine_that_stopped_is_no_use(tmp_path):
    spool = Spool(tmp_path)
    spool.add("acc_1", "key_1", "calls", "GET /", 7)
    spool.close()
    (segment,) = tmp_path.glob("*.open")
    with segment.open("ab") as lines:
        lines.write(b'["acc_1","key_1","cal')
    told = Told()
    assert Spool(tmp_path).deliver(told) == 1 and list(told.events.values()) == [7]


def test_a_damaged_segment_is_kept_for_a_person(tmp_path):
    (tmp_path / "a.sealed").write_text("nonsense\n")
    assert Spool(tmp_path).deliver(Told()) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.refused"]


def test_more_than_one_event_can_hold_is_told_in_several(tmp_path):
    spool = Spool(tmp_path)
    for _ in range(3):
        spool.add("acc_1", "key_1", "tokens", "", 900_000_000)
    told = Told()
    assert spool.deliver(told) == 3 and sum(told.events.values()) == 2_700_000_000
