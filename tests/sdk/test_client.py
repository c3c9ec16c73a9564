"""The client against the real edge: verdicts, exceptions, reservations, connections."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from portal.gate import Allowance, network
from portal.kit import tokens
from tests.edge.door import OUTSIDE, SERVICE_KEY
from upkeep_sdk import (
    Client,
    Ended,
    Forbidden,
    KeyRefused,
    Misconfigured,
    QuotaExceeded,
    RateLimited,
    Unavailable,
)

PAST_MS = 1_700_000_000_000


def suspended(book):
    book.account = replace(book.account, suspended_ms=PAST_MS)
    return book.mint()


def used_up(book):
    book.allow(calls=0)
    return book.mint()


def capped(book):
    book.allow(calls=Allowance(0, 0, "SPEND_CAP"))
    return book.mint()


REFUSALS = {
    "NOT_FOUND": (lambda book: tokens.mint("upk", "live", "Nobody00"), KeyRefused, 401),
    "REVOKED": (lambda book: book.mint(revoked_ms=PAST_MS), KeyRefused, 401),
    "EXPIRED": (lambda book: book.mint(expires_ms=PAST_MS), KeyRefused, 401),
    "SUSPENDED": (suspended, Forbidden, 403),
    "IP_DENIED": (lambda book: book.mint(networks=(network("198.51.100.0/24"),)), Forbidden, 403),
    "INSUFFICIENT_SCOPE": (lambda book: book.mint(scopes=("write",)), Forbidden, 403),
    "RATE_LIMITED": (lambda book: book.mint(rate=1, burst=1, scopes=("read",)), RateLimited, 429),
    "QUOTA_EXCEEDED": (used_up, QuotaExceeded, 429),
    "SPEND_CAP": (capped, QuotaExceeded, 429),
}


def test_a_key_that_may_pass_passes_and_all_is_told_of_it(client, book, edge):
    key = book.mint(scopes=("read",), external_id="cus_7")
    verdict = client.verify(key, cost=2, scopes=["read"], endpoint="GET /memories/{id}", ip=OUTSIDE)
    assert (verdict.valid, verdict.code, verdict.account_id) == (True, "VALID", "acc_alice")
    assert (verdict.external_id, verdict.environment, verdict.plan) == ("cus_7", "live", "api-free")
    assert (verdict.quota.used, verdict.quota.remaining, verdict.ratelimit.limit) == (2, 998, 1000)
    (asked,) = edge.asked
    assert (asked.endpoint, asked.ip, asked.cost) == ("GET /memories/{id}", OUTSIDE, 2)


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_has_its_code_and_its_exception(client, book, code):
    make, kind, status = REFUSALS[code]
    key = make(book)
    scopes = ["read"] if code in ("INSUFFICIENT_SCOPE", "RATE_LIMITED") else []
    if code == "RATE_LIMITED":
        client.verify(key, scopes=scopes)
    assert client.verify(key, scopes=scopes, ip=OUTSIDE).code == code
    with pytest.raises(kind) as refusal:
        client.admit(key, scopes=scopes, ip=OUTSIDE)
    assert (refusal.value.code, refusal.value.status) == (code, status)
    assert refusal.value.retryable is (code == "RATE_LIMITED")


def test_a_quota_refusal_is_no_rate_refusal(client, book):
    with pytest.raises(QuotaExceeded) as quota:
        client.admit(used_up(book))
    assert not isinstance(quota.value, RateLimited) and quota.value.retry_after > 19 * 86_400


@pytest.mark.parametrize("key", [None, "", "x" * 513, "upk_live_" + "x" * 46])
def test_what_cannot_be_a_key_is_not_found(client, key):
    assert client.verify(key).code == "NOT_FOUND"


def test_a_reservation_counts_what_it_is_confirmed_with(client, book, edge):
    key = book.mint()
    with client.reserve(key, cost=10) as held:
        assert edge.used(key) == 10
        held.confirm(4)
    assert edge.used(key) == 4
    with client.reserve(key, cost=3):
        pass
    assert edge.used(key) == 7
    with pytest.raises(KeyError), client.reserve(key, cost=3):
        raise KeyError
    assert edge.used(key) == 7


def test_a_reservation_ends_once(client, book):
    held = client.reserve(book.mint())
    held.confirm()
    held.release()
    with pytest.raises(Ended):
        client.confirm(held.verdict.reservation_id, 1)


def test_a_wrong_service_key_or_question_is_the_developers_fault(running, client, book):
    with Client(running.url, tokens.mint_service("upk")) as stranger, pytest.raises(Misconfigured) as wrong:
        stranger.verify(book.mint())
    assert "service key" in str(wrong.value) and SERVICE_KEY not in str(wrong.value)
    with pytest.raises(Misconfigured, match="meter"):
        client.verify(book.mint(), meter="fish")


@pytest.mark.parametrize("url", ["portal.example.org", "ftp://x", "http://", "http://x/?q=1", ""])
def test_an_address_that_is_none_is_refused_at_once(url):
    with pytest.raises(ValueError, match=r"address|UPKEEP_URL"):
        Client(url, "upk_svc_x")


@pytest.mark.parametrize("key", ["upk_svc_x\r\nHost: elsewhere", "upk svc", "ключ"])
def test_a_service_key_cannot_smuggle_headers(key):
    with pytest.raises(ValueError, match="printable"):
        Client("http://127.0.0.1:1", key)


def test_keys_may_be_checked_elsewhere_than_at_the_portal(running, book):
    with Client("http://127.0.0.1:1", SERVICE_KEY, gate_url=running.url) as client:
        assert client.verify(book.mint()).valid


def test_one_connection_serves_many_questions(client, book, running):
    key = book.mint()
    assert {client.verify(key).code for _ in range(20)} == {"VALID"}
    assert running.connections == 1


def test_threads_share_a_client_and_every_call_counts_once(client, book, edge):
    key = book.mint()
    with ThreadPoolExecutor(8) as threads:
        codes = list(threads.map(lambda _: client.verify(key).code, range(200)))
    assert set(codes) == {"VALID"} and edge.used(key) == 200


def test_a_connection_that_was_closed_meanwhile_is_opened_again(client, book, running):
    key = book.mint()
    client.verify(key)
    running.drop()
    assert client.verify(key).valid and running.connections == 2


def test_a_forked_child_opens_connections_of_its_own(client, book, running):
    key = book.mint()
    client.verify(key)
    if (child := os.fork()) == 0:
        os._exit(0 if client.verify(key).valid else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client.verify(key).valid and running.connections == 2


def test_nobody_passes_while_upkeep_is_away(book):
    with Client("http://127.0.0.1:1", SERVICE_KEY) as alone, pytest.raises(Unavailable):
        alone.verify(book.mint())


def test_while_the_gate_cannot_know_nobody_passes(client, book, engines, redis):
    key = book.mint()
    book.away = True
    with pytest.raises(Unavailable):
        client.verify(key)
    book.away = False
    assert client.verify(key).valid, "one question about one key says nothing of the others"
