"""A house with a customer whose key is stormed, and the comparison of its books."""

from types import SimpleNamespace

from deploy.local.process import wait_until
from portal import accounts, keys, metering, plans
from portal.gate import connect
from portal.kit import clock
from portal.kit.db import unit
from tests.plans.people import OPERATOR, account_of, publish

ALICE = accounts.Actor("per_alice", "alice@example.com")
ROOMY = {"rate": 1_000_000, "burst": 1_000_000}


class House:
    """Alice's account with so many calls a month, a key of hers, and a service key."""

    def __init__(self, database, settings, included):
        self.database, self.settings, now = database, settings, clock.now()
        self.stamp = keys.Stamp(settings.key_prefix, settings.key_peppers[0])
        with database() as session, unit(session):
            publish(session, now)
            self.account = account_of(session, "Alice", now)
            self.bob = account_of(session, "Bob", now)
            overrides = {**ROOMY, "included": {"calls": included}}
            plans.grant(session, self.account, "api-pro", OPERATOR, now, overrides=overrides)
            self.minted = keys.mint(session, self.account, "Storm", stamp=self.stamp, actor=ALICE, now=now)
            self.service = keys.mint_service(session, "api", stamp=self.stamp, actor=OPERATOR, now=now).token
        self.key = self.minted.token

    def mint(self, name, account=None):
        """One more key, hers if no other account is named; nobody is told of it."""
        with self.database() as session, unit(session):
            now = clock.now()
            return keys.mint(
                session, account or self.account, name, stamp=self.stamp, actor=ALICE, now=now
            ).token

    @property
    def tag(self):
        with self.database() as session:
            return accounts.tag(session, self.account)

    @property
    def window(self):
        """The span in which her calls count now."""
        door = self.gate().door
        assert door.warm(self.tag)
        return door.peek(self.tag).spans["live"]

    def gate(self):
        """The gate of a process of its own, and the present moment."""
        door = metering.open_gate(self.settings, connect(self.settings.redis_url), self.database)
        return SimpleNamespace(door=door, now=clock.now())

    def balance(self):
        """The books of the calls, once all that is out has come back or is stranded."""
        here = self.gate()
        found = metering.reconcile(self.database, here.door, account_id=self.account, now=here.now)
        assert all(balance.balanced for balance in found), found
        return next(one for one in found if (one.environment, one.meter) == ("live", "calls"))


def ready(server, house):
    """Wait until a service key has come into the memory of every worker: a few calls in a row say so."""
    free = house.mint("Knock", house.bob)
    knocks = []

    def knock():
        knocks.append(server.ask(house.service, free))
        return len(knocks) >= 8 and all(code is not None for code in knocks[-8:])

    assert wait_until(knock, 20), (knocks, server.log)


def settle(here, moved):
    """Bring everything into the ledger, when the minutes it is in are over and all shares have ended."""
    for _ in range(2):
        step(moved, 120_000_000)
        there = here.gate()
        metering.settle(here.database, there.door, now=there.now)


def step(path, microseconds):
    """Move the clock, forwards or back."""
    draft = path.with_name("clock.new")
    draft.write_text(f"{clock.offset_us() + int(microseconds)}\n")
    draft.replace(path)
