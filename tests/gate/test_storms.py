"""Storms: many processes against the real gate server, while parts of it die. Then the books are compared.

STORM makes them as many times larger (`make soak`).
"""

import os
import signal
from datetime import timedelta
from types import SimpleNamespace

import pytest

from deploy.local.process import wait_until
from portal import accounts, keys, metering, plans
from portal.gate import connect
from portal.kit import clock
from portal.kit.db import unit
from tests.gate.serving import RunningGate, Storm
from tests.plans.people import OPERATOR, account_of, publish

LARGER = int(os.environ.get("STORM", "1"))
ALICE = accounts.Actor("per_alice", "alice@example.com")
ROOMY = {"rate": 1_000_000, "burst": 1_000_000}


@pytest.fixture(scope="module")
def environ(settings):
    pepper = settings.key_peppers[0]
    return {
        "VAR": str(settings.var),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "KEY_PEPPERS": f"{pepper.id}:{pepper.secret.hex()}",
    }


@pytest.fixture(scope="module")
def exact(environ):
    gate = RunningGate(environ, GATE_LEASES="off").start()
    yield gate
    assert gate.stop() == 0, gate.log


@pytest.fixture(scope="module")
def leasing(environ):
    gate = RunningGate(environ).start()
    yield gate
    assert gate.stop() == 0, gate.log


@pytest.fixture(params=["exact", "leasing"])
def server(request):
    return request.getfixturevalue(request.param)


class House:
    """Alice's account with so many calls a month, a key of hers, and a service key."""

    def __init__(self, database, settings, included):
        self.database, self.settings, now = database, settings, clock.now()
        self.stamp = keys.Stamp(settings.key_prefix, settings.key_peppers[0])
        with database() as session, unit(session):
            publish(session, now)
            self.account = account_of(session, "Alice", now)
            overrides = {**ROOMY, "included": {"calls": included}}
            plans.grant(session, self.account, "api-pro", OPERATOR, now, overrides=overrides)
            self.minted = keys.mint(session, self.account, "Storm", stamp=self.stamp, actor=ALICE, now=now)
            self.service = keys.mint_service(session, "api", stamp=self.stamp, actor=OPERATOR, now=now).token
        self.key = self.minted.token

    def gate(self, seconds=0):
        """A gate whose clock is ahead: what was not reported by then is stranded."""
        door = metering.open_gate(self.settings, connect(self.settings.redis_url), self.database)
        return SimpleNamespace(door=door, now=clock.now() + timedelta(seconds=seconds))

    def balance(self):
        """The books of the calls, once all that is out has come back or is stranded."""
        here = self.gate()
        found = metering.reconcile(self.database, here.door, account_id=self.account, now=here.now)
        assert all(balance.balanced for balance in found), found
        return next(one for one in found if (one.environment, one.meter) == ("live", "calls"))


@pytest.fixture
def house(database, redis, settings):
    return lambda included: House(database, settings, included)


def ready(server, house):
    """Wait until a service key has come into the memory of every worker: a few calls in a row say so."""
    wanted = iter([True] * 8)
    with house.database() as session, unit(session):
        free = keys.mint(
            session,
            account_of(session, "Bob", clock.now()),
            "Knock",
            stamp=house.stamp,
            actor=ALICE,
            now=clock.now(),
        ).token
    knocks = []

    def knock():
        knocks.append(server.ask(house.service, free))
        return len(knocks) >= 8 and all(code is not None for code in knocks[-8:])

    assert wait_until(knock, 20), (knocks, server.log)
    assert next(wanted)


def test_of_the_last_thousand_calls_exactly_a_thousand_are_admitted(server, house):
    here = house(1_000)
    ready(server, here)
    told = Storm(server.port, here.service, [here.key], processes=8, threads=16 * LARGER).end()
    assert told.keys() <= {"VALID", "QUOTA_EXCEEDED"} and told["VALID"] <= 1_000
    # With leases the very last ones may come back from a share that was not spent.
    admitted = [told["VALID"]]
    assert wait_until(
        lambda: admitted[0] == 1_000 or not admitted.append(_one_more(server, here, admitted)), 10
    )
    assert admitted[0] == 1_000
    assert server.ask(here.service, here.key) == "QUOTA_EXCEEDED"
    books = here.balance()
    assert (books.counter, books.ledger + books.unsettled + books.held, books.stranded) == (1_000, 1_000, 0)


