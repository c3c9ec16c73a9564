"""Usage from the command line: settled, shown and proven; what is refused, in one sentence."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from portal.cli.usage import usage_group
from portal.metering.models import UsageTotal


@pytest.fixture
def usage(settings, redis):
    """`usage("show", ...)`: one verb on the test engines."""
    pepper = settings.key_peppers[0]
    environ = {
        "VAR": str(settings.var),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "KEY_PEPPERS": f"{pepper.id}:{pepper.secret.hex()}",
    }
    return lambda *words, **more: CliRunner(env={**environ, **more}).invoke(usage_group, words)


def said(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_what_was_used_is_shown_to_the_last_call(usage, house):
    house.call(cost=5, endpoint="GET /memories")
    shown = said(usage("show", house.account, "--json"))
    calls = shown["meters"]["calls"]
    assert (shown["account"], shown["environment"]) == (house.account, "live")
    assert (calls["limit"], calls["used"], calls["calls"], calls["units"]) == (1000, 5, 1, 5)
    assert calls["endpoints"] == {"GET /memories": {"calls": 1, "units": 5}}
    assert sum(day["units"] for day in calls["days"].values()) == 5
    assert sum(key["units"] for key in calls["keys"].values()) == 5


def test_test_keys_are_shown_apart(usage, house):
    house.call(house.mint("test"), cost=3)
    assert said(usage("show", house.account, "--json"))["meters"]["calls"]["used"] == 0
    assert said(usage("show", house.account, "--env", "test", "--json"))["meters"]["calls"]["used"] == 3


def test_it_is_shown_in_words_too(usage, house):
    house.call(cost=1000)
    assert "calls: 1,000 of 1,000 units, 1 call" in usage("show", house.account).output


def test_an_account_without_an_earlier_month_says_so(usage, house):
    result = usage("show", house.account, "--last")
    assert (result.exit_code, result.output) == (1, "Error: This account has no earlier billing month.\n")


def test_the_month_before_an_upgrade_is_the_last_one(usage, house):
    house.call(cost=9)
    house.settle()
    house.grant("api-pro")
    shown = said(usage("show", house.account, "--last", "--json"))["meters"]["calls"]
    assert (shown["used"], shown["limit"]) == (9, None)


def test_settling_says_what_it_did(usage, house):
    house.call()
    result = usage("settle")
    assert result.exit_code == 0
    assert result.output.startswith("1 account looked at, ")


def test_books_that_balance_are_proven(usage, house):
    house.call(cost=5)
    house.settle()
    house.call(cost=2)
    lines = said(usage("reconcile", "--json"))
    [calls] = [line for line in lines if (line["environment"], line["meter"]) == ("live", "calls")]
    assert (calls["counter"], calls["ledger"], calls["unsettled"], calls["difference"]) == (7, 5, 2, 0)
    assert "0 differ." in usage("reconcile").output


def test_a_counter_that_was_tampered_with_is_found(usage, house):
    house.call(cost=5)
    [field] = [
        name
        for name in house.redis.hkeys(f"{{{house.tag}}}:account")
        if name.startswith(b"u:") and b"calls" in name
    ]
    house.redis.hincrby(f"{{{house.tag}}}:account", field, 3)
    result = usage("reconcile", "--json")
    assert result.exit_code == 1
    assert [line["difference"] for line in json.loads(result.output) if line["difference"]] == [3]
    assert "1 differs." in usage("reconcile", "--account", house.account).output


def test_a_ledger_whose_sums_do_not_hold_is_found(usage, house):
    house.call(cost=5)
    house.settle()
    with house.unit() as session:
        session.scalars(select(UsageTotal)).one().units += 4
    assert usage("reconcile").exit_code == 1


@pytest.mark.parametrize("verb", ["show", "reconcile"])
def test_an_account_that_is_not_there_is_refused(usage, house, verb):
    words = ("show", "acc_nothing") if verb == "show" else ("reconcile", "--account", "acc_nothing")
    result = usage(*words)
    assert (result.exit_code, result.output) == (1, "Error: There is no such account.\n")
