"""Counting: endpoints, reservations, windows, and minutes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.gate import Allowance, Span, Terms, Unavailable
from portal.kit.errors import Invalid, Missing
from tests.gate.book import DAY_MS, Clock, PaperBook, ask, gate, now_ms, restart

UTC_MINUTE = 60_000


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def book():
    return PaperBook()


@pytest.fixture
def door(redis, book, clock):
    return gate(redis, book, offset_us=clock)


def endpoints(door, book):
    return {count.endpoint for count in door.peek(book.tag).counts}


# Endpoints.


def test_calls_are_counted_by_key_and_endpoint(book, door):
    book.allow(calls=100)
    one, other = book.mint(), book.mint()
    for token, endpoint, cost in (
        (one, "GET /a", 1),
        (one, "GET /a", 4),
        (one, "", 1),
        (other, "GET /a|b", 2),
    ):
        assert ask(door, token, endpoint=endpoint, cost=cost).valid
    counts = {(c.key_id, c.endpoint): (c.units, c.calls) for c in door.peek(book.tag).counts}
    assert counts == {("key_0", "GET /a"): (5, 2), ("key_0", ""): (1, 1), ("key_1", "GET /a|b"): (2, 1)}


@pytest.mark.parametrize("endpoint", ["x" * 101, "a\x00b", "a\nb", "\ud800"])
def test_an_endpoint_that_cannot_be_kept_is_other(book, door, endpoint):
    assert ask(door, book.mint(), endpoint=endpoint).valid
    assert endpoints(door, book) == {"(other)"}


def test_an_endpoint_may_have_a_hundred_characters(book, door):
    assert ask(door, book.mint(), endpoint="ü" * 100).valid
    assert endpoints(door, book) == {"ü" * 100}


def test_200_endpoints_are_told_apart_in_each_window(book, door, clock):
    book.allow(calls=None)
    book.allow("test", calls=None)
    live, test = book.mint(), book.mint("test")
    for number in range(203):
        assert ask(door, live, endpoint=f"GET /{number}").valid
    assert ask(door, live, endpoint="GET /7").valid
    assert endpoints(door, book) == {f"GET /{number}" for number in range(200)} | {"(other)"}
    assert ask(door, test, endpoint="GET /202").valid
    assert "GET /202" in endpoints(door, book), "test keys have a window of their own"
    clock.forward(days=21)
    assert ask(door, live, endpoint="GET /201").valid
    assert "GET /201" in endpoints(door, book), "a new window begins anew"


# Reservations.


def test_a_reservation_holds_its_cost_and_is_confirmed_with_less(book, door):
    token = book.mint()
    verdict = ask(door, token, cost=8, reserve=True, endpoint="POST /chat")
    assert (verdict.quota.used, door.peek(book.tag).counts) == (8, ())
    assert ask(door, token, cost=3).code == "QUOTA_EXCEEDED"
    ended = door.confirm(verdict.reservation_id, 5)
    assert (ended.code, ended.cost, ended.reserved) == ("CONFIRMED", 5, 8)
    (count,) = door.peek(book.tag).counts
    assert (count.units, count.calls, count.endpoint, count.key_id) == (5, 1, "POST /chat", "key_0")
    assert ask(door, token, cost=5).quota.used == 10


def test_a_released_reservation_costs_nothing(book, door):
    token = book.mint()
    verdict = ask(door, token, cost=10, reserve=True)
    assert door.release(verdict.reservation_id).code == "RELEASED"
    assert door.peek(book.tag).counts == ()
    assert ask(door, token, cost=10).valid


def test_a_reservation_ends_once(book, door):
    token = book.mint()
    first, second = (ask(door, token, cost=2, reserve=True).reservation_id for _ in range(2))
    door.confirm(first, 2)
    door.release(second)
    for name in (first, second):
        with pytest.raises(Missing):
            door.confirm(name, 1)
        with pytest.raises(Missing):
            door.release(name)
    assert ask(door, token, cost=0).quota.used == 2


def test_more_than_was_reserved_cannot_be_confirmed(book, door):
    name = ask(door, book.mint(), cost=2, reserve=True).reservation_id
    with pytest.raises(Invalid):
        door.confirm(name, 3)
    assert door.confirm(name, 2).cost == 2


def test_nothing_may_come_of_a_reservation(book, door):
    name = ask(door, book.mint(), cost=2, reserve=True).reservation_id
    door.confirm(name, 0)
    (count,) = door.peek(book.tag).counts
    assert (count.units, count.calls) == (0, 1)


def test_a_reservation_ends_by_itself_after_15_minutes(book, door, clock):
    token = book.mint()
    name = ask(door, token, cost=10, reserve=True).reservation_id
    clock.forward(minutes=14)
    assert ask(door, token).code == "QUOTA_EXCEEDED"
    clock.forward(minutes=1)
    assert ask(door, token, cost=10).quota.used == 10, "it is given back in full, by whoever needs it first"
    with pytest.raises(Missing):
        door.confirm(name, 1)


def test_a_settler_gives_back_what_nobody_confirmed(book, door, clock):
    ask(door, book.mint(), cost=10, reserve=True)
    clock.forward(minutes=15)
    assert list(door.tags()) == [book.tag]
    (sealed,) = door.seal([book.tag])
    assert [level.used for level in sealed.levels] == [0, 0]


def test_a_refused_call_reserves_nothing(book, door):
    token = book.mint()
    assert ask(door, token, cost=11, reserve=True).reservation_id is None
    assert door.peek(book.tag).held == {}


def test_a_reservation_counts_in_the_window_it_was_made_in(book, door, clock):
    token = book.mint()
    clock.offset = timedelta(milliseconds=book.account.terms["live"].window.end_ms - now_ms() - 1000)
    name = ask(door, token, cost=4, reserve=True).reservation_id
    clock.forward(minutes=5)
    assert ask(door, token).quota.used == 1
    door.confirm(name, 3)
    assert {(count.window_id, count.units) for count in door.peek(book.tag).counts} == {(1, 3), (2, 1)}


@pytest.mark.parametrize(
    "name", ["", "rsv_", "rsv_short", "rsv_" + "x" * 32, "rsv_" + "{" * 32, "nonsense", "rsv_\x00"]
)
def test_what_is_no_reservation_is_missing(door, name):
    with pytest.raises(Missing):
        door.confirm(name, 1)
    with pytest.raises(Missing):
        door.release(name)


def test_a_reservation_ends_when_redis_is_restarted(engines, redis, book, door):
    """It may have been confirmed and settled in the life that was lost."""
    token = book.mint()
    name = ask(door, token, cost=10, reserve=True).reservation_id
    restart(engines, redis)
    with pytest.raises(Missing):
        door.confirm(name, 1)
    assert ask(door, token, cost=10).quota.used == 10


def test_a_reservation_of_an_earlier_life_is_over_also_while_the_book_is_being_asked(
    engines, redis, book, door
):
    name = ask(door, book.mint(), cost=10, reserve=True).reservation_id
    restart(engines, redis)
    book.away = True
    with pytest.raises(Unavailable):
        ask(door, book.mint())
    with pytest.raises(Missing):
        door.confirm(name, 1)
    assert door.peek(book.tag).counts == ()


# Windows.


def test_at_the_end_of_a_window_the_next_begins_without_the_book(book, door, clock):
    token = book.mint()
    assert ask(door, token, cost=10).valid
    asked, book.away = book.asked, True
    clock.forward(days=21)
    verdict = ask(door, token)
    assert (verdict.quota.used, book.asked) == (1, asked)
    assert verdict.quota.resets_at.timestamp() * 1000 == book.account.terms["live"].next.end_ms
    clock.forward(days=30)
    with pytest.raises(Unavailable):
        ask(door, token)


def test_coming_back_to_a_window_finds_what_was_used_in_it(book, door):
    """Free to paid and back within a month: one free allowance."""
    free = book.account.terms
    paid = Terms(
        Span(50, now_ms(), now_ms() + 30 * DAY_MS),
        Span(51, now_ms() + 30 * DAY_MS, now_ms() + 60 * DAY_MS),
        {"calls": Allowance(100, 100)},
    )
    token = book.mint()
    assert ask(door, token, cost=8).valid
    book.change(terms={**free, "live": paid})
    door.push(book.tag)
    assert ask(door, token, cost=50).quota.used == 50
    book.change(terms=free)
    door.push(book.tag)
    assert ask(door, token, cost=3).code == "QUOTA_EXCEEDED"
    assert ask(door, token, cost=2).quota.used == 10


def test_another_ceiling_keeps_what_was_used(book, door):
    token = book.mint()
    ask(door, token, cost=8)
    book.allow(calls=20)
    door.push(book.tag)
    assert ask(door, token, cost=12).quota.used == 20
    book.allow(calls=5)
    door.push(book.tag)
    verdict = ask(door, token)
    assert (verdict.code, verdict.quota.used, verdict.quota.remaining) == ("QUOTA_EXCEEDED", 20, 0)


def test_keys_of_one_account_share_one_balance(book, door):
    old = book.mint()
    new = book.mint(lineage=book.grants[old].lineage)
    assert ask(door, old, cost=6).valid
    assert ask(door, new, cost=6).code == "QUOTA_EXCEEDED"
    assert ask(door, new, cost=4).quota.used == 10


def test_the_book_is_asked_again_when_its_answer_ends(book, door, clock):
    book.change(until_ms=now_ms() + 60_000)
    token = book.mint()
    ask(door, token)
    asked = book.asked
    ask(door, token)
    assert book.asked == asked
    clock.forward(minutes=2)
    book.change(until_ms=None, plan="api-pro")
    assert ask(door, token).plan == "api-pro"
    assert book.asked == asked + 1


def test_an_answer_that_ended_a_moment_ago_holds_for_a_second(book, door):
    """The book's clock may be a little behind that of Redis."""
    book.change(until_ms=now_ms() - 1)
    assert ask(door, book.mint()).valid


