"""Leases: busy keys pass from memory, each call is counted once, and no limit is ever passed."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local.process import wait_until
from tests.edge.door import SERVICE_KEY, Clock
from tests.edge.served import Served
from upkeep_sdk import Client
from upkeep_sdk.leases import BUSY


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def borrowing(running, clock):
    with Client(running.url, SERVICE_KEY, clock=clock) as client:
        yield client


def warm(client, key, **asked):
    """Ask often enough that the key is busy, and a share is held."""
    for _ in range(BUSY):
        client.verify(key, **asked)


def test_calls_with_a_busy_key_pass_from_memory_and_each_is_counted_once(borrowing, book, edge):
    book.change(rate=100_000, burst=100_000)
    book.allow(calls=100_000)
    key = book.mint()
    codes = [borrowing.verify(key, endpoint="GET /a").code for _ in range(500)]
    assert codes == ["VALID"] * 500 and len(edge.asked) < 20
    assert edge.used(key) >= 500, "what is lent counts as used"
    borrowing.close()
    assert edge.used(key) == 500


def test_a_key_that_is_seldom_asked_about_is_asked_of_upkeep_each_time(borrowing, book, edge, clock):
    key = book.mint()
    for _ in range(3 * BUSY):
        borrowing.verify(key)
        clock.seconds += 0.1
    assert len(edge.asked) == 3 * BUSY


def test_what_changed_is_known_when_the_share_is_over(borrowing, book, clock, edge):
    key = book.mint()
    warm(borrowing, key)
    book.amend(key, revoked_ms=1)
    edge.push()
    assert borrowing.verify(key).valid, "the share lasts for less than a second"
    clock.seconds += 1
    assert borrowing.verify(key).code == "REVOKED"


def test_a_share_covers_neither_another_address_nor_a_scope_that_the_key_lacks(borrowing, book, edge):
    key = book.mint(scopes=("read",))
    warm(borrowing, key, ip="203.0.113.9")
    before = len(edge.asked)
    assert borrowing.verify(key, ip="203.0.113.9", scopes=["read"]).valid and len(edge.asked) == before
    assert borrowing.verify(key, ip="198.51.100.7").valid and len(edge.asked) == before + 1
    refused = borrowing.verify(key, ip="203.0.113.9", scopes=["write"])
    assert refused.code == "INSUFFICIENT_SCOPE"


def test_a_share_is_spent_by_cost_and_what_does_not_fit_is_asked(borrowing, book, edge):
    book.allow(calls=100_000)
    key = book.mint()
    warm(borrowing, key, cost=2)
    assert borrowing.verify(key, cost=3).valid
    assert borrowing.verify(key, cost=50_000).valid
    borrowing.close()
    assert edge.used(key) == 2 * BUSY + 3 + 50_000


def test_many_processes_never_pass_the_quota(running, book, edge):
    book.allow(calls=700)
    key = book.mint()

    def greedy(_):
        with Client(running.url, SERVICE_KEY) as client:
            passed = 0
            while passed < 1000 and client.verify(key).valid:
                passed += 1
            return passed

    with ThreadPoolExecutor(4) as threads:
        admitted = sum(threads.map(greedy, range(4)))
    assert admitted <= 700 and edge.used(key) == admitted


def test_threads_share_a_share(running, book, edge):
    book.change(rate=100_000, burst=100_000)
    book.allow(calls=100_000)
    key = book.mint()
    with Client(running.url, SERVICE_KEY) as client, ThreadPoolExecutor(8) as threads:
        codes = list(threads.map(lambda _: client.verify(key).code, range(2000)))
    assert set(codes) == {"VALID"} and edge.used(key) == 2000


def test_what_nobody_uses_is_given_back_by_itself(running, book, edge):
    key = book.mint()
    with Client(running.url, SERVICE_KEY) as client:
        warm(client, key)
        assert edge.used(key) > BUSY
        assert wait_until(lambda: edge.used(key) == BUSY, 10)


def test_a_report_that_could_not_be_sent_is_sent_again_and_counts_once(edge, book, clock):
    key, told = book.mint(), []

    def portal(environ, start_response):
        body = environ["wsgi.input"].read()
        environ["wsgi.input"].seek(0)
        answer = edge.app(environ, start_response)
        if b'"lease_id"' in body:
            told.append(body)
            if len(told) == 1:
                raise ConnectionError  # counted, and never answered
        return answer

    with Served(portal) as server, Client(server.url, SERVICE_KEY, clock=clock) as client:
        warm(client, key)
        clock.seconds += 1

        def settled_a_moment_later():
            clock.seconds += 0.1  # the client lets a second pass after an answer that did not come
            return client.lent_out == 0

        assert wait_until(settled_a_moment_later, 20)
    assert len(told) == 2 and told[0] == told[1]
    assert edge.used(key) == BUSY


def test_an_older_upkeep_that_lends_nothing_is_asked_each_time(edge, book, clock):
    key, asked = book.mint(), []

    def older(environ, start_response):
        asked.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/v1/leases":
            start_response("404 Not Found", [])
            return [json.dumps({"code": "NO_SUCH_ROUTE"}).encode()]
        return edge.app(environ, start_response)

    with Served(older) as server, Client(server.url, SERVICE_KEY, clock=clock) as client:
        assert all(client.verify(key).valid for _ in range(50))
    assert asked.count("/v1/leases") == 1 and len(edge.asked) == 50


def test_a_forked_child_does_not_spend_its_parents_share(borrowing, book, edge):
    key = book.mint()
    warm(borrowing, key)
    before = len(edge.asked)
    if (child := os.fork()) == 0:
        os._exit(0 if borrowing.verify(key).valid else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(edge.asked) == before + 1


def test_leases_can_be_switched_off(client, book, edge):
    key = book.mint()
    assert all(client.verify(key).valid for _ in range(50)) and len(edge.asked) == 50
