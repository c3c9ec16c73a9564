"""Keys from the command line: what the operator's verbs print, and how they refuse."""

import pytest
from click.testing import CliRunner

from portal import keys, plans
from portal.cli.keys import keys_group, service_keys_group
from portal.kit import clock, tokens
from portal.kit.db import unit
from tests.plans.people import account_of, publish


@pytest.fixture
def upkeep(settings, redis):
    """`upkeep(group, "verb", ...)`: one verb on the test engines."""
    pepper = settings.key_peppers[0]
    environ = {
        "VAR": str(settings.var),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "KEY_PEPPERS": f"{pepper.id}:{pepper.secret.hex()}",
    }
    return lambda group, *words: CliRunner(env=environ).invoke(group, words)


@pytest.fixture
def alice(database):
    """Alice's account; her address is not verified."""
    now = clock.now()
    with database() as session, unit(session):
        publish(session, now)
        return account_of(session, "Alice", now, verified=False)


def last_line(result):
    assert result.exit_code == 0, result.output
    return result.output.strip().splitlines()[-1]


def test_a_minted_key_stands_alone_on_the_last_line(upkeep, alice):
    for environment in ("live", "test"):
        token = last_line(upkeep(keys_group, "mint", alice, "Ingest", "--env", environment))
        assert tokens.parse(token, ["upk"]).kind == environment


def test_minting_refuses_with_one_sentence(upkeep, alice):
    for _ in range(2):
        last_line(upkeep(keys_group, "mint", alice, "Ingest"))
    full = upkeep(keys_group, "mint", alice, "Ingest")
    assert full.exit_code == 1
    assert full.output == (
        "Error: API Free includes 2 keys, live and test together, and all are in use. "
        "Revoke one that you no longer need, or move to a plan with more.\n"
    )
    nobody = upkeep(keys_group, "mint", "acc_nobody", "Ingest")
    assert (nobody.exit_code, nobody.output) == (1, "Error: There is no such account.\n")


def test_a_key_is_revoked_by_its_id(upkeep, alice, database):
    upkeep(keys_group, "mint", alice, "Ingest")
    with database() as session:
        (key,) = keys.of_account(session, alice, now=clock.now())
    assert last_line(upkeep(keys_group, "revoke", key.id)) == f"Revoked {key.id}."
    again = upkeep(keys_group, "revoke", key.id)
    assert (again.exit_code, again.output) == (1, "Error: This key was revoked before.\n")
    unknown = upkeep(keys_group, "revoke", "key_nonsense")
    assert (unknown.exit_code, unknown.output) == (1, "Error: There is no such key.\n")


def test_a_file_of_keys_is_imported_whole_or_not_at_all(upkeep, alice, tmp_path):
    file = tmp_path / "keys.csv"
    good = [f"{n:064x},sha256,u{n},{alice},Key {n}" for n in range(3)]
    file.write_text("\n".join(["digest,algorithm,external_id,account_id,name", *good, "zz,sha256,u9,x,y"]))
    refused = upkeep(keys_group, "import", str(file))
    assert refused.exit_code == 1 and refused.output.startswith("Error: Line 5: a sha256 digest has 64")
    file.write_text("\n".join(["digest,algorithm,external_id,account_id,name", *good]))
    assert last_line(upkeep(keys_group, "import", str(file))) == "3 keys brought in, 0 stood already."
    assert last_line(upkeep(keys_group, "import", str(file))) == "0 keys brought in, 3 stood already."
    missing = upkeep(keys_group, "import", str(tmp_path / "none.csv"))
    assert missing.exit_code == 1 and "cannot be read" in missing.output


def test_service_keys_are_minted_listed_and_revoked(upkeep, database):
    assert "no service keys yet" in upkeep(service_keys_group, "list").output
    token = last_line(upkeep(service_keys_group, "mint", "The API"))
    assert tokens.parse(token, ["upk"]).kind == "svc"
    with database() as session:
        (live,) = keys.live_service_keys(session)
    listed = last_line(upkeep(service_keys_group, "list"))
    assert live.id in listed and "live" in listed and "The API" in listed and token not in listed
    assert last_line(upkeep(service_keys_group, "revoke", live.id)) == f"Revoked {live.id}."
    assert "revoked" in last_line(upkeep(service_keys_group, "list"))
    assert upkeep(service_keys_group, "revoke", live.id).exit_code == 1


def test_what_is_imported_counts_as_held(upkeep, alice, tmp_path, database):
    file = tmp_path / "keys.jsonl"
    file.write_text(
        "\n".join(f'{{"digest": "{n:032x}", "algorithm": "md5", "account_id": "{alice}"}}' for n in range(2))
    )
    last_line(upkeep(keys_group, "import", str(file)))
    assert upkeep(keys_group, "mint", alice, "One more").exit_code == 1
    with database() as session:
        assert plans.current(session, alice, now=clock.now()).keys == 2
