"""The counting protocol, as a machine of random steps on a real Redis and a real PostgreSQL.

Every step that the protocol is made of is a step here: two callers ask, answers of the book are held
back and admitted late, settlers stop between any two of their steps, the clock jumps, Redis is
restarted, rolled back or emptied, PostgreSQL is away. A model notes each counted call with its batch,
where it is now (in Redis, in the ledger), and what Redis has ever lost; after every step the real
books are compared with it to the unit.

PROTOCOL_EXAMPLES and PROTOCOL_STEPS ask for more than the few runs that are always made.
"""

import os
import re
import shutil
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_py
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from portal import accounts, keys, metering, plans
from portal.gate import Batch, Gate, Question, Unavailable, desk
from portal.gate.wire import Wire
from portal.kit.db import unit
from portal.kit.errors import Conflict, Exhausted, Missing
from portal.kit.tokens import Pepper, random_secret
from portal.metering import settling
from tests.plans.people import account_of

FREE, TEST = 12, 5
PEPPER = Pepper("1", b"p" * 32)
ACTOR = accounts.Actor(None, "operator root")
US = timedelta(microseconds=1)


@dataclass(frozen=True)
class Effect:
    """One counted call."""

    number: int
    batch: Batch
    window: int
    meter: str
    units: int


@dataclass
class KeyState:
    """What the model knows of a key. It is `known` dead once the gate must have learnt of its end."""

    key_id: str
    token: str
    environment: str
    dead: bool = False
    known: bool = False


@dataclass
class Job:
    """A settler's work in progress."""

    sealed: list
    effects: dict
    settled: dict | None = None
    step: int = 0


@dataclass
class Answer:
    """An answer of the book that has not been admitted yet."""

    ticket: str
    admission: object
    dead: frozenset


@dataclass
class World:
    """The engines that all runs share."""

    engines: object
    database: object
    redis: object
    snapshot: object
    plans_published: bool = False
    away: bool = field(default=False)

    @contextmanager
    def sessions(self):
        if self.away:
            raise OperationalError("SELECT 1", {}, ConnectionError("PostgreSQL is away"))
        with self.database() as session:
            yield session

    def kill(self):
        self.engines.redis.kill()

    def start(self):
        self.engines.redis.start()

    def files(self):
        return self.engines.redis.data / "appendonlydir"


