"""Where Redis does not know: the book is asked, and what it says is let in only where it still holds."""

import select
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import redis as redis_py

from deploy.local.process import wait_until
from portal.gate import Settled, Unavailable, desk
from portal.gate.throttle import Throttle, TokenBucket
from portal.gate.wire import Wire, connect
from portal.kit import tokens
from tests.gate.book import PREFIX, Clock, PaperBook, ask, gate, restart


@pytest.fixture
def book():
    return PaperBook()


@pytest.fixture
def door(redis, book):
    return gate(redis, book)


@pytest.fixture
def wire(redis_url):
    return Wire(connect(redis_url))


def ticket(wire, book, nonce="nonce"):
    return desk.read_word(wire.send(desk.ask(book.tag, nonce)))


def admit(wire, book, held, admission):
    return desk.read_word(wire.send(desk.admit(book.tag, held, admission, (), offset_us=0)))


def test_the_book_is_asked_once_for_all_keys_of_an_account(book, door):
    tokens_ = [book.mint() for _ in range(3)]
    assert all(ask(door, token).valid for token in tokens_)
    assert book.asked == 1


def test_callers_who_wait_for_the_book_ask_it_once(redis_url, redis, book):
    token, entered, leave = book.mint(), threading.Event(), threading.Event()

    def slow_book(tag, digests):
        entered.set()
        assert leave.wait(30)
        return book(tag, digests)

    door = gate(redis_py.Redis.from_url(redis_url), slow_book)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask, door, token)
        assert entered.wait(30)
        others = [pool.submit(ask, door, token) for _ in range(7)]
        leave.set()
        assert all(answer.result().valid for answer in [first, *others])
    assert book.asked == 1


def test_callers_who_wait_in_vain_do_not_all_try(redis_url, redis, book):
    token, entered, leave = book.mint(), threading.Event(), threading.Event()
    asked = []

    def broken_book(tag, digests):
        asked.append(tag)
        entered.set()
        assert leave.wait(30)
        raise ConnectionError("PostgreSQL is away")

    door = gate(redis_py.Redis.from_url(redis_url), broken_book)
    flights = door._flights
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(ask, door, token)]
        assert entered.wait(30)
        answers += [pool.submit(ask, door, token) for _ in range(7)]
        assert wait_until(lambda: flights._flights[book.tag].users == 8, 30)
        leave.set()
        assert all(isinstance(answer.exception(), Unavailable) for answer in answers)
    assert len(asked) == 1
    assert flights._flights == {}


def test_the_ceiling_holds_for_many_callers_at_once(redis_url, redis, book):
    book.allow(calls=100)
    token = book.mint()
    doors = [gate(redis_py.Redis.from_url(redis_url), book) for _ in range(4)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: ask(doors[number % 4], token), range(300)))
    assert [answer.valid for answer in answers].count(True) == 100
    assert sum(count.units for count in doors[0].peek(book.tag).counts) == 100


def test_an_answer_read_before_a_wipe_is_not_let_in_after_it(redis, book, wire):
    held, old = ticket(wire, book), book(book.tag, ())
    redis.flushall()
    assert admit(wire, book, held, old) == "STALE"
    assert ticket(wire, book, "another") != held
    assert admit(wire, book, held, old) == "STALE"


def test_an_answer_read_before_a_restart_is_not_let_in_after_it(engines, redis, book, wire):
    held, old = ticket(wire, book), book(book.tag, ())
    assert admit(wire, book, held, old) == "OK"
    restart(engines, redis)
    assert admit(wire, book, held, old) == "STALE"


def test_an_older_answer_never_replaces_a_newer_one(book, door, wire):
    token = book.mint()
    held, before = ticket(wire, book), book(book.tag, ())
    book.amend(token, revoked_ms=1)
    door.push(book.tag)
    assert ask(door, token).code == "REVOKED"
    assert admit(wire, book, held, before) == "OLDER"
    assert ask(door, token).code == "REVOKED"


