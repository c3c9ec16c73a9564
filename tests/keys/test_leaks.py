"""Keys found in public: recognised, ended once, and told of."""

import pytest
from sqlalchemy import select

from portal import accounts, keys
from portal.accounts.models import AuditEntry
from portal.kit import tokens
from portal.kit.outbox import ToldFact
from portal.kit.tokens import Pepper
from tests.keys.test_minting import ALICE, NEW, OLD, STAMP, mint, row
from tests.plans.people import NOON, account_of, publish

GITHUB = accounts.Actor(None, "GitHub secret scanning", "192.0.2.1")
URL = "https://github.com/alice/api/blob/main/.env"


@pytest.fixture
def alice(session):
    publish(session)
    return account_of(session, "Alice")


def take(session, *found, peppers=(NEW, OLD), prefixes=("upk",)):
    leaks = [keys.Leak(token, URL) for token in found]
    return keys.take_leaks(session, leaks, prefixes=prefixes, peppers=peppers, actor=GITHUB, now=NOON)


def facts(session):
    return [fact.name for fact in session.scalars(select(ToldFact)) if "Leaked" in fact.name]


@pytest.mark.parametrize("environment", ["live", "test"])
def test_a_key_that_works_ends_at_once(session, alice, environment):
    minted = mint(session, alice, environment=environment)
    taken = take(session, minted.token)
    assert (taken.ours, taken.tags) == ([True], [accounts.tag(session, alice)])
    ended = row(session, minted)
    assert (ended.revoked_at, ended.revoked_by) == (NOON, "GitHub secret scanning")
    assert facts(session) == ["keys.KeyLeaked"]
    (audit,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "key.leaked"))
    assert (audit.account_id, audit.subject, audit.data["url"]) == (alice, minted.key_id, URL)


def test_telling_again_changes_nothing(session, alice):
    minted = mint(session, alice)
    take(session, minted.token, minted.token)
    again = take(session, minted.token)
    assert (again.ours, again.tags) == ([True], [])
    assert facts(session) == ["keys.KeyLeaked"]


def test_a_key_that_had_ended_before_is_true_and_nobody_is_disturbed(session, alice):
    minted = mint(session, alice)
    keys.revoke(session, alice, minted.key_id, actor=ALICE, now=NOON)
    assert take(session, minted.token).ours == [True]
    assert facts(session) == [] and row(session, minted).revoked_by == ALICE.label


def test_what_is_no_key_of_ours_is_not(session, alice):
    minted = mint(session, alice)
    strangers = [
        tokens.mint("upk", "live", accounts.tag(session, alice)),
        minted.token[:-1] + ("x" if minted.token[-1] != "x" else "y"),
        minted.token.replace("upk_", "xxx_"),
        minted.token + "x",
        "ghp_" + "a" * 36,
        "",
        "\x00\ud800",
    ]
    taken = take(session, *strangers, minted.token)
    assert taken.ours == [False] * len(strangers) + [True]
    assert take(session, *strangers).ours == [False] * len(strangers)


def test_a_key_of_another_pepper_is_not_recognised(session, alice):
    minted = mint(session, alice)
    assert take(session, minted.token, peppers=(Pepper("p9", b"9" * 32),)).ours == [False]
    assert row(session, minted).revoked_at is None


def test_keys_of_several_accounts_end_together(session, alice):
    charlie = account_of(session, "Charlie")
    minted = [mint(session, alice), mint(session, charlie)]
    taken = take(session, *(one.token for one in minted))
    assert taken.ours == [True, True] and len(taken.tags) == 2
    assert all(row(session, one).revoked_at == NOON for one in minted)


def test_a_service_key_goes_on_and_its_operators_are_told(session, alice):
    minted = keys.mint_service(session, "api", stamp=STAMP, actor=ALICE, now=NOON)
    assert take(session, minted.token).ours == [True]
    assert keys.service_key(session, minted.key_id).revoked_at is None
    assert facts(session) == ["keys.ServiceKeyLeaked"]
