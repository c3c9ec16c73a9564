"""The rate: GCRA in whole microseconds, against a model that knows nothing of Redis."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gate.book import Clock, PaperBook, ask, gate


@dataclass
class Gcra:
    """A generic cell rate algorithm: `tat` is when the next call would be due at an even pace."""

    rate: int
    burst: int
    tat: int = 0

    @property
    def step(self):
        return -(-1_000_000 // self.rate)

    def base(self, now):
        return min(max(self.tat, now), now + self.step * self.burst)

    def allows(self, now):
        return self.base(now) + self.step - now <= self.step * self.burst


waits = st.lists(
    st.sampled_from([0, 0, 0, 0, 0.1, 0.5, 1, 1.7, 3, 60, -1, -3600]).map(lambda s: timedelta(seconds=s)),
    max_size=40,
)


@given(rate=st.integers(1, 20), burst=st.integers(1, 6), waits=waits, own=st.booleans())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
    database=None,
)
def test_the_script_decides_as_the_model_does(redis, rate, burst, waits, own):
    redis.flushall()
    clock, book = Clock(), PaperBook()
    book.allow(calls=None)
    if own:
        book.change(rate=None)
        token, tat = book.mint(rate=rate, burst=burst), "tat:lin_0"
    else:
        book.change(rate=rate, burst=burst)
        token, tat = book.mint(), "live:tat"
    door, model = gate(redis, book, offset_us=clock), Gcra(rate, burst)
    ask(door, token, cost=0)
    model.tat = int(redis.hget(f"{{{book.tag}}}:account", tat))
    for wait in waits:
        clock.offset += wait
        earliest = microseconds(redis) + clock()
        verdict = ask(door, token, cost=5)
        latest = microseconds(redis) + clock()
        if model.allows(earliest) == model.allows(latest):
            assert verdict.valid == model.allows(latest)
        after, full = int(redis.hget(f"{{{book.tag}}}:account", tat)), model.step * burst
        if verdict.valid:
            assert model.base(earliest) + model.step <= after <= model.base(latest) + model.step
        else:
            assert verdict.code == "RATE_LIMITED"
            assert 0 < verdict.ratelimit.retry_ms <= model.step // 1000 + 1
            assert min(model.tat, earliest + full) <= after <= min(model.tat, latest + full)
        model.tat = after
        limit = verdict.ratelimit
        assert (limit.limit, limit.burst) == (rate, burst)
        assert 0 <= limit.remaining < burst
        assert 0 <= limit.reset_ms <= full // 1000 + 1


def microseconds(redis):
    seconds, rest = redis.time()
    return seconds * 1_000_000 + rest


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def book():
    return PaperBook(rate=2, burst=4)


@pytest.fixture
def door(redis, book, clock):
    return gate(redis, book, offset_us=clock)


def calls_passed(door, token, tries):
    return [ask(door, token, cost=0).valid for _ in range(tries)].count(True)


def test_a_burst_passes_and_then_the_rate_holds(book, door, clock):
    token = book.mint()
    assert ask(door, token).ratelimit.remaining == 3
    assert calls_passed(door, token, 3) == 3
    refused = ask(door, token)
    assert (refused.code, refused.ratelimit.remaining) == ("RATE_LIMITED", 0)
    clock.forward(seconds=1)
    assert calls_passed(door, token, 3) == 2


def test_the_keys_of_an_account_share_its_rate(book, door):
    one, other = book.mint(), book.mint()
    assert calls_passed(door, one, 4) == 4
    assert ask(door, other).code == "RATE_LIMITED"


def test_live_and_test_keys_have_a_rate_each(book, door):
    assert calls_passed(door, book.mint("live"), 4) == 4
    assert calls_passed(door, book.mint("test"), 4) == 4


def test_a_key_may_have_a_lower_rate_of_its_own(book, door):
    slow, other = book.mint(rate=1, burst=1), book.mint()
    assert calls_passed(door, slow, 3) == 1
    assert ask(door, slow).ratelimit.limit == 1, "the tighter of two rates is told"
    assert calls_passed(door, other, 5) == 3, "what the key's own rate refused took nothing of the account's"


def test_a_key_and_what_it_was_rotated_into_share_its_rate(book, door):
    old = book.mint(rate=1, burst=2)
    new = book.mint(rate=1, burst=2, lineage=book.grants[old].lineage)
    assert calls_passed(door, old, 1) + calls_passed(door, new, 3) == 2


def test_a_quota_refusal_takes_no_rate(book, door, clock):
    token = book.mint()
    for _ in range(10):
        assert ask(door, token, cost=11).code == "QUOTA_EXCEEDED"
    assert calls_passed(door, token, 4) == 4


def test_a_clock_put_back_never_refuses_for_longer_than_a_burst(book, door, clock):
    token = book.mint()
    clock.forward(days=1)
    assert calls_passed(door, token, 5) == 4
    clock.forward(days=-1)
    assert calls_passed(door, token, 1) == 0
    clock.forward(seconds=2)
    assert calls_passed(door, token, 5) == 4
