"""Verdicts: every code, in the order in which they are decided, and what a verdict tells."""

from dataclasses import replace

import pytest

from portal.gate import CODES, COST_MAX, Allowance, network
from portal.kit import tokens
from portal.kit.errors import Invalid
from tests.gate.book import PEPPERS, PREFIX, PaperBook, ask, gate

PAST_MS = 1_700_000_000_000
HOME = network("203.0.113.0/24")


@pytest.fixture
def book():
    return PaperBook()


@pytest.fixture
def door(redis, book):
    return gate(redis, book)


# From the last code to the first: each fault is worse than those before it, so it is told instead.
FAULTS = [
    ("VALID", lambda book, token: None),
    ("SPEND_CAP", lambda book, token: book.allow(calls=Allowance(0, 0, "SPEND_CAP"))),
    ("QUOTA_EXCEEDED", lambda book, token: book.allow(calls=Allowance(0, 0))),
    ("RATE_LIMITED", lambda book, token: book.change(rate=1, burst=0)),
    ("INSUFFICIENT_SCOPE", lambda book, token: book.amend(token, scopes=("read",))),
    ("IP_DENIED", lambda book, token: book.amend(token, networks=(HOME,))),
    ("SUSPENDED", lambda book, token: book.change(suspended_ms=PAST_MS)),
    ("EXPIRED", lambda book, token: book.amend(token, expires_ms=PAST_MS)),
    ("REVOKED", lambda book, token: book.amend(token, revoked_ms=PAST_MS)),
    ("NOT_FOUND", lambda book, token: (book.grants.pop(token), book.change())),
]


def test_the_worst_of_all_faults_is_told(book, door):
    token = book.mint(scopes=("read", "write"))
    told = []
    for _, fault in FAULTS:
        fault(book, token)
        door.push(book.tag)
        if told and told[-1] == "REVOKED":  # a key that is gone from the book is asked about anew
            book.tag, token = book.tag, tokens.mint(PREFIX, "live", book.tag)
        told.append(ask(door, token, scopes=("write",), ip="198.51.100.1").code)
    assert tuple(reversed(told)) == CODES


@pytest.mark.parametrize(
    ("code", "fault"), [pair for pair in FAULTS if pair[0] not in ("VALID", "NOT_FOUND")]
)
def test_a_refused_call_costs_nothing_and_takes_no_rate(redis, book, door, code, fault):
    token = book.mint(scopes=("write",))
    fault(book, token)
    for _ in range(3):
        verdict = ask(door, token, scopes=("write",), ip="198.51.100.1")
        assert (verdict.code, verdict.valid, verdict.quota.used) == (code, False, 0)
    assert door.peek(book.tag).counts == ()
    assert redis.hget(f"{{{book.tag}}}:account", "live:tat") is None


@pytest.mark.parametrize(
    ("code", "fault"), [pair for pair in FAULTS if pair[0] not in ("VALID", "NOT_FOUND")]
)
@pytest.mark.parametrize("everywhere", [True, False])
def test_observing_admits_counts_and_notes_what_it_would_have_said(redis, book, code, fault, everywhere):
    token = book.mint(scopes=("write",))
    fault(book, token)
    book.change(observed_ms=None if everywhere else PAST_MS)
    door = gate(redis, book, observe_all=everywhere)
    verdict = ask(door, token, scopes=("write",), ip="198.51.100.1", cost=7)
    assert (verdict.valid, verdict.code, verdict.observed, verdict.quota.used) == (True, "VALID", code, 7)
    counted = {(count.meter, count.units) for count in door.peek(book.tag).counts}
    assert counted == {("calls", 7), (f"observed:{code}", 1)}


def test_observing_does_not_admit_keys_that_nobody_minted(redis, book):
    door = gate(redis, book, observe_all=True)
    assert ask(door, tokens.mint(PREFIX, "live", book.tag)).code == "NOT_FOUND"
    assert ask(door, tokens.mint(PREFIX, "live", "Nobody00")).code == "NOT_FOUND"