# Minutes.


def test_no_call_is_counted_into_a_sealed_minute(book, door, clock):
    book.change(rate=None)
    token = book.mint()
    ask(door, token)
    clock.forward(minutes=1)
    (sealed,) = door.seal([book.tag])
    (first,) = sealed.counts
    clock.forward(minutes=-30)
    assert ask(door, token).valid
    later = {count.batch.minute for count in door.peek(book.tag).counts} - {first.batch.minute}
    assert min(later) > first.batch.minute


def test_the_present_minute_is_not_sealed(book, door):
    ask(door, book.mint())
    present = door.peek(book.tag).now_ms // UTC_MINUTE
    (sealed,) = door.seal([book.tag])
    assert all(count.batch.minute < present for count in sealed.counts)


def test_a_seal_may_be_asked_for_again(book, door, clock):
    ask(door, book.mint())
    clock.forward(minutes=1)
    assert door.seal([book.tag]) == door.seal([book.tag])


def test_after_a_restart_calls_are_counted_in_another_generation(engines, redis, book, door, clock):
    token = book.mint()
    ask(door, token)
    restart(engines, redis)
    assert ask(door, token).quota.used == 2, "what was not settled yet counts against the ceiling"
    assert len({count.batch.gen for count in door.peek(book.tag).counts}) == 2
    (sealed,) = door.seal([book.tag])
    assert len(sealed.counts) == 1, "the earlier generation may be settled at once"


def test_a_key_without_its_rate_is_unlimited(book, door):
    book.change(rate=None, burst=None)
    assert ask(door, book.mint()).ratelimit is None


def test_a_wiped_redis_starts_from_the_ledger(redis, book, door):
    token = book.mint()
    ask(door, token)
    redis.flushall()
    book.settled = replace(book.settled, totals={(1, "calls"): 9})
    assert ask(door, token).quota.used == 10
    assert ask(door, token).code == "QUOTA_EXCEEDED"