def _one_more(server, here, admitted):
    admitted[0] += server.ask(here.service, here.key) == "VALID"


def test_callers_of_two_keys_of_an_account_share_its_quota_while_one_is_rotated(server, house):
    here = house(2_000)
    ready(server, here)
    storm = Storm(server.port, here.service, [here.key], processes=3, threads=8, calls=200 * LARGER)
    with here.database() as session, unit(session):
        rotated = keys.rotate(
            session,
            here.account,
            here.minted.key_id,
            timedelta(hours=1),
            stamp=here.stamp,
            actor=ALICE,
            now=clock.now(),
        )
    here.gate().door.push(_tag(here))
    other = Storm(server.port, here.service, [rotated.token, here.key], processes=3, threads=8)
    told = [storm.end(), other.end()]
    assert sum(one.get("VALID", 0) for one in told) <= 2_000
    assert other_codes(told) <= {"VALID", "QUOTA_EXCEEDED"}
    assert wait_until(lambda: here.balance().held == 0, 10), "what was not spent comes back"
    books = here.balance()
    assert books.ledger + books.unsettled == sum(one.get("VALID", 0) for one in told)


def other_codes(told):
    return {code for one in told for code in one}


def _tag(here):
    with here.database() as session:
        return accounts.tag(session, here.account)


def test_a_graceful_reload_loses_no_call_and_gives_every_share_back(server, house):
    here = house(1_000_000)
    ready(server, here)
    before = server.workers
    storm = Storm(server.port, here.service, [here.key], processes=2, threads=8, calls=400 * LARGER)
    os.kill(server.pid, signal.SIGHUP)
    told = storm.end()
    assert wait_until(lambda: not set(before) & set(server.workers), 20), "the workers are new ones"
    assert told.keys() <= {"VALID", "UNANSWERED"}, told
    assert told["VALID"] + told.get("UNANSWERED", 0) == 2 * 8 * 400 * LARGER
    assert wait_until(lambda: here.balance().held == 0, 10)
    books = here.balance()
    assert books.ledger + books.unsettled == told["VALID"], "a call that was not answered was not counted"


def test_a_worker_that_is_killed_leaves_its_shares_stranded_and_the_books_balanced(leasing, house):
    here = house(1_000_000)
    ready(leasing, here)
    storm = Storm(leasing.port, here.service, [here.key], processes=2, threads=8, calls=400 * LARGER)
    assert wait_until(lambda: here.balance().counter > 500, 20)
    os.kill(leasing.workers[0], signal.SIGKILL)
    told = storm.end()
    assert wait_until(lambda: leasing.ask(here.service, here.key) == "VALID", 20)
    books = here.balance()
    # Nothing that was admitted is missing from what was taken.
    assert told["VALID"] + 1 <= books.counter <= 1_000_000
    assert books.counter == books.ledger + books.unsettled + books.held + books.stranded


@pytest.mark.parametrize("how", ["killed", "wiped"])
def test_a_redis_that_is_lost_is_found_again_and_the_books_balance(server, house, engines, redis, how):
    here = house(1_000_000)
    ready(server, here)
    storm = Storm(server.port, here.service, [here.key], processes=2, threads=4, calls=400 * LARGER)
    assert wait_until(lambda: here.balance().counter > 200, 20)
    if how == "wiped":
        redis.flushall()
    else:
        engines.redis.kill()
        engines.redis.start()
    told = storm.end()
    assert wait_until(lambda: server.ask(here.service, here.key) == "VALID", 20), server.log
    assert told["VALID"] > 200 and other_codes([told]) <= {"VALID", "UNAVAILABLE"}, told
    books = here.balance()
    assert books.counter == books.ledger + books.unsettled + books.held + books.stranded