def test_a_verdict_says_who_it_is(book, door):
    book.change(features=("beta",))
    token = book.mint("test", scopes=("read",), external_id="cus_7")
    verdict = ask(door, token, scopes=("read",))
    assert (verdict.key_id, verdict.account_id, verdict.environment) == ("key_0", "acc_alice", "test")
    assert (verdict.external_id, verdict.scopes, verdict.features) == ("cus_7", ("read",), ("beta",))
    assert (verdict.plan, verdict.plan_version, verdict.meter) == ("api-free", 1, "calls")
    quota = verdict.quota
    assert (quota.limit, quota.included, quota.used, quota.remaining, quota.overage) == (10, 10, 1, 9, 0)


def test_beyond_what_is_included_there_may_be_more(book, door):
    book.allow(calls=Allowance(15, 10, "SPEND_CAP"))
    token = book.mint()
    quota = ask(door, token, cost=12).quota
    assert (quota.limit, quota.included, quota.used, quota.remaining, quota.overage) == (15, 10, 12, 3, 2)
    assert ask(door, token, cost=4).code == "SPEND_CAP"


def test_without_a_ceiling_there_is_no_end(book, door):
    book.allow(calls=Allowance(None, 10))
    quota = ask(door, book.mint(), cost=COST_MAX).quota
    assert (quota.limit, quota.remaining, quota.used) == (None, None, COST_MAX)


def test_a_call_whose_cost_does_not_fit_is_refused_whole(book, door):
    token = book.mint()
    assert ask(door, token, cost=8).valid
    assert ask(door, token, cost=3).code == "QUOTA_EXCEEDED"
    assert ask(door, token, cost=2).valid
    assert ask(door, token, cost=1).code == "QUOTA_EXCEEDED"
    assert ask(door, token, cost=0).valid, "what costs nothing always fits"


def test_live_and_test_keys_count_apart(book, door):
    book.allow("test", calls=2)
    live, test = book.mint("live"), book.mint("test")
    assert ask(door, live, cost=10).valid
    assert ask(door, test, cost=2).quota.used == 2
    assert (ask(door, live).code, ask(door, test).code) == ("QUOTA_EXCEEDED", "QUOTA_EXCEEDED")


def test_meters_count_apart(book, door):
    book.allow(calls=10, tokens=1000)
    token = book.mint()
    assert ask(door, token, meter="tokens", cost=1000).quota.used == 1000
    assert ask(door, token, meter="tokens").code == "QUOTA_EXCEEDED"
    assert ask(door, token).quota.used == 1


@pytest.mark.parametrize("meter", ["unheard", "a|b", "", "x" * 65, "\ud800", "observed:REVOKED"])
def test_an_unknown_meter_cannot_be_asked_about(book, door, meter):
    with pytest.raises(Invalid) as refusal:
        ask(door, book.mint(), meter=meter)
    assert refusal.value.field == "meter"


def test_a_meter_that_was_just_declared_is_looked_up(book, door):
    token = book.mint()
    assert ask(door, token).valid
    book.allow(calls=10, tokens=5)
    assert ask(door, token, meter="tokens").valid


@pytest.mark.parametrize("cost", [-1, COST_MAX + 1])
def test_a_cost_out_of_range_cannot_be_asked(book, door, cost):
    with pytest.raises(Invalid) as refusal:
        ask(door, book.mint(), cost=cost)
    assert refusal.value.field == "cost"


def test_the_largest_cost_is_counted_to_the_unit(book, door):
    book.allow(calls=3 * COST_MAX)
    token = book.mint()
    for times in (1, 2, 3):
        assert ask(door, token, cost=COST_MAX).quota.used == times * COST_MAX
    (count,) = door.peek(book.tag).counts
    assert (count.units, count.calls) == (3 * COST_MAX, 3)