def test_a_ledger_read_before_a_counter_was_forgotten_is_not_let_in(book, door, wire):
    """Paid to free within the month: the counter that comes back starts from a ledger that is read now."""
    token = book.mint()
    ask(door, token, cost=5)
    held, before = ticket(wire, book), book(book.tag, ())
    counts = door.peek(book.tag).counts
    book.settled = Settled({(1, "calls"): 5}, {counts[0].batch.gen: counts[0].batch.minute})
    live = book.account.terms["live"]
    elsewhere = type(live)(type(live.window)(70, 0, live.window.end_ms), None, live.allowances)
    book.change(terms={**book.account.terms, "live": elsewhere})
    door.push(book.tag)
    assert (1, "calls") not in door.peek(book.tag).counters, "what no window needs is forgotten"
    assert admit(wire, book, held, before) == "STALE"


def test_a_push_reaches_an_account_that_is_being_asked_about(book, door, wire):
    token = book.mint()
    held, before = ticket(wire, book), book(book.tag, ())
    book.amend(token, revoked_ms=1)
    door.push(book.tag)
    assert admit(wire, book, held, before) == "OLDER"
    assert ask(door, token).code == "REVOKED"


def test_a_push_about_an_account_that_redis_does_not_hold_is_nothing(redis, book, door):
    door.push(book.tag)
    assert (book.asked, redis.dbsize()) == (0, 0)


def test_a_revoked_key_stays_revoked_when_redis_is_restarted(engines, redis, book, door):
    token = book.mint()
    assert ask(door, token).valid
    book.amend(token, revoked_ms=1)
    restart(engines, redis)
    assert ask(door, token).code == "REVOKED"


def test_what_an_older_answer_said_of_a_key_is_not_believed(book, door):
    """A key that was revoked long ago, unnoticed by the gate, is in no answer that was not asked for it."""
    token, other = book.mint(), book.mint()
    assert ask(door, token).valid
    grant = book.grants.pop(token)
    book.change()
    door.push(book.tag)
    book.grants[token] = replace(grant, revoked_ms=1)
    assert ask(door, other).valid
    assert ask(door, token).code == "REVOKED"


def test_an_unknown_key_of_a_known_account_is_asked_about_once_in_a_while(book, door):
    ask(door, book.mint())
    unknown = tokens.mint(PREFIX, "live", book.tag)
    assert {ask(door, unknown).code for _ in range(5)} == {"NOT_FOUND"}
    assert book.asked == 2


def test_a_key_that_was_asked_for_too_early_works_once_it_is_minted(book, door):
    ask(door, book.mint())
    token = book.mint()
    grant = book.grants.pop(token)
    assert ask(door, token).code == "NOT_FOUND"
    book.grants[token] = grant
    book.change()
    door.push(book.tag)
    assert ask(door, token).valid


def test_strangers_share_a_bucket_and_are_then_not_answered(redis, book):
    door = gate(redis, book, strangers=Throttle(0, 3))
    for _ in range(3):
        assert ask(door, tokens.mint(PREFIX, "live", tokens.new_tag())).code == "NOT_FOUND"
    with pytest.raises(Unavailable):
        ask(door, tokens.mint(PREFIX, "live", tokens.new_tag()))
    with pytest.raises(Unavailable):
        ask(door, book.mint())


def test_customers_do_not_suffer_from_strangers(redis, book):
    door = gate(redis, book, strangers=Throttle(0, 1))
    token = book.mint()
    assert ask(door, token).valid
    with pytest.raises(Unavailable):
        ask(door, tokens.mint(PREFIX, "live", tokens.new_tag()))
    redis.flushall()
    assert ask(door, token).valid, "the process remembers whom the book knew"


def test_who_guesses_keys_of_an_account_is_not_answered_for_long(book, door):
    ask(door, book.mint())
    with pytest.raises(Unavailable):
        for _ in range(200):
            assert ask(door, tokens.mint(PREFIX, "live", book.tag)).code == "NOT_FOUND"


