"""Every process killed while calls come in: the books balance afterwards, and no letter goes twice."""

import json
import os
import signal
from collections import Counter

import pytest

from deploy.local.process import wait_until
from tests.journeys.calls import Callers
from tests.kit.post_office import Opening
from tests.running import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

CALLS = 2000
ACCOUNTS = 4
VICTIMS = ["web", "worker", "redis", "beat", "postgres", "worker", "web"]


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


def test_the_books_balance_and_no_letter_goes_twice_after_every_process_was_killed(hurt, post_office):
    accounts = [_open_account(hurt, number) for number in range(ACCOUNTS)]
    keys = [_last_line(hurt.cli("keys", "mint", account, "the key")) for account in accounts]
    service_key = _last_line(hurt.cli("service-keys", "mint", "api"))

    with Callers(hurt, service_key, keys, calls=CALLS) as callers:
        for turn, name in enumerate(VICTIMS, start=1):
            due = CALLS * turn // (len(VICTIMS) + 1)
            assert wait_until(lambda due=due: callers.asked >= due, 120)
            os.kill(hurt.processes[name], signal.SIGKILL)

    assert wait_until(lambda: hurt.ready and all(_lives(pid) for pid in hurt.processes.values()), 60)
    hurt.cli("usage", "settle")
    assert _differences(hurt) == []
    for account, key in zip(accounts, keys, strict=True):
        admitted, lost = callers.total(key, "VALID"), callers.total(key, "LOST")
        assert admitted <= _counted(hurt, account) <= admitted + lost
    assert sum(callers.told.values()) == CALLS
    assert {code for _, code in callers.told} <= {"VALID", "LOST"}
    assert callers.told.total() - sum(callers.total(key, "LOST") for key in keys) > CALLS * 0.9

    assert wait_until(lambda: len(_key_letters(post_office)) >= ACCOUNTS, 60), "letters go out after all"
    twice = [name for name, times in Counter(_message_ids(post_office)).items() if times > 1]
    assert twice == []


def _open_account(stack, number):
    """An account whose rate and quota are out of the way."""
    printed = stack.cli("accounts", "add", f"Company {number}", "--owner", f"alice{number}@example.org")
    account = next(word for word in printed.split() if word.startswith("acc_"))
    terms = ["--contract", "--set", "rate=5000", "--set", "burst=5000", "--set", "included.calls=1000000"]
    stack.cli("subscriptions", "grant", account, "api-enterprise", *terms)
    return account


def _last_line(printed):
    return printed.splitlines()[-1]


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _differences(stack):
    rows = json.loads(stack.cli("usage", "reconcile", "--json"))
    return [row for row in rows if row["difference"] != 0]


def _counted(stack, account):
    return json.loads(stack.cli("usage", "show", account, "--json"))["used"]


def _message_ids(office):
    return [message["Message-ID"] for _, message in office.taken]


def _key_letters(office):
    return [message for _, message in office.taken if "key" in message["Subject"].lower()]