def test_all_scopes_asked_for_are_needed(book, door):
    token = book.mint(scopes=("a", "b"))
    assert ask(door, token, scopes=("a", "b")).valid
    assert ask(door, token, scopes=("a", "c")).code == "INSUFFICIENT_SCOPE"
    assert ask(door, book.mint(), scopes=("a",)).code == "INSUFFICIENT_SCOPE"
    assert ask(door, token).valid


GARBAGE = [
    "",
    "x",
    "upk_live_",
    "upk_live_" + "0" * 46,
    "Bearer x",
    "\x00",
    "\ud800" * 9,
    "é" * 600,
    " " * 20,
]


@pytest.mark.parametrize("token", GARBAGE)
def test_garbage_is_not_found_without_asking_anybody(redis, book, door, token):
    assert ask(door, token).code == "NOT_FOUND"
    assert book.asked == 0 and redis.dbsize() == 0


def test_a_service_key_is_no_key(book, door):
    assert ask(door, tokens.mint_service(PREFIX)).code == "NOT_FOUND"


def test_every_pepper_verifies(redis, book):
    new, old = book.mint(pepper=PEPPERS[0]), book.mint(pepper=PEPPERS[1])
    door = gate(redis, book)
    assert ask(door, new).valid and ask(door, old).valid
    door = gate(redis, book, peppers=PEPPERS[:1])
    assert ask(door, new).valid and ask(door, old).code == "NOT_FOUND"


def test_an_earlier_prefix_stays_valid(redis, book):
    token = book.mint()
    assert ask(gate(redis, book, prefixes=("new", PREFIX)), token).valid
    assert ask(gate(redis, book, prefixes=("new",)), token).code == "NOT_FOUND"


def test_an_imported_key_is_led_to_its_account(redis, book):
    book.mint()
    (grant,) = book.grants.values()
    book.grants["legacy-key-0001"] = replace(grant, digest="legacy-digest", key_id="key_legacy")
    asked = []

    def tag_of(token):
        asked.append(token)
        return book.tag if token == "legacy-key-0001" else None

    door = gate(redis, book, tag_of=tag_of, digests_of=lambda token: ("other-digest", "legacy-digest"))
    for _ in range(3):
        assert ask(door, "legacy-key-0001").key_id == "key_legacy"
    assert asked == ["legacy-key-0001"], "an imported key is remembered"
    assert ask(door, "some-other-key").code == "NOT_FOUND"
    assert ask(door, tokens.mint(PREFIX, "live", book.tag)[:-1] + "x").code == "NOT_FOUND"
    assert asked == ["legacy-key-0001", "some-other-key"], "our own form is never asked about"


NETWORKS = [
    (
        "203.0.113.0/24",
        ["203.0.113.0", "203.0.113.255", "::ffff:203.0.113.9"],
        ["203.0.112.255", "203.0.114.0"],
    ),
    ("203.0.113.7/32", ["203.0.113.7"], ["203.0.113.6", "203.0.113.8"]),
    ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1", "2001:db8::1"]),
    ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "203.0.113.1"]),
    ("2001:db8::/127", ["2001:db8::1", "2001:0DB8:0::1"], ["2001:db8::2"]),
    ("::/0", ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "203.0.113.1"], []),
]


@pytest.mark.parametrize(("cidr", "inside", "outside"), NETWORKS)
def test_a_key_with_networks_passes_from_there_alone(book, door, cidr, inside, outside):
    book.allow(calls=None)
    token = book.mint(networks=(network("192.0.2.1/32"), network(cidr)))
    for ip in inside:
        assert ask(door, token, ip=ip).valid, ip
    for ip in [*outside, None]:
        assert ask(door, token, ip=ip).code == "IP_DENIED", ip


@pytest.mark.parametrize("ip", ["here", "1.2.3", "1.2.3.4.5", "01.2.3.4", "::g", "1.2.3.4/8"])
def test_what_is_no_address_cannot_be_asked_about(book, door, ip):
    with pytest.raises(Invalid) as refusal:
        ask(door, book.mint(), ip=ip)
    assert refusal.value.field == "ip"