def test_a_token_bucket_fills_with_time():
    seconds = [0.0]
    bucket = TokenBucket(2, 3, clock=lambda: seconds[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    seconds[0] = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_a_throttle_keeps_a_bounded_number_of_names():
    throttle = Throttle(0, 1, most=2)
    assert throttle.take("a") and not throttle.take("a")
    assert throttle.take("b") and throttle.take("c")
    assert throttle.take("a"), "the name that was idle longest is forgotten"


def test_a_known_key_passes_while_the_book_is_away(book, door):
    token = book.mint()
    ask(door, token)
    book.away = True
    assert ask(door, token).valid
    with pytest.raises(Unavailable):
        ask(door, tokens.mint(PREFIX, "live", book.tag))


def test_the_gate_is_unavailable_without_redis(book):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        door = gate(connect(f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"), book)
        for ask_something in (
            lambda: ask(door, book.mint()),
            lambda: door.release(f"rsv_{book.tag}{'x' * 24}"),
            lambda: door.push(book.tag),
            lambda: door.seal([book.tag]),
            lambda: list(door.tags()),
        ):
            with pytest.raises(Unavailable):
                ask_something()


class Line:
    """A line to Redis that can be cut after a question and before its answer."""

    def __init__(self, port):
        self.port, self.cut = port, False
        self.server = socket.create_server(("127.0.0.1", 0))
        self.threads = [threading.Thread(target=self._listen)]
        self.threads[0].start()

    def _listen(self):
        while True:
            try:
                caller, _ = self.server.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self._carry, args=(caller,)))
            self.threads[-1].start()

    def _carry(self, caller):
        with caller, socket.create_connection(("127.0.0.1", self.port)) as redis:
            while ready := select.select([caller, redis], [], [])[0]:
                asked = caller in ready
                data = (caller if asked else redis).recv(1 << 20)
                if not data:
                    return
                (redis if asked else caller).sendall(data)
                if self.cut and asked and b"EVALSHA" in data:
                    redis.recv(1 << 20)  # the question was answered, and nobody hears it
                    return

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        for thread in self.threads:
            thread.join()


def test_a_question_without_an_answer_is_not_sent_again(redis_url, redis, book):
    url = urlsplit(redis_url)
    line = Line(url.port)
    try:
        with connect(redis_url.replace(f":{url.port}/", f":{line.server.getsockname()[1]}/")) as client:
            door, token = gate(client, book), book.mint()
            assert ask(door, token).quota.used == 1
            line.cut = True
            with pytest.raises(Unavailable):
                ask(door, token)
            line.cut = False
            assert ask(door, token).quota.used == 3, "it was counted once"
    finally:
        line.close()


def test_a_redis_that_forgot_the_scripts_is_told_them_again(redis, book, door):
    token = book.mint()
    ask(door, token)
    redis.script_flush()
    assert ask(door, token).quota.used == 2
    redis.script_flush()
    assert len(door.seal([book.tag, "Another1", "Another2"])) == 3


def test_a_client_that_decodes_will_do(redis_url, redis, book):
    door = gate(redis_py.Redis.from_url(redis_url, decode_responses=True), book)
    token = book.mint(external_id="ü")
    assert ask(door, token, endpoint="GET /ü").external_id == "ü"
    assert list(door.tags()) == [book.tag]
    assert door.peek(book.tag).counts[0].endpoint == "GET /ü"


def test_another_offset_is_asked_for_at_every_call(redis, book):
    clock = Clock()
    door = gate(redis, book, offset_us=clock)
    token = book.mint(expires_ms=door.peek(book.tag).now_ms + 60_000)
    assert ask(door, token).valid
    clock.forward(minutes=2)
    assert ask(door, token).code == "EXPIRED"


def test_whether_a_question_without_an_answer_may_be_counted_is_said(redis, book, door, redis_url):
    away = gate(connect("redis://127.0.0.1:1/0"), book)
    with pytest.raises(Unavailable) as unsent:
        ask(away, book.mint())
    assert not unsent.value.in_doubt
    token = book.mint()
    assert ask(door, token).valid
    hasty = gate(connect(redis_url, timeout_seconds=0.2), book)
    assert ask(hasty, token).valid
    redis.execute_command("CLIENT", "PAUSE", 1500, "ALL")
    with pytest.raises(Unavailable) as unanswered:
        ask(hasty, token)
    assert unanswered.value.in_doubt