def build(world):
    class Protocol(RuleBasedStateMachine):
        @initialize()
        def open_account(self):
            self.offset = timedelta(0)
            world.away = False
            world.redis.flushall()
            self.gates = [self.new_gate() for _ in range(2)]
            self.wire = Wire(redis_py.Redis.from_url(world.engines.redis.url()))
            with self.unit() as session:
                if not world.plans_published:
                    plans.sync(session, plans.read(catalogue()), self.now - timedelta(days=1))
                    world.plans_published = True
                self.account = account_of(session, f"Alice {random_secret(8)}", self.now)
                self.tag = accounts.tag(session, self.account)
            self.keys = []
            self.ceilings, self.plan = {FREE}, None
            self.paid = set()
            self.effects, self.in_redis, self.in_ledger, self.lost = {}, set(), set(), set()
            self.holds = {}
            self.jobs, self.answers = [], []
            self.saved, self.set_back = None, False
            for environment in ("live", "test"):
                self.mint(environment)

        # The clock, the database and the keys.

        @property
        def now(self):
            return datetime.now(UTC) + self.offset

        @contextmanager
        def unit(self):
            with world.sessions() as session, unit(session):
                yield session

        def new_gate(self):
            client = redis_py.Redis.from_url(world.engines.redis.url())
            return Gate(
                client, self.book, peppers=(PEPPER,), prefixes=("upk",), offset_us=lambda: self.offset // US
            )

        def book(self, tag, digests):
            with self.unit() as session:
                return metering.book(session, tag, digests, self.now)

        def mint(self, environment):
            with self.unit() as session:
                minted = keys.mint(
                    session,
                    self.account,
                    "A key",
                    stamp=keys.Stamp("upk", PEPPER),
                    actor=ACTOR,
                    environment=environment,
                    now=self.now,
                )
            self.keys.append(KeyState(minted.key_id, minted.token, environment))

        def push(self):
            self.gates[0].push(self.tag)
            for key in self.keys:
                key.known = key.dead
            self.paid = {self.plan} - {None}

        # Calls.

        @rule(
            caller=st.integers(0, 1),
            key=st.integers(0, 9),
            cost=st.sampled_from([0, 1, 1, 1, 2, 3, 5]),
            reserve=st.sampled_from([False, False, False, True]),
        )
        def call(self, caller, key, cost, reserve):
            key = self.keys[key % len(self.keys)]
            before = self.counts()
            try:
                verdict = self.gates[caller].verify(Question(key.token, cost=cost, reserve=reserve))
            except Unavailable:
                assert world.away, "the gate knew nothing although all was there"
                assert not self.grown(before)
                return
            grown = self.grown(before)
            if not verdict.valid:
                assert not grown, "a refused call was counted"
                assert verdict.code in ("REVOKED", "EXPIRED", "QUOTA_EXCEEDED", "RATE_LIMITED"), verdict
                assert verdict.code != "RATE_LIMITED" or self.set_back, verdict
                if verdict.code == "QUOTA_EXCEEDED":
                    self.check_refusal(key, cost)
                return
            assert not key.known, "a dead key was admitted"
            window = self.window(key.environment)
            if reserve:
                assert not grown
                self.holds[verdict.reservation_id] = (window, cost, self.now + timedelta(minutes=15))
            else:
                self.note(grown, window, cost)
            self.check_ceiling(window)

        def note(self, grown, window, units):
            assert sum(counted for _, counted in grown.values()) == 1, grown
            ((batch, counted_in, _, meter, _), (grown_units, _)) = next(iter(grown.items()))
            assert (counted_in, meter, grown_units) == (window, "calls", units)
            effect = Effect(len(self.effects), batch, window, meter, units)
            assert not any(effect.batch == self.effects[other].batch for other in self.in_ledger), (
                "counted into a minute that was settled"
            )
            self.effects[effect.number] = effect
            self.in_redis.add(effect.number)

        def true_use(self, window):
            """What was admitted and is not lost. What Redis lost may be admitted again, so it is left out."""
            kept = (self.in_redis | self.in_ledger) - self.lost
            counted = sum(
                self.effects[number].units for number in kept if self.effects[number].window == window
            )
            held = sum(cost for at, cost, ends in self.holds.values() if at == window and ends > self.now)
            return counted + held

        def units(self, numbers, window):
            return sum(
                self.effects[number].units for number in numbers if self.effects[number].window == window
            )

        def ceiling(self, window):
            with world.database() as session:
                kind = session.scalar(text("SELECT kind FROM usage_window WHERE id = :id"), {"id": window})
            limits = {"test": {TEST}, "free": {FREE}, "paid": self.paid | {self.plan} - {None}}
            return limits[kind]

        def check_ceiling(self, window):
            use, limits = self.true_use(window), self.ceiling(window)
            assert use <= max(limits), f"{use} of {limits} in window {window}"

        def check_refusal(self, key, cost):
            window = self.window(key.environment)
            use = self.true_use(window) + self.units(self.lost & self.in_ledger, window)
            assert use + cost > min(self.ceiling(window)), f"{use} + {cost} was refused"

        # Reservations.

        @precondition(lambda self: self.holds)
        @rule(which=st.integers(0, 9), final=st.integers(0, 5), caller=st.integers(0, 1))
        def confirm(self, which, final, caller):
            name = list(self.holds)[which % len(self.holds)]
            window, cost, ends = self.holds[name]
            final = min(final, cost)
            before = self.counts()
            try:
                self.gates[caller].confirm(name, final)
            except Missing:
                assert ends < self.now + timedelta(seconds=1), "a reservation was lost"
                del self.holds[name]
                assert not self.grown(before)
                return
            del self.holds[name]
            self.note(self.grown(before), window, final)
            with pytest.raises(Missing):
                self.gates[caller].confirm(name, final)

        @precondition(lambda self: self.holds)
        @rule(which=st.integers(0, 9), caller=st.integers(0, 1))
        def release(self, which, caller):
            name = list(self.holds)[which % len(self.holds)]
            _, _, ends = self.holds.pop(name)
            before = self.counts()
            try:
                self.gates[caller].release(name)
            except Missing:
                assert ends < self.now + timedelta(seconds=1), "a reservation was lost"
            assert not self.grown(before)

        # Keys and plans.

        @precondition(lambda self: not world.away)
        @rule(which=st.integers(0, 9), pushed=st.booleans())
        def revoke(self, which, pushed):
            key = self.keys[which % len(self.keys)]
            if key.dead:
                return
            with self.unit() as session:
                keys.revoke(session, self.account, key.key_id, actor=ACTOR, now=self.now)
            key.dead = True
            if pushed:
                self.push()

        @precondition(lambda self: not world.away and len(self.keys) < 9)
        @rule(which=st.integers(0, 9), pushed=st.booleans())
        def rotate(self, which, pushed):
            old = self.keys[which % len(self.keys)]
            try:
                with self.unit() as session:
                    minted = keys.rotate(
                        session,
                        self.account,
                        old.key_id,
                        timedelta(hours=1),
                        stamp=keys.Stamp("upk", PEPPER),
                        actor=ACTOR,
                        now=self.now,
                    )
            except Conflict:
                return
            self.keys.append(KeyState(minted.key_id, minted.token, old.environment))
            if pushed:
                self.push()

        @precondition(lambda self: not world.away)
        @rule(environment=st.sampled_from(["live", "test"]))
        def mint_another(self, environment):
            try:
                self.mint(environment)
            except Exhausted:
                return
            self.push()

        @precondition(lambda self: not world.away)
        @rule(included=st.sampled_from([8, 20, 30]), pushed=st.booleans())
        def change_plan(self, included, pushed):
            try:
                with self.unit() as session:
                    plans.grant(
                        session,
                        self.account,
                        "api-pro",
                        ACTOR,
                        self.now,
                        overrides={"included": {"calls": included}, "rate": 10**6, "burst": 10**6},
                    )
            except Conflict:
                return
            self.plan = included
            self.paid.add(included)
            if pushed:
                self.push()

        @precondition(lambda self: not world.away and self.plan is not None)
        @rule(pushed=st.booleans())
        def end_plan(self, pushed):
            with self.unit() as session:
                plans.end(session, self.account, "api", ACTOR, self.now)
            self.plan = None
            if pushed:
                self.push()

        @precondition(lambda self: not world.away)
        @rule()
        def push_again(self):
            self.push()

        # The book's answers, held back.

        @precondition(lambda self: not world.away and len(self.answers) < 3)
        @rule(ask_anew=st.booleans())
        def ask_the_book(self, ask_anew):
            nonce = random_secret(10) if ask_anew else ""
            ticket = desk.read_word(self.wire.send(desk.ask(self.tag, nonce)))
            if ticket:
                dead = frozenset(key.key_id for key in self.keys if key.dead)
                self.answers.append(Answer(ticket, self.book(self.tag, ()), dead))

        @precondition(lambda self: self.answers)
        @rule(which=st.integers(0, 2))
        def admit_late(self, which):
            answer = self.answers.pop(which % len(self.answers))
            command = desk.admit(self.tag, answer.ticket, answer.admission, (), offset_us=self.offset // US)
            if desk.read_word(self.wire.send(command)) == "OK":
                for key in self.keys:
                    key.known = key.known or key.key_id in answer.dead

        # Settling, step by step.

        @precondition(lambda self: len(self.jobs) < 3)
        @rule()
        def seal(self):
            sealed = self.gates[1].seal([self.tag])
            self.expire_holds()
            batches = {count.batch for one in sealed for count in one.counts}
            effects = {
                batch: {n for n in self.in_redis if self.effects[n].batch == batch} for batch in batches
            }
            self.jobs.append(Job(sealed, effects))

        @precondition(lambda self: self.jobs and not world.away)
        @rule(which=st.integers(0, 2))
        def settle_on(self, which):
            job = self.jobs[which % len(self.jobs)]
            self.advance(job)

        def advance(self, job):
            if job.step == 0:
                claimed = self.claimed()
                with self.unit() as session:
                    settling.book(session, job.sealed, now=self.now)
                for batch in self.claimed() - claimed:
                    self.in_ledger |= job.effects[batch]
            elif job.step == 1:
                with self.unit() as session:
                    job.settled = settling.read(session, job.sealed)
            elif job.step == 2:
                levels = settling.clear(self.gates[0], job.sealed, job.settled)
                self.expire_holds()
                with self.unit() as session:
                    settling.notice(session, levels, now=self.now)
                self.jobs.remove(job)
            job.step += 1

        @precondition(lambda self: self.jobs)
        @rule(which=st.integers(0, 2))
        def kill_a_settler(self, which):
            self.jobs.pop(which % len(self.jobs))

        @precondition(lambda self: not world.away and len(self.jobs) < 3)
        @rule()
        def settle_whole(self):
            self.seal()
            job = self.jobs[-1]
            for _ in range(3):
                self.advance(job)

        # Time.

        @rule(seconds=st.sampled_from([1, 30, 61, 61, 61, 300, 901, 3601]))
        def wait(self, seconds):
            self.offset += timedelta(seconds=seconds)

        @rule(seconds=st.sampled_from([1, 61, 300, 3600, 86400]))
        def step_back(self, seconds):
            self.offset -= timedelta(seconds=seconds)
            self.set_back = True  # arrivals that lie ahead now wait for a moment

        @rule()
        def end_the_month(self):
            first = (self.now.replace(day=1) + timedelta(days=32)).replace(
                day=1, hour=0, minute=0, second=0, microsecond=0
            )
            if first - datetime.now(UTC) < timedelta(days=100):
                self.offset += first - self.now + timedelta(milliseconds=10)

        # Catastrophes.

        @rule()
        def take_snapshot(self):
            shutil.rmtree(world.snapshot, ignore_errors=True)
            shutil.copytree(world.files(), world.snapshot)
            self.saved = set(self.in_redis)

        @rule()
        def restart_redis(self):
            world.kill()
            world.start()
            self.holds.clear()

        @precondition(lambda self: self.saved is not None)
        @rule()
        def roll_redis_back(self):
            world.kill()
            shutil.rmtree(world.files())
            shutil.copytree(world.snapshot, world.files())
            world.start()
            self.lose(self.in_redis - self.saved)
            self.in_redis = set(self.saved)
            self.holds.clear()

        @rule(killed=st.booleans())
        def empty_redis(self, killed):
            if killed:
                world.kill()
                shutil.rmtree(world.files())
                world.start()
            else:
                world.redis.flushall()
            self.lose(self.in_redis)
            self.in_redis, self.saved = set(), None
            self.holds.clear()

        @rule()
        def postgres_goes_and_comes(self):
            world.away = not world.away

        def lose(self, numbers):
            self.lost |= set(numbers) - self.in_ledger

        # What must always hold.

        @invariant()
        def the_ledger_holds_each_call_once(self):
            expected = Counter()
            for number in self.in_ledger:
                effect = self.effects[number]
                expected[effect.window, effect.meter] += effect.units
            for table in ("usage_row", "usage_total", "usage_day", "usage_hour"):
                found = self.sums(table)
                assert +found == +expected, f"{table}: {found} instead of {expected}"

        @invariant()
        def the_bucket_holds_the_rest(self):
            fences = self.fences()
            found, expected = Counter(), Counter()
            for count in self.gates[0].peek(self.tag).counts:
                if count.batch.minute > fences.get(count.batch.gen, -1):
                    found[count.window_id] += count.units
            for number in self.in_redis - self.in_ledger:
                expected[self.effects[number].window] += self.effects[number].units
            # A batch that was settled without what Redis lost before is settled all the same.
            assert +found == +expected, f"{found} unsettled instead of {expected}"

        @invariant()
        def the_counter_is_the_sum(self):
            peek = self.gates[0].peek(self.tag)
            if not peek.warm:
                return
            ledger, fences = self.sums("usage_total"), self.fences()
            for span in peek.spans.values():
                at = span.id, "calls"
                unsettled = sum(
                    count.units
                    for count in peek.counts
                    if (count.window_id, count.meter) == at
                    and count.batch.minute > fences.get(count.batch.gen, -1)
                )
                total = ledger[at] + unsettled + peek.held.get(at, 0)
                back = sum(
                    self.effects[n].units
                    for n in self.lost & self.in_ledger
                    if self.effects[n].window == span.id
                )
                used = peek.counters.get(at, 0)
                assert total - back <= used <= total, f"{used} instead of {total} (of which {back} came back)"

        def teardown(self):
            if not hasattr(self, "keys"):
                return
            world.away = False
            for _ in range(2):
                self.offset += timedelta(minutes=2)
                self.jobs.clear()
                self.settle_whole()
            assert self.in_redis - self.in_ledger == set()
            self.the_ledger_holds_each_call_once()
            peek = self.gates[0].peek(self.tag)
            assert peek.counts == ()
            for balance in metering.reconcile(
                world.sessions, self.gates[0], account_id=self.account, now=self.now
            ):
                assert balance.balanced, balance

        # Looking.

        def counts(self):
            found = {}
            for one in self.gates[0].peek(self.tag).counts:
                found[one.batch, one.window_id, one.key_id, one.meter, one.endpoint] = (one.units, one.calls)
            return found

        def grown(self, before):
            grown = {}
            for at, (units, calls) in self.counts().items():
                units_before, calls_before = before.get(at, (0, 0))
                if (units, calls) != (units_before, calls_before):
                    grown[at] = (units - units_before, calls - calls_before)
            return grown

        def window(self, environment):
            return self.gates[0].peek(self.tag).spans[environment].id

        def expire_holds(self):
            self.holds = {name: hold for name, hold in self.holds.items() if hold[2] > self.now}

        def sums(self, table):
            statement = (
                f"SELECT window_id, meter, sum(units) FROM {table} WHERE account_id = :id GROUP BY 1, 2"
            )
            with world.database() as session:
                rows = session.execute(text(statement), {"id": self.account})
                return Counter({(window, meter): int(units) for window, meter, units in rows})

        def fences(self):
            statement = "SELECT gen, max(minute) FROM usage_batch WHERE tag = :tag GROUP BY gen"
            with world.database() as session:
                return dict(session.execute(text(statement), {"tag": self.tag}).all())

        def claimed(self):
            with world.database() as session:
                rows = session.execute(
                    text("SELECT tag, gen, minute FROM usage_batch WHERE tag = :tag"), {"tag": self.tag}
                )
                return {Batch(*row) for row in rows}

    return Protocol


def catalogue():
    """The shipped catalogue with limits that a few calls reach."""
    shipped = plans.SHIPPED.read_text()
    shipped = re.sub(r"rate = \d+", "rate = 1000000", shipped)
    shipped = re.sub(r"burst = \d+", "burst = 1000000", shipped)
    shipped = re.sub(r"keys = \d+", "keys = 9", shipped)
    shipped = shipped.replace("test_included = { calls = 1000 }", f"test_included = {{ calls = {TEST} }}")
    return shipped.replace("included = { calls = 1000 } ", f"included = {{ calls = {FREE} }} ")


def test_the_books_balance_whatever_happens(engines, database, redis, tmp_path):
    world = World(engines, database, redis, tmp_path / "snapshot")
    examples, steps = os.environ.get("PROTOCOL_EXAMPLES"), os.environ.get("PROTOCOL_STEPS")
    run_state_machine_as_test(
        build(world),
        settings=settings(
            max_examples=int(examples or 15),
            stateful_step_count=int(steps or 40),
            deadline=None,
            derandomize=examples is None,
            database=None,
            phases=(Phase.generate, Phase.shrink) if "PROTOCOL_SHRINK" in os.environ else (Phase.generate,),
            report_multiple_bugs=False,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
