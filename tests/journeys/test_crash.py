"""Every process killed while calls come in: the books balance afterwards, and no letter goes twice."""

import json
import os
import signal
from collections import Counter

import pytest
import redis
from sqlalchemy import func, select

from deploy.local.process import wait_until
from portal import accounts, keys, plans
from portal.kit import clock, db
from portal.kit.mail import STATES, Letter
from portal.kit.settings import load
from tests.journeys.calls import Callers
from tests.kit.post_office import Opening
from tests.running import RunningStack

pytestmark = pytest.mark.stack

CALLS = 2000
ACCOUNTS = 2
KEYS = 15
LETTERS = ACCOUNTS * (KEYS + 1)  # one for each key, and one for the plan
VICTIMS = [
    "web",
    "gate",
    "worker",
    "redis",
    "beat",
    "post",
    "postgres",
    "sandbox",
    "worker",
    "example",
    "web",
]
UNSURE = ("being sent", "in doubt")  # of a sender that was killed: doubted aloud after some minutes
OPERATOR = accounts.Actor(None, "the operator", None)
ROOMY = {"rate": 5000, "burst": 5000, "keys": KEYS, "included": {"calls": 1_000_000}}


@pytest.fixture(scope="module")
def post_office():
    with Opening() as office:
        yield office


@pytest.fixture(scope="module")
def hurt(tmp_path_factory, post_office):
    """A stack of its own, with a mail server, that is about to be hurt."""
    folder = tmp_path_factory.mktemp("hurt") / "var"
    running = RunningStack(folder, SMTP_URL=post_office.url).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def house(hurt):
    """The stack's database, seen from here."""
    bind = db.engine(hurt.env["DATABASE_URL"])
    yield db.sessions(bind)
    bind.dispose()


def test_the_books_balance_and_no_letter_goes_twice_after_every_process_was_killed(hurt, house, post_office):
    stamp = keys.Stamp("upk", load(hurt.env).key_peppers[0])
    with house() as session, db.unit(session):
        service_key = keys.mint_service(session, "api", stamp=stamp, actor=OPERATOR, now=clock.now()).token
        tokens = dict(_open_account(session, stamp, number) for number in range(ACCOUNTS))

    with redis.Redis.from_url(hurt.env["REDIS_URL"]) as client:
        # What Redis had not yet handed to the system when it died is the stated loss: here there is none.
        client.config_set("appendfsync", "no")
    killed = {}
    doors = [hurt.port, hurt.port + 1]  # the edge within the portal, and the gate server with its leases
    with Callers(hurt, service_key, list(tokens.values()), calls=CALLS, ports=doors) as callers:
        victims = [name for name in VICTIMS if name in hurt.processes]  # the sample API has no port at times
        for turn, name in enumerate(victims, start=1):
            due = CALLS * turn // (len(victims) + 1)
            assert wait_until(lambda due=due: callers.asked >= due, 120)
            killed[name] = hurt.processes[name]
            os.kill(killed[name], signal.SIGKILL)
    assert killed.keys() >= hurt.processes.keys(), "every process is hurt"
    assert wait_until(lambda: hurt.ready and back(hurt, killed), 60), hurt.printed

    assert sum(callers.told.values()) == CALLS
    assert {code for _, code in callers.told} <= {"VALID", "LOST"}
    assert sum(callers.told[token, "VALID"] for token in tokens.values()) > CALLS * 0.9
    assert _differences(hurt) == []
    for account, token in tokens.items():
        admitted, lost = callers.told[token, "VALID"], callers.told[token, "LOST"]
        counted, unreported = _counted(hurt, account), _unreported(hurt, account)
        assert admitted - unreported <= counted <= admitted + lost
    hurt.cli("usage", "settle")
    assert _differences(hurt) == []

    assert wait_until(lambda: _count(house, "sent", *UNSURE) == LETTERS, 120), "every letter meets its end"
    received = Counter(message["Message-ID"] for _, message in post_office.taken)
    assert [name for name, times in received.items() if times > 1] == []
    assert LETTERS - _count(house, *UNSURE) <= len(received) <= LETTERS


def back(stack, killed):
    """Whether each has another process now than the one that was killed."""
    return all(stack.processes.get(name, pid) != pid for name, pid in killed.items())


def _open_account(session, stamp, number):
    """An account whose limits are out of the way and that has just made its keys: (id, one token)."""
    now = clock.now()
    account, _ = accounts.add_account(
        session, f"Company {number}", f"alice{number}@example.org", actor=OPERATOR, now=now
    )
    plans.grant(session, account.id, "api-enterprise", OPERATOR, now, source="contract", overrides=ROOMY)
    minted = [
        keys.mint(session, account.id, f"key {n}", stamp=stamp, actor=OPERATOR, now=now) for n in range(KEYS)
    ]
    return account.id, minted[0].token


def _differences(stack):
    rows = json.loads(stack.cli("usage", "reconcile", "--json"))
    assert len(rows) >= ACCOUNTS
    return [row for row in rows if row["difference"] != 0]


def _unreported(stack, account):
    """Units of shares that a gate held when it was killed: they are consumed and never billed."""
    rows = json.loads(stack.cli("usage", "reconcile", "--json"))
    return sum(row["held"] + row["stranded"] for row in rows if row["account"] == account)


def _counted(stack, account):
    return json.loads(stack.cli("usage", "show", account, "--json"))["meters"]["calls"]["calls"]


def _count(house, *states):
    with house() as session:
        return sum(
            session.scalar(select(func.count()).select_from(Letter).where(STATES[state])) for state in states
        )
