"""Leases: shares that are deducted before they are spent, in memory, for less than a second."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.gate import SHARE_MS, Question, Shares, Use, network
from portal.gate.shares import BUSY
from portal.kit import tokens
from tests.gate.book import Clock, PaperBook, ask, gate, now_ms, restart


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def book():
    made = PaperBook(rate=1_000, burst=4_000)
    made.allow(calls=1_600)
    return made


@pytest.fixture
def door(redis, book, clock):
    return gate(redis, book, offset_us=clock)


def used(door, book):
    return door.peek(book.tag).counters.get((1, "calls"), 0)


def counted(door, book):
    return {(one.meter, one.endpoint): (one.units, one.calls) for one in door.peek(book.tag).counts}


def lease(door, token, units, **options):
    return door.lease(Question(token), units, **options).lease


# In Redis.


def test_a_share_leaves_the_counter_before_anybody_spends_it(door, book):
    taken = lease(door, book.mint(), 100)
    assert (taken.units, taken.ttl_ms) == (100, 1_000) and taken.lease_id.startswith(f"lse_{book.tag}")
    assert used(door, book) == 100 and door.peek(book.tag).held == {(1, "calls"): 100}
    assert counted(door, book) == {}, "no call is counted by asking"


def test_what_was_used_is_counted_by_endpoint_and_the_rest_given_back(door, book):
    taken = lease(door, book.mint(), 100)
    assert door.report([Use(taken.lease_id, 17, {"GET /x": 12, "": 2})]) == [17]
    assert counted(door, book) == {("calls", "GET /x"): (12, 12), ("calls", ""): (5, 5)}
    assert used(door, book) == 17 and door.peek(book.tag).held == {}


def test_calls_that_cost_more_than_a_unit_are_counted_as_calls(door, book):
    taken = lease(door, book.mint(), 100)
    door.report([Use(taken.lease_id, 90, {"GET /x": 90}, calls=3)])
    assert counted(door, book) == {("calls", "GET /x"): (90, 0), ("calls", ""): (0, 3)}


def test_a_lease_is_reported_once(door, book):
    taken = lease(door, book.mint(), 100)
    assert door.report([Use(taken.lease_id, 5)] * 2) == [5, None]
    assert used(door, book) == 5


@pytest.mark.parametrize("name", ["", "lse_", "lse_x", "rsv_" + "0" * 32, "lse_" + "0" * 32, "ü" * 36])
def test_a_lease_that_never_was_counts_nothing(door, name):
    assert door.report([Use(name, 5)]) == [None]


def test_a_reservation_is_no_lease(door, book):
    name = ask(door, book.mint(), cost=5, reserve=True).reservation_id
    assert door.report([Use(name, 5)]) == [None]
    assert door.release(name).reserved == 5


def test_more_than_was_taken_is_not_counted(door, book):
    taken = lease(door, book.mint(), 100)
    assert door.report([Use(taken.lease_id, 1_000, {"GET /x": 900})]) == [100]
    assert used(door, book) == 100


def test_near_the_ceiling_shares_shrink_to_one_by_one(door, book):
    token = book.mint()
    sizes = [lease(door, token, 1_000).units for _ in range(40)]
    assert sizes[0] == 100 and sizes == sorted(sizes, reverse=True)
    while (taken := lease(door, token, 1_000)) is not None:
        sizes.append(taken.units)
    assert sizes[-1] == 1 and sum(sizes) == 1_600
    assert door.lease(Question(token), 1).code == "QUOTA_EXCEEDED"


def test_a_share_beside_a_call_takes_nothing_of_the_last_sixteen(door, book):
    book.allow(calls=16)
    asked = door.wishing(door.prepare(Question(book.mint())), 10, SHARE_MS)
    verdict = door.look_up(asked, asked.read([b"COLD", b"account"]))
    assert (verdict.valid, verdict.lease, verdict.quota.used) == (True, None, 1)


def test_a_call_and_a_share_are_taken_in_one_round_trip(door, book):
    asked = door.wishing(door.prepare(Question(book.mint(), endpoint="GET /x")), 40, SHARE_MS)
    verdict = door.look_up(asked, asked.read([b"COLD", b"account"]))
    assert (verdict.lease.units, verdict.quota.used, verdict.ratelimit.remaining) == (40, 1, 3_999)
    assert used(door, book) == 41 and counted(door, book) == {("calls", "GET /x"): (1, 1)}


REFUSED = {
    "REVOKED": lambda book: book.mint(revoked_ms=1),
    "EXPIRED": lambda book: book.mint(expires_ms=1),
    "SUSPENDED": lambda book: (setattr(book, "account", replace(book.account, suspended_ms=1)), book.mint())[
        1
    ],
    "INSUFFICIENT_SCOPE": lambda book: book.mint(scopes=("read",)),
    "IP_DENIED": lambda book: book.mint(scopes=("write",), networks=(network("192.0.2.0/24"),)),
    "NOT_FOUND": lambda book: tokens.mint("upk", "live", "Nobody00"),
    "QUOTA_EXCEEDED": lambda book: (book.allow(calls=0), book.mint(scopes=("write",)))[1],
}


@pytest.mark.parametrize("code", REFUSED)
def test_who_would_be_refused_gets_no_share(door, book, code):
    verdict = door.lease(Question(REFUSED[code](book), scopes=("write",)), 10)
    assert (verdict.valid, verdict.code, verdict.lease) == (False, code, None)
    assert door.peek(book.tag).held == {}


def test_who_is_merely_observed_gets_no_share(redis, door, book):
    book.allow(calls=0)
    token = book.mint()
    book.change(observed_ms=1)
    verdict = door.lease(Question(token), 10)
    assert (verdict.valid, verdict.observed, verdict.lease) == (True, "QUOTA_EXCEEDED", None)


def test_nobody_gets_a_share_where_leases_are_off(redis, book):
    door = gate(redis, book, leases=False)
    verdict = door.lease(Question(book.mint()), 10)
    assert (verdict.valid, verdict.lease) == (True, None) and used(door, book) == 0
    assert door.peek(book.tag).counts == ()


def test_a_key_with_addresses_gets_a_share_for_the_one_that_asks(door, book):
    token = book.mint(networks=(network("192.0.2.0/24"),))
    assert door.lease(Question(token, ip="192.0.2.1"), 10).lease.units == 10
    beside = door.wishing(door.prepare(Question(token, ip="192.0.2.1")), 10, SHARE_MS)
    assert door.look_up(beside, beside.read([b"COLD", b"account"])).lease is None


@pytest.mark.parametrize("what", ["the key", "the window", "the answer"])
def test_a_share_ends_before_its_answer_may_change(door, book, clock, what):
    token, soon = book.mint(), now_ms() + 20_000
    if what == "the key":
        book.amend(token, expires_ms=soon)
    elif what == "the answer":
        book.change(until_ms=soon)
    else:
        terms = dict(book.account.terms)
        live = terms["live"]
        terms["live"] = replace(
            live, window=replace(live.window, end_ms=soon), next=replace(live.next, start_ms=soon)
        )
        book.change(terms=terms)
    ask(door, token)
    clock.forward(seconds=19.5)
    taken = lease(door, token, 10)
    assert taken is None or taken.ttl_ms <= 500
    clock.forward(seconds=0.48)
    taken = lease(door, token, 10)
    assert taken is None or taken.ttl_ms > 500, "too short to be worth it, or the next one's"


def test_a_share_that_nobody_reports_stays_consumed_as_stranded(door, book, clock):
    taken = lease(door, book.mint(), 100)
    clock.forward(seconds=30)
    door.seal([book.tag])
    assert counted(door, book) == {}, "its holder still has time to report it"
    clock.forward(seconds=2)
    door.seal([book.tag])
    assert counted(door, book) == {("stranded:calls", ""): (100, 1)} and used(door, book) == 100
    assert door.report([Use(taken.lease_id, 5)]) == [None]


def test_shares_that_come_back_with_a_restarted_redis_are_stranded(engines, redis, door, book):
    token = book.mint()
    lease(door, token, 100)
    restart(engines, redis)
    assert ask(door, token).quota.used == 101
    assert counted(door, book) == {("stranded:calls", ""): (100, 1), ("calls", ""): (1, 1)}


def test_leased_endpoints_are_told_apart_up_to_two_hundred(door, book):
    token = book.mint()
    for part in range(3):
        taken = lease(door, token, 90)
        door.report([Use(taken.lease_id, 90, {f"GET /{part}/{number}": 1 for number in range(90)})])
    assert len(counted(door, book)) == 201


# The rate, over every span of time.

steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "ask", "spend", "spend", "drop"]),
        st.sampled_from([0, 0, 0.01, 0.1, 0.3, 0.49, 0.7]),
        st.integers(1, 12),
    ),
    min_size=5,
    max_size=40,
)


@given(rate=st.integers(2, 40), burst=st.integers(2, 60), steps=steps, own=st.booleans())
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
    database=None,
)
def test_over_every_span_no_more_pass_than_burst_and_rate_allow(redis, rate, burst, steps, own):
    redis.flushall()
    clock, book = Clock(), PaperBook()
    book.allow(calls=None)
    book.change(rate=None if own else rate, burst=None if own else burst)
    token = book.mint(rate=rate, burst=burst) if own else book.mint()
    door, question, passed = gate(redis, book, offset_us=clock), Question(token), []

    def moment():
        return time.monotonic() + clock.offset.total_seconds()

    holders = [Shares(clock=moment) for _ in range(3)]
    for deed, wait, number in steps:
        clock.offset += timedelta(seconds=wait)
        holder = holders[number % 3]
        if deed == "take" and holder.held(question) is None:
            asked = holder.ask_alone(question)
            holder.took(question, door.lease(question, number, ttl_ms=SHARE_MS) if asked else None)
        elif deed == "ask":
            passed += [(moment(), moment()) for _ in range(number) if ask(door, token).valid]
        elif deed == "drop":
            door.report([share.use for share in holder.give_up()])
        else:
            passed += [(moment(), moment()) for _ in range(number) if holder.spend(question) is not None]
            door.report([share.use for share in holder.tick()])
    for first, (begun, _) in enumerate(passed):
        for last in range(first, len(passed)):
            span = passed[last][1] - begun + 0.02  # a call is noted a little after it was decided
            assert last - first + 1 <= burst + rate * span


# In a holder's memory.


class Seconds:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def holder(seconds):
    return Shares(clock=seconds)


def busy(holder, question):
    for _ in range(BUSY):
        holder.spend(question)
    list(holder.tick())


def take(holder, door, question):
    units = holder.wanted(question)
    asked = door.wishing(door.prepare(question), units, SHARE_MS)
    holder.took(question, door.look_up(asked, asked.read([b"COLD", b"account"])))
    return units


def test_only_a_busy_key_is_leased_once_at_a_time(holder, door, book):
    question = Question(book.mint())
    assert holder.wanted(question) == 0
    busy(holder, question)
    assert holder.wanted(question._replace(cost=2)) == holder.wanted(question._replace(reserve=True)) == 0
    assert holder.wanted(question) == 2 * BUSY
    assert holder.wanted(question) == 0, "one is being asked for"
    holder.took(question, None)
    assert take(holder, door, question) == 2 * BUSY
    assert holder.wanted(question) == 0, "one is held"


def test_a_share_is_spent_to_its_end_and_then_to_be_reported(holder, door, book):
    question = Question(book.mint(), endpoint="GET /x")
    busy(holder, question)
    units = take(holder, door, question)
    told = [holder.spend(question) for _ in range(units)]
    assert [verdict.quota.used for verdict in told] == list(range(2, units + 2))
    assert [verdict.ratelimit.remaining for verdict in told] == [3_998 - number for number in range(units)]
    assert {verdict.code for verdict in told} == {"VALID"} and told[0].key_id == "key_0"
    assert holder.spend(question) is None
    assert holder.over(question).use.endpoints == {"GET /x": units}
    assert holder.over(question) is None, "it is given up before it is reported"


@pytest.mark.parametrize(
    "question", [{"cost": 2}, {"cost": 0}, {"reserve": True}, {"scopes": ("write",)}, {"meter": "x"}]
)
def test_what_a_share_does_not_cover_is_asked(holder, door, book, question):
    token = book.mint(scopes=("read",))
    busy(holder, Question(token))
    take(holder, door, Question(token))
    assert holder.spend(Question(token, **question)) is None
    assert holder.spend(Question(token, scopes=("read",))).valid


def test_a_share_ends_by_the_holders_own_clock_from_the_asking_on(holder, door, book, seconds):
    question = Question(book.mint())
    busy(holder, question)
    units = holder.wanted(question)
    asked = door.wishing(door.prepare(question), units, SHARE_MS)
    seconds.now += 0.4  # the answer was slow
    holder.took(question, door.look_up(asked, asked.read([b"COLD", b"account"])))
    assert holder.spend(question).valid
    seconds.now += 0.1
    assert holder.spend(question) is None
    assert [share.spent for share in holder.tick()] == [1]


def test_a_revoked_key_is_refused_within_a_second_although_nobody_tells_its_holder(
    holder, door, book, seconds
):
    token = book.mint()
    question = Question(token)
    busy(holder, question)
    take(holder, door, question)
    book.amend(token, revoked_ms=1)
    door.push(book.tag)
    passed_until = max(
        (at for at in (0.0, 0.3, 0.5, 0.9) if _later(seconds, at) and holder.spend(question) is not None),
        default=0,
    )
    assert passed_until < 1 and ask(door, token).code == "REVOKED"


def _later(seconds, at):
    seconds.now = 100.0 + at
    return True


def test_a_holder_that_gives_up_answers_nothing_and_returns_all(holder, door, book):
    question = Question(book.mint())
    busy(holder, question)
    take(holder, door, question)
    holder.spend(question)
    assert door.report([share.use for share in holder.give_up()]) == [1]
    assert holder.spend(question) is None and used(door, book) == 2


def test_a_share_that_comes_too_late_is_returned_unspent(holder, door, book):
    question = Question(book.mint())
    busy(holder, question)
    asked = door.wishing(door.prepare(question), holder.wanted(question), SHARE_MS)
    holder.give_up()
    late = holder.took(question, door.look_up(asked, asked.read([b"COLD", b"account"])))
    assert door.report([late.use]) == [0] and used(door, book) == 1


def test_who_is_not_busy_any_more_is_not_leased(holder, door, book):
    question = Question(book.mint())
    busy(holder, question)
    list(holder.tick())
    assert holder.wanted(question) == 0
