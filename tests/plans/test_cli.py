"""Plans from the command line: publishing, checking, granting and ending."""

import pytest
from click.testing import CliRunner

from portal import plans
from portal.cli.plans import plans_group, subscriptions_group
from portal.kit import clock
from portal.kit.db import unit
from tests.plans.people import account_of, publish, shipped


@pytest.fixture
def environ(settings, redis, tmp_path):
    pepper = settings.key_peppers[0]
    return {
        "VAR": str(tmp_path / "var"),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "KEY_PEPPERS": f"{pepper.id}:{pepper.secret.hex()}",
    }


@pytest.fixture
def upkeep(environ):
    """`upkeep(group, "verb", ...)`: one verb on the test engines, with a state folder of its own."""
    return lambda group, *words, **more: CliRunner(env=environ | more).invoke(group, words)


@pytest.fixture
def alice(database):
    now = clock.now()
    with database() as session, unit(session):
        publish(session, now)
        return account_of(session, "Alice", now)


def held(database, account_id, line="api"):
    with database() as session:
        return plans.current(session, account_id, line=line, now=clock.now())


def test_the_first_publication_makes_the_operators_own_file(upkeep, database, environ, tmp_path):
    done = upkeep(plans_group, "publish")
    assert done.exit_code == 0, done.output
    assert "api-pro version 1" in done.output
    own = tmp_path / "var" / "catalogue.toml"
    assert own.read_text() == shipped()
    own.write_text(shipped([("keys = 2", "keys = 3")]))
    again = upkeep(plans_group, "publish")
    assert "api-free version 2" in again.output and "api-pro" not in again.output
    assert own.read_text() == shipped([("keys = 2", "keys = 3")])
    assert "no plan changed" in upkeep(plans_group, "publish").output


def test_a_broken_file_is_refused_and_what_was_published_stays(upkeep, database, alice, tmp_path):
    broken = tmp_path / "broken.toml"
    broken.write_text(shipped([("keys = 2", "keys = 0")]))
    for result in (
        upkeep(plans_group, "check", str(broken)),
        upkeep(plans_group, "publish", PLANS_FILE=str(broken)),
    ):
        assert result.exit_code == 1
        assert f"{broken} cannot be published. Line " in result.output and "keys must be" in result.output
        assert len(result.output.strip().splitlines()) == 1
    assert held(database, alice).keys == 2


def test_a_named_file_that_is_missing_is_refused(upkeep, database, tmp_path):
    result = upkeep(plans_group, "publish", PLANS_FILE=str(tmp_path / "none.toml"))
    assert result.exit_code == 1 and "cannot be read" in result.output


def test_checking_changes_nothing(upkeep, database, tmp_path):
    good = tmp_path / "good.toml"
    good.write_text(shipped())
    result = upkeep(plans_group, "check", str(good))
    assert result.exit_code == 0 and "api-pro: API Pro, $19 a month" in result.output
    with database() as session:
        assert plans.catalogue_or_none(session) is None


def test_a_plan_is_granted_and_ended(upkeep, database, alice):
    done = upkeep(subscriptions_group, "grant", alice, "api-pro")
    assert (done.exit_code, done.output) == (0, "Alice's now holds API Pro (version 1).\n")
    assert (held(database, alice).plan, held(database, alice).source) == ("api-pro", "grant")
    again = upkeep(subscriptions_group, "grant", alice, "api-pro")
    assert (again.exit_code, again.output) == (1, "Error: This account already holds API Pro.\n")
    ended = upkeep(subscriptions_group, "end", alice, "api")
    assert (ended.exit_code, ended.output) == (0, "The api subscription of Alice's has ended.\n")
    assert held(database, alice).plan == "api-free"
    assert upkeep(subscriptions_group, "end", alice, "api").exit_code == 1


def test_a_contract_sets_its_terms(upkeep, database, alice):
    words = (
        "grant",
        alice,
        "api-enterprise",
        "--contract",
        "--set",
        "rate=500",
        "--set",
        "included.calls=5_000_000",
    )
    done = upkeep(subscriptions_group, *words, "--until", "2099-01-01")
    assert done.exit_code == 0, done.output
    found = held(database, alice)
    assert (found.source, found.rate, found.included["calls"], found.ends_at.year) == (
        "contract",
        500,
        5_000_000,
        2099,
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("grant", "acc_nobody", "api-pro"), "There is no such account."),
        (("grant", "ALICE", "api-gold"), "There is no plan called api-gold."),
        (("grant", "ALICE", "api-free"), "needs no grant"),
        (("grant", "ALICE", "api-pro", "--set", "rate=fast"), "is not a term"),
        (("grant", "ALICE", "api-pro", "--set", "colour=1"), "cannot set colour"),
        (("grant", "ALICE", "api-pro", "--until", "2001-01-01"), "must lie in the future"),
        (("end", "ALICE", "sandwiches"), "There is no line called sandwiches."),
    ],
)
def test_what_makes_no_sense_is_refused_with_one_sentence(upkeep, alice, words, sentence):
    result = upkeep(subscriptions_group, *(alice if word == "ALICE" else word for word in words))
    assert result.exit_code == 1 and sentence in result.output
    assert len(result.output.strip().splitlines()) == 1
