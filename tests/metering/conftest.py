"""The meter on the real engines: Alice's account, a key, the gate, and a clock that can be moved."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from portal import accounts, keys, metering, plans
from portal.gate import Gate, Question
from portal.kit.db import unit
from portal.kit.tokens import Pepper
from tests.plans.people import account_of, publish

PEPPER = Pepper("1", b"p" * 32)
ACTOR = accounts.Actor(None, "operator root")


class House:
    """One gate over one database, with `now` as both of them see it."""

    def __init__(self, redis, database):
        self.redis, self.database = redis, database
        self.offset = timedelta(0)
        self.books = 0
        self.gate = Gate(
            redis, self.book, peppers=(PEPPER,), prefixes=("upk",), offset_us=lambda: self.offset // US
        )
        with self.unit() as session:
            publish(session, self.now)
            self.account = account_of(session, "Alice", self.now)
            self.tag = accounts.tag(session, self.account)
        self.token = self.mint()

    @property
    def now(self):
        return datetime.now(UTC) + self.offset

    @contextmanager
    def unit(self):
        with self.database() as session, unit(session):
            yield session

    def book(self, tag, digests):
        self.books += 1
        with self.unit() as session:
            return metering.book(session, tag, digests, self.now)

    def mint(self, environment="live", pepper=PEPPER, **options):
        with self.unit() as session:
            minted = keys.mint(
                session,
                self.account,
                "A key",
                stamp=keys.Stamp("upk", pepper),
                actor=ACTOR,
                environment=environment,
                now=self.now,
                **options,
            )
        self.gate.push(self.tag)
        return minted.token

    def grant(self, plan):
        with self.unit() as session:
            plans.grant(session, self.account, plan, ACTOR, now=self.now)
        self.gate.push(self.tag)

    def call(self, token=None, **question):
        return self.gate.verify(Question(token or self.token, **question))

    def settle(self, **later):
        self.offset += timedelta(**(later or {"minutes": 1}))
        return metering.settle(self.database, self.gate, now=self.now)


US = timedelta(microseconds=1)


@pytest.fixture
def house(redis, database):
    return House(redis, database)
