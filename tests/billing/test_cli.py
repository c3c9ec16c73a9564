"""The operator's verbs about money: shown first, done once, and time moved in a sandbox alone."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from portal import cli, plans
from portal.kit import clock
from portal.kit.db import unit
from tests.plans.people import publish
from tests.sandboxed import StripeSandbox


@pytest.fixture
def stripe_sandbox(tmp_path):
    with StripeSandbox(tmp_path) as running:
        yield running


@pytest.fixture
def upkeep(stripe_sandbox, database, database_url, redis_url, tmp_path):
    """Run a verb: (exit code, what it printed)."""
    with database() as session, unit(session):
        publish(session)

    def run(*words, **changed):
        environ = {
            "VAR": str(tmp_path),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": "a secret of the tests, long enough",
            "KEY_PEPPERS": "p1:" + "11" * 32,
            "STRIPE_SECRET_KEY": stripe_sandbox.key,
            "STRIPE_WEBHOOK_SECRET": stripe_sandbox.secret,
            "STRIPE_API_BASE": stripe_sandbox.base,
            **changed,
        }
        done = CliRunner(env=environ).invoke(cli.upkeep, words)
        return done.exit_code, done.output

    yield run
    clock.configure(None)


def test_the_catalogue_is_shown_first_and_made_once(upkeep, stripe_sandbox):
    code, shown = upkeep("plans", "sync")
    assert (
        code == 0 and "+ API Pro version 1, $19.00 a month" in shown and "run it again with --apply" in shown
    )
    assert stripe_sandbox.v1.prices.list().data == []
    code, made = upkeep("plans", "sync", "--apply")
    assert code == 0 and "10 made." in made
    assert upkeep("plans", "sync", "--apply")[1].endswith("Stripe has all of it already.\n")
    prices = stripe_sandbox.v1.prices.list({"limit": 100}).data
    assert {one.lookup_key for one in prices} >= {"api:api-pro:1:month", "support:support-priority:1:year"}
    assert len(prices) == 6


def test_a_new_version_of_a_plan_is_a_new_price_beside_the_old(upkeep, stripe_sandbox, database):
    upkeep("plans", "sync", "--apply")
    text = plans.SHIPPED.read_text().replace("price_month = 1900", "price_month = 2100")
    with database() as session, unit(session):
        plans.sync(session, plans.read(text), stripe_now(stripe_sandbox))
    code, made = upkeep("plans", "sync", "--apply")
    assert code == 0 and "+ API Pro version 2, $21.00 a month" in made
    amounts = {one.lookup_key: one.unit_amount for one in stripe_sandbox.v1.prices.list({"limit": 100}).data}
    assert (amounts["api:api-pro:1:month"], amounts["api:api-pro:2:month"]) == (1900, 2100)


def test_the_check_says_what_is_missing_and_what_to_do(upkeep, stripe_sandbox):
    code, said = upkeep("stripe", "check")
    assert code == 1
    assert "ok  The key opens the Stripe account" in said
    assert "NOT Webhooks go to http://127.0.0.1:8000/hooks/stripe" in said
    assert "upkeep plans sync --apply" in said
    stripe_sandbox.deliver_to("http://127.0.0.1:8000/hooks/stripe")
    upkeep("plans", "sync", "--apply")
    code, said = upkeep("stripe", "check")
    assert code == 0 and "NOT" not in said


def test_time_moves_forwards_in_a_sandbox(upkeep, stripe_sandbox):
    before = stripe_sandbox.now
    code, said = upkeep("clock", "advance", "31d")
    assert code == 0 and said.startswith("It is ")
    assert 31 * 86_400 <= stripe_sandbox.now - before < 31 * 86_400 + 60
    assert upkeep("clock", "advance", "1 month")[0] == 0
    assert stripe_sandbox.now - before > 58 * 86_400


@pytest.mark.parametrize("duration", ["-1d", "0d", "1 fortnight"])
def test_what_is_no_duration_moves_nothing(upkeep, stripe_sandbox, duration):
    before = stripe_sandbox.now
    code, said = upkeep("clock", "advance", duration)
    assert code != 0 and stripe_sandbox.now - before < 60
    assert "Traceback" not in said


def test_time_is_not_moved_where_money_is_real(upkeep):
    code, said = upkeep(
        "clock", "advance", "1d", STRIPE_SECRET_KEY="sk_test_1", STRIPE_API_BASE="https://api.stripe.com"
    )
    assert code == 1 and "only where payments are simulated" in said


@pytest.mark.parametrize("verb", [("plans", "sync"), ("stripe", "check"), ("clock", "advance", "1d")])
def test_without_a_key_each_verb_says_that_payments_are_off(upkeep, verb):
    code, said = upkeep(*verb, STRIPE_SECRET_KEY="")
    assert code == 1 and "Payments are off" in said and len(said.strip().splitlines()) == 1


def test_a_wrong_pairing_refuses_with_one_sentence(upkeep):
    code, said = upkeep("stripe", "check", STRIPE_SECRET_KEY="sk_live_1")
    assert code == 1 and "STRIPE_API_BASE must be left out" in said and len(said.strip().splitlines()) == 1


def test_a_stripe_that_is_away_is_said_to_be(upkeep):
    code, said = upkeep("plans", "sync", STRIPE_API_BASE="http://127.0.0.1:9")
    assert code == 1 and "Traceback" not in said


def stripe_now(sandbox):
    return datetime.fromtimestamp(sandbox.now, UTC)
