"""Staff and accounts from the command line."""

from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from portal import accounts
from portal.cli.accounts import accounts_group, staff_group
from portal.kit import clock
from tests.web.people import Visit, World


@pytest.fixture
def world(database, redis):
    return World(database)


@pytest.fixture
def upkeep(settings, redis):
    """`upkeep(group, "verb", ...)`: one verb on the test engines."""
    pepper = settings.key_peppers[0]
    environ = {
        "VAR": str(settings.var),
        "PUBLIC_URL": settings.public_url,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "KEY_PEPPERS": f"{pepper.id}:{pepper.secret.hex()}",
    }
    return lambda group, *words: CliRunner(env=environ).invoke(group, words)


def lines(result):
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_staff_get_a_link_that_signs_them_in_once(upkeep, world, web_app, settings):
    (link,) = lines(upkeep(staff_group, "add", "oscar@example.com", "--role", "operator"))
    assert link.startswith(f"{settings.public_url}/signin/")
    assert world.person("oscar@example.com").staff_role == "operator"
    visit = Visit(web_app)
    assert visit.send(urlsplit(link).path).location == "/operator"
    assert Visit(web_app).get(urlsplit(link).path).status_code == 404


def test_a_stranger_who_signed_up_with_the_address_before_does_not_become_staff(upkeep, world, web_app):
    world.enrol("Oscar", verified=False)
    stranger = Visit(web_app)
    stranger.sign_in("oscar@example.com")
    (link,) = lines(upkeep(staff_group, "add", "oscar@example.com", "--role", "operator"))
    assert stranger.get("/operator").status_code == 303
    assert stranger.sign_in("oscar@example.com").status_code == 422
    assert Visit(web_app).send(urlsplit(link).path).location == "/dashboard"
    assert world.person("oscar@example.com").verified_at is not None


def test_who_is_no_longer_staff_is_signed_out_and_finds_no_staff_page(upkeep, world, web_app):
    world.enrol("Oscar")
    world.make_staff("oscar@example.com", "operator")
    visit = Visit(web_app)
    visit.sign_in("oscar@example.com")
    assert visit.get("/operator").status_code == 200
    lines(upkeep(staff_group, "remove", "oscar@example.com"))
    assert visit.get("/operator").status_code == 303
    visit.sign_in("oscar@example.com")
    assert visit.get("/operator").status_code == 404
    assert upkeep(staff_group, "remove", "oscar@example.com").exit_code == 1


def test_the_first_operator_is_invited_until_one_has_signed_in(upkeep, world, web_app):
    (first,) = lines(upkeep(staff_group, "invite-first"))
    (second,) = lines(upkeep(staff_group, "invite-first"))
    assert first != second
    assert world.person("operator@localhost").staff_role == "operator"
    Visit(web_app).send(urlsplit(second).path)
    assert lines(upkeep(staff_group, "invite-first")) == []


def test_an_added_account_is_its_owners_and_verified(upkeep, world, web_app):
    account_id, link = lines(upkeep(accounts_group, "add", "Acme", "--owner", "Wile@example.com"))
    assert account_id == world.account("wile@example.com").id
    with world.database() as session:
        assert accounts.is_verified(session, account_id)
    visit = Visit(web_app)
    assert visit.send(urlsplit(link).path).location == "/dashboard"
    assert "Acme" in visit.get("/team").text


def test_an_account_is_suspended_resumed_and_observed(upkeep, world):
    world.enrol("Alice")
    account_id = world.account("alice@example.com").id
    lines(upkeep(accounts_group, "suspend", account_id, "--reason", "Unpaid since May."))
    assert world.account("alice@example.com").suspension_reason == "Unpaid since May."
    again = upkeep(accounts_group, "suspend", account_id, "--reason", "Again.")
    assert (again.exit_code, again.output) == (1, "Error: The account is suspended already.\n")
    lines(upkeep(accounts_group, "resume", account_id))
    assert world.account("alice@example.com").suspended_at is None
    lines(upkeep(accounts_group, "observe", account_id, "on"))
    assert world.account("alice@example.com").observed_at is not None
    lines(upkeep(accounts_group, "observe", account_id, "off"))
    assert world.account("alice@example.com").observed_at is None


def test_who_lost_authenticator_and_recovery_codes_is_helped(upkeep, world, web_app, settings):
    world.enrol("Alice")
    world.turn_codes_on("alice@example.com", settings)
    lines(upkeep(staff_group, "drop-codes", "alice@example.com", "--reason", "Called her."))
    visit = Visit(web_app)
    assert visit.sign_in("alice@example.com").location == "/dashboard"
    assert "Called her." in visit.get("/settings/audit").text
    again = upkeep(staff_group, "drop-codes", "alice@example.com", "--reason", "Once more.")
    assert (again.exit_code, again.output) == (1, "Error: Codes are off already.\n")


@pytest.mark.parametrize(
    "words",
    [
        (staff_group, "add", "nonsense", "--role", "operator"),
        (staff_group, "drop-codes", "nobody@example.com", "--reason", "Why not."),
        (accounts_group, "add", "", "--owner", "alice@example.com"),
        (accounts_group, "add", "Acme", "--owner", "nonsense"),
        (accounts_group, "suspend", "acc_nonsense", "--reason", "Why not."),
        (accounts_group, "resume", "acc_nonsense"),
        (accounts_group, "observe", "acc_nonsense", "on"),
    ],
    ids=lambda words: " ".join(words[1:3]),
)
def test_a_verb_that_cannot_be_done_says_one_sentence(upkeep, words):
    refused = upkeep(*words)
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ") and refused.output.count("\n") == 1


def test_nothing_is_left_of_a_verb_that_was_refused(upkeep, world):
    upkeep(accounts_group, "add", " ", "--owner", "new@example.com")
    assert world.person("new@example.com") is None
    with world.database() as session:
        assert accounts.first_operator(session, actor=accounts.Actor(None, "root"), now=clock.now())
