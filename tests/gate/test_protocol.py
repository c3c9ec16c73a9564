"""The counting protocol, as a machine of random steps on a real Redis and a real PostgreSQL.

Two holders take shares of leases and spend them from their memory, report them, or are killed.

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
from dataclasses import dataclass
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

from deploy.local.process import wait_until
from portal import accounts, keys, metering, plans
from portal.gate import Batch, Gate, Question, Shares, Unavailable, desk
from portal.gate.shares import SHARE_MS
from portal.gate.wire import Wire
from portal.kit.db import unit
from portal.kit.errors import Conflict, Exhausted, Missing, Refusal
from portal.kit.tokens import Pepper, random_secret
from portal.metering import settling
from tests.plans.people import account_of

FREE, TEST = 12, 5
PEPPER = Pepper("1", b"p" * 32)
ACTOR = accounts.Actor(None, "operator root")
US = timedelta(microseconds=1)
TABLES = ("usage_row", "usage_total", "usage_day", "usage_hour")
BOOKS = text(
    " UNION ALL ".join(
        f"SELECT '{table}' AS what, CAST(window_id AS text) AS name, sum(units) AS number FROM {table} "
        "WHERE account_id = :account AND meter IN ('calls', 'stranded:calls') GROUP BY window_id"
        for table in TABLES
    )
    + " UNION ALL SELECT 'fence', gen, max(minute) FROM usage_batch WHERE tag = :tag GROUP BY gen"
)
keys_ = st.integers(0, 9)
later = st.sampled_from([0, 61, 61, 61])
pushes = st.none() | st.integers(0, 3)


@dataclass(frozen=True)
class Effect:
    """One counted call."""

    number: int
    batch: Batch
    window: int
    meter: str
    units: int
    key_id: str = ""


@dataclass
class KeyState:
    """What the model knows of a key. It is `known` dead once the gate must have learnt of its end."""

    key_id: str
    token: str
    environment: str
    dead: bool = False
    known: bool = False
    known_at: datetime | None = None


@dataclass
class Lent:
    """A share that is out: whose, what was taken, what of it was spent, and whether Redis still holds it."""

    window: int
    units: int
    key: KeyState
    taken_at: datetime
    spent: int = 0
    kept: bool = True


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
    away: bool = False

    @contextmanager
    def sessions(self):
        if self.away:
            raise OperationalError("SELECT 1", {}, ConnectionError("PostgreSQL is away"))
        with self.database() as session:
            yield session

    def save_redis(self):
        self._write_out()
        shutil.rmtree(self.snapshot, ignore_errors=True)
        shutil.copytree(self.files, self.snapshot)

    def restart_redis(self, files=None):
        """Kill it and start it: with what it had written, or with these files, or (False) with none."""
        self._write_out()
        self.engines.redis.kill()
        if files is not None:
            shutil.rmtree(self.files)
            if files:
                shutil.copytree(files, self.files)
        self.engines.redis.start()

    def _write_out(self):
        """A kill may lose what Redis said was written, while the disk is busy. How much, is decided here."""
        assert wait_until(lambda: self.redis.info("persistence")["aof_buffer_length"] == 0, 30)

    @property
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
            self.ceilings, self.plan = {FREE}, None
            self.paid = set()
            self.effects, self.in_redis, self.in_ledger, self.lost = {}, set(), set(), set()
            self.holds = {}
            self.lent, self.gone = {}, Counter()
            self.holders = [Shares(clock=lambda: self.offset.total_seconds()) for _ in range(2)]
            self.jobs, self.answers, self.keys = [], [], []
            self.confirmed = []
            self.set_back, self.saved = False, None
            with self.unit() as session:
                self.keys = [self.mint(session, environment) for environment in ("live", "test")]

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
            """Every answer is also held back, as if another caller had read it and was slow to admit it."""
            ticket = desk.read_word(self.wire.send(desk.ask(self.tag, "")))
            with self.unit() as session:
                admission = metering.book(session, tag, digests, self.now)
            dead = frozenset(key.key_id for key in self.keys if key.dead)
            self.answers = [*self.answers[-3:], Answer(ticket, admission, dead)]
            return admission

        def mint(self, session, environment):
            stamp = keys.Stamp("upk", PEPPER)
            options = {"environment": environment, "stamp": stamp, "actor": ACTOR, "now": self.now}
            minted = keys.mint(session, self.account, "A key", **options)
            return KeyState(minted.key_id, minted.token, environment)

        def push(self):
            self.gates[0].push(self.tag)
            for key in self.keys:
                if key.dead and not key.known:
                    key.known, key.known_at = True, self.now
            self.paid = {self.plan} - {None}

        # Calls.

        @rule(
            caller=st.integers(0, 1),
            key=keys_,
            cost=st.sampled_from([0, 1, 1, 1, 2, 3, 5]),
            times=st.integers(1, 4),
            reserve=st.sampled_from([False, False, False, True]),
        )
        def call(self, caller, key, cost, times, reserve):
            for _ in range(times):
                self.call_once(caller, self.keys[key % len(self.keys)], cost, reserve)

        def call_once(self, caller, key, cost, reserve):
            before = self.counts()
            try:
                verdict = self.gates[caller].verify(Question(key.token, cost=cost, reserve=reserve))
            except Unavailable:
                assert world.away, "the gate knew nothing although all was there"
                assert not self.grown(before)
                return
            self.absorb()
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
            self.add(batch, window, meter, units)

        def add(self, batch, window, meter, units, key_id=""):
            effect = Effect(len(self.effects), batch, window, meter, units, key_id)
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
            lent = sum(lent.units for lent in self.lent.values() if lent.kept and lent.window == window)
            return counted + held + lent

        def units(self, numbers, window):
            return self.units_by_window(numbers)[window]

        def units_by_window(self, numbers):
            found = Counter()
            for number in numbers:
                found[self.effects[number].window] += self.effects[number].units
            return +found

        def counted_in(self, batch):
            return {number for number in self.in_redis if self.effects[number].batch == batch}

        def ceiling(self, window):
            with world.database() as session:
                kind = session.scalar(text("SELECT kind FROM usage_window WHERE id = :id"), {"id": window})
            limits = {"test": {TEST}, "free": {FREE}, "paid": self.paid | {self.plan} - {None}}
            return limits[kind]

        def check_ceiling(self, window):
            # What is out and not spent, and what was stranded unspent, was taken and admitted nobody.
            unspent = sum(
                lent.units - lent.spent for lent in self.lent.values() if lent.kept and lent.window == window
            )
            use, limits = self.true_use(window) - unspent, self.ceiling(window)
            assert use <= max(limits, default=0), f"{use} of {limits} in window {window}"

        def check_refusal(self, key, cost):
            window = self.window(key.environment)
            use = self.true_use(window) + self.units(self.lost & self.in_ledger, window)
            assert use + cost > min(self.ceiling(window), default=0), f"{use} + {cost} was refused"

        # Leases.

        @rule(
            which=st.integers(0, 1),
            key=st.sampled_from([0, 0, 1, 2]),
            units=st.sampled_from([1, 2, 3, 50]),
            times=st.integers(0, 6),
            seconds=st.sampled_from([0, 0, 0, 0.3, 0.6]),
            then=st.sampled_from(["held", "reported", "reported", "lost"]),
        )
        def lease(self, which, key, units, times, seconds, then):
            """Take a share, unless one is held that is still good, and spend some; the answer may be lost."""
            key, holder, gate = self.keys[key % len(self.keys)], self.holders[which], self.gates[which]
            question = Question(key.token)
            if (share := holder.over(question)) is not None:
                self.report(gate, share)
            if holder.held(question) is not None:
                self.spend(which, key, times)
                return
            before = self.counts()
            assert holder.ask_alone(question)
            try:
                verdict = gate.lease(question, units, ttl_ms=SHARE_MS, part=2)
            except Unavailable:
                assert world.away
                holder.took(question, None)
                return
            self.absorb()
            assert not self.grown(before), "a share was counted before it was used"
            if verdict.lease is not None:
                assert verdict.valid and not key.known and 0 < verdict.lease.units <= units
                window = self.window(key.environment)
                assert self.gates[0].peek(self.tag).held[window, "calls"] >= verdict.lease.units
                self.lent[verdict.lease.lease_id] = Lent(window, verdict.lease.units, key, self.now)
            assert holder.took(question, None if then == "lost" else verdict) is None
            self.offset += timedelta(seconds=seconds)
            self.spend(which, key, times)
            if then == "reported":
                self.return_shares(which)

        def spend(self, which, key, times):
            for _ in range(times):
                verdict = self.holders[which].spend(Question(key.token))
                if verdict is None:
                    return
                share = self.holders[which].held(Question(key.token))
                lent = self.lent.get(share.lease_id)
                if key.known:
                    assert self.now - key.known_at <= timedelta(seconds=1), "a dead key passed for too long"
                if lent is not None:
                    lent.spent += 1
                    assert lent.spent <= lent.units and self.now - lent.taken_at <= timedelta(seconds=1)
                    self.check_ceiling(lent.window)

        @rule(which=st.integers(0, 1), key=keys_, times=st.integers(1, 6))
        def spend_on(self, which, key, times):
            self.spend(which, self.keys[key % len(self.keys)], times)

        def report(self, gate, share, again=False):
            before = self.counts()
            (counted,) = gate.report([share.use])
            grown = self.grown(before)
            lent = self.lent.pop(share.lease_id, None)
            if lent is None or not lent.kept:
                assert counted is None and not grown, "what had ended was counted"
            elif counted is not None:
                assert counted == lent.spent == share.spent
                if counted:
                    ((at, (units, calls)),) = grown.items()
                    assert (at[1], at[3], units, calls) == (lent.window, "calls", counted, counted)
                    self.add(at[0], lent.window, "calls", counted)
            else:
                assert not grown
                self.lent[share.lease_id] = lent
                self.absorb()
                assert share.lease_id not in self.lent, "a share was neither reported nor stranded"
            assert gate.report([share.use]) == [None], "a lease was reported twice"
            assert not self.grown(self.counts())

        @rule(which=st.integers(0, 1))
        def return_shares(self, which):
            for share in self.holders[which].give_up():
                self.report(self.gates[which], share)

        @rule(which=st.integers(0, 1))
        def return_what_is_over(self, which):
            for share in list(self.holders[which].tick()):
                self.report(self.gates[which], share)

        @rule(
            which=st.integers(0, 1),
            key=st.sampled_from([0, 0, 1]),
            units=st.sampled_from([3, 50]),
            times=st.integers(0, 3),
        )
        def kill_a_holder(self, which, key, units, times):
            """One that has just taken a share and spent some of it."""
            self.lease(which, key, units, times, 0, "held")
            self.holders[which].give_up()

        def absorb(self):
            """Rows of shares that went away by themselves: their units must stand there as stranded."""
            rows = {
                name.decode()
                for name in world.redis.hkeys(f"{{{self.tag}}}:holds")
                if name.startswith(b"lse_")
            }
            vanished = Counter()
            for name in [name for name, lent in self.lent.items() if lent.kept and name not in rows]:
                lent = self.lent[name]
                lent.kept = False
                vanished[lent.window] += lent.units
                self.gone[lent.window] += lent.units - lent.spent
                del self.lent[name]
            grown = Counter()
            for at, (units, _) in self.counts(stranded=True).items():
                known = sum(
                    self.effects[number].units
                    for number in self.in_redis
                    if (self.effects[number].batch, self.effects[number].window, self.effects[number].meter)
                    == (at[0], at[1], at[3])
                    and self.effects[number].key_id == at[2]
                )
                if units > known:
                    self.add(at[0], at[1], at[3], units - known, at[2])
                    grown[at[1]] += units - known
            assert +grown == +vanished, f"{grown} was stranded of {vanished}"

        # Reservations.

        @precondition(lambda self: self.holds)
        @rule(which=keys_, final=st.none() | st.integers(0, 5), caller=st.integers(0, 1))
        def finish(self, which, final, caller):
            name = list(self.holds)[which % len(self.holds)]
            window, cost, ends = self.holds.pop(name)
            final = final and min(final, cost)
            before = self.counts()
            try:
                if final is None:
                    self.gates[caller].release(name)
                else:
                    self.gates[caller].confirm(name, final)
            except Missing:
                assert ends < self.now + timedelta(seconds=1), "a reservation was lost"
                final = None
            grown = self.grown(before)
            if final is None:
                assert not grown
            else:
                self.note(grown, window, final)
                self.confirmed.append(name)

        @precondition(lambda self: self.confirmed)
        @rule(which=keys_, caller=st.integers(0, 1))
        def confirm_again(self, which, caller):
            before = self.counts()
            with pytest.raises(Missing):
                self.gates[caller].confirm(self.confirmed[which % len(self.confirmed)], 0)
            assert not self.grown(before)

        # Keys and plans.

        @rule(which=keys_, deed=st.sampled_from(["revoke", "rotate", "mint"]), pushed=pushes)
        def change_keys(self, which, deed, pushed):
            key = self.keys[which % len(self.keys)]
            options = {"actor": ACTOR, "now": self.now}
            try:
                with self.unit() as session:
                    if deed == "mint":
                        self.keys.append(self.mint(session, key.environment))
                    elif deed == "rotate":
                        stamp = keys.Stamp("upk", PEPPER)
                        hour = timedelta(hours=1)
                        new = keys.rotate(session, self.account, key.key_id, hour, stamp=stamp, **options)
                        self.keys.append(KeyState(new.key_id, new.token, key.environment))
                    else:
                        keys.revoke(session, self.account, key.key_id, **options)
            except (Conflict, Exhausted):
                return
            key.dead = key.dead or deed == "revoke"
            if pushed is not None:
                self.push_and_let_in(pushed)

        @rule(included=st.sampled_from([None, 8, 20]), pushed=pushes)
        def change_plan(self, included, pushed):
            overrides = {"included": {"calls": included}, "rate": 10**6, "burst": 10**6}
            try:
                with self.unit() as session:
                    if included is None:
                        plans.end(session, self.account, "api", ACTOR, self.now)
                    else:
                        plans.grant(session, self.account, "api-pro", ACTOR, self.now, overrides=overrides)
            except Refusal:
                return
            self.plan = included
            self.paid |= {included} - {None}
            if pushed is not None:
                self.push_and_let_in(pushed)

        @rule(late=st.integers(0, 3))
        def push_and_let_in(self, late):
            """Push what holds now; then somebody lets in what the book said before."""
            before = self.answers
            self.push()
            if before and late:
                self.admit(before[-late % len(before)])

        # The book's answers, held back.

        @rule(ask_anew=st.booleans())
        def ask_the_book(self, ask_anew):
            if desk.read_word(self.wire.send(desk.ask(self.tag, random_secret(10) if ask_anew else ""))):
                self.book(self.tag, ())

        @precondition(lambda self: self.answers)
        @rule(which=st.integers(0, 3))
        def admit_late(self, which):
            self.admit(self.answers[which % len(self.answers)])

        def admit(self, answer):
            command = desk.admit(self.tag, answer.ticket, answer.admission, (), offset_us=self.offset // US)
            if desk.read_word(self.wire.send(command)) == "OK":
                for key in self.keys:
                    if key.key_id in answer.dead and not key.known:
                        key.known, key.known_at = True, self.now

        # Settling, step by step.

        @rule(seconds=later, steps=st.integers(0, 3))
        def begin_to_settle(self, seconds, steps):
            self.offset += timedelta(seconds=seconds)
            sealed = self.gates[1].seal([self.tag])
            self.absorb()
            self.expire_holds()
            batches = {count.batch for one in sealed for count in one.counts}
            job = Job(sealed, {batch: self.counted_in(batch) for batch in batches})
            self.jobs = [*self.jobs[-2:], job]  # the oldest of many is killed
            for _ in range(steps):
                self.advance(job)

        @precondition(lambda self: self.jobs)
        @rule(which=st.integers(0, 2), steps=st.integers(1, 3))
        def settle_on(self, which, steps):
            job = self.jobs[which % len(self.jobs)]
            for _ in range(steps):
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
                levels = settling.clear(self.gates[0], job.settled)
                self.absorb()
                self.expire_holds()
                with self.unit() as session:
                    settling.notice(session, levels, now=self.now)
                self.jobs = [other for other in self.jobs if other is not job]
            job.step += 1

        # Time.

        @rule(seconds=st.sampled_from([61, 61, 901, 3601, -1, -61, -61, -122, -3600, -86400]))
        def move_the_clock(self, seconds):
            self.offset += timedelta(seconds=seconds)
            self.set_back = self.set_back or seconds < 0  # arrivals that lie ahead now wait for a moment

        @rule()
        def end_the_month(self):
            first = (self.now.replace(day=1) + timedelta(days=32)).replace(
                day=1, hour=0, minute=0, second=0, microsecond=0
            )
            if first - datetime.now(UTC) < timedelta(days=100):
                self.offset += first - self.now + timedelta(milliseconds=10)

        # Catastrophes.

        @rule()
        def save_redis(self):
            world.save_redis()
            self.saved = set(self.in_redis)

        @rule(
            how=st.sampled_from(["restarted", "rolled back", "rolled back", "emptied", "flushed"]),
            late=st.none() | st.integers(0, 3),
            calls=st.booleans(),
        )
        def lose_redis(self, how, late, calls):
            """Lose it, and perhaps let in an answer of before while somebody asks anew."""
            kept = {"restarted": self.in_redis, "rolled back": self.saved}.get(how, set())
            if how == "flushed":
                world.redis.flushall()
            elif kept is None:
                return
            else:
                world.restart_redis({"rolled back": world.snapshot, "emptied": False}.get(how))
            self.lost |= self.in_redis - kept - self.in_ledger
            self.in_redis = set(kept)
            self.holds.clear()
            self.lose_shares(how)
            if how in ("emptied", "flushed"):
                self.saved = None
            if late is not None:
                before = self.answers
                self.ask_the_book(True)
                if before:
                    self.admit(before[late % len(before)])
            for key in self.keys if calls else ():
                self.call_once(0, key, 1, False)

        def lose_shares(self, how):
            """Who loses the line gives up what it holds; rows that came back are stranded, spent or not."""
            if how != "flushed":
                for holder in self.holders:
                    holder.give_up()
            rows = world.redis.hgetall(f"{{{self.tag}}}:holds")
            self.lent = {}
            for name, row in rows.items():
                if name.startswith(b"lse_"):
                    _, units, window, key_id, _, _, _ = row.decode().split("|", 6)
                    key = next(key for key in self.keys if key.key_id == key_id)
                    self.lent[name.decode()] = Lent(int(window), int(units), key, self.now)

        @rule(key=keys_, caller=st.integers(0, 1))
        def lose_postgres_for_a_while(self, key, caller):
            world.away = True
            try:
                self.call_once(caller, self.keys[key % len(self.keys)], 1, False)
                with pytest.raises(OperationalError):
                    self.begin_to_settle(61, 1)
            finally:
                world.away = False

        # What must always hold.

        @invariant()
        def the_books_balance(self):
            """The ledger holds each call once, the bucket holds the rest, and the counter is the sum."""
            self.absorb()
            sums, fences = self.books()
            expected = self.units_by_window(self.in_ledger)
            for table, found in sums.items():
                assert found == expected, f"{table}: {found} instead of {expected}"
            peek, unsettled = self.gates[0].peek(self.tag), Counter()
            for count in peek.counts:
                if count.batch.minute > fences.get(count.batch.gen, -1):
                    unsettled[count.window_id] += count.units
            assert +unsettled == self.units_by_window(self.in_redis - self.in_ledger), "not what is unsettled"
            for span in peek.spans.values() if peek.warm else ():
                total = expected[span.id] + unsettled[span.id] + peek.held.get((span.id, "calls"), 0)
                # What Redis lost and a settler had sealed: the counter learns of it when it is levelled.
                back = self.units(self.lost & self.in_ledger, span.id)
                used = peek.counters.get((span.id, "calls"), 0)
                assert total - back <= used <= total, f"{used} instead of {total} (of which {back} came back)"

        def teardown(self):
            if not hasattr(self, "saved"):
                return
            self.jobs.clear()
            for _ in range(2):
                self.begin_to_settle(122, 3)
            assert self.in_redis <= self.in_ledger
            self.the_books_balance()
            assert self.gates[0].peek(self.tag).counts == ()
            found = metering.reconcile(world.sessions, self.gates[0], account_id=self.account, now=self.now)
            assert all(balance.balanced for balance in found), found

        # Looking.

        def counts(self, stranded=False):
            found = {}
            for one in self.gates[0].peek(self.tag).counts:
                if one.meter.startswith("stranded:") != stranded:
                    continue
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

        def books(self):
            with world.database() as session:
                found = {table: Counter() for table in TABLES}
                fences = {}
                for table, name, number in session.execute(BOOKS, {"tag": self.tag, "account": self.account}):
                    if table == "fence":
                        fences[name] = int(number)
                    else:
                        found[table][int(name)] = int(number)
                return {table: +sums for table, sums in found.items()}, fences

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
            max_examples=int(examples or 30),
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
