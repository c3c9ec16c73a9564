"""Minting: what a key is, who may have one, and how many."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import accounts, keys, plans
from portal.accounts.models import AuditEntry
from portal.keys.models import Key
from portal.kit import tokens
from portal.kit.errors import Conflict, Exhausted, Forbidden, Invalid, Missing
from portal.kit.outbox import ToldFact
from tests.plans.people import NOON, OPERATOR, account_of, publish

OLD, NEW = tokens.Pepper("p1", b"1" * 32), tokens.Pepper("p2", b"2" * 32)
STAMP = keys.Stamp("upk", NEW)
ALICE = accounts.Actor("per_alice", "Alice <alice@example.com>", "203.0.113.9")
SOON = NOON + timedelta(hours=1)


@pytest.fixture
def alice(session):
    publish(session)
    return account_of(session, "Alice")


def mint(session, account_id, name="Laptop", now=NOON, **options):
    return keys.mint(session, account_id, name, stamp=STAMP, actor=ALICE, now=now, **options)


def row(session, minted):
    return session.get(Key, minted.key_id)


def test_a_key_leads_to_its_account_and_only_its_digest_is_kept(session, alice):
    minted = mint(session, alice)
    parsed = tokens.parse(minted.token, ["upk"])
    assert (parsed.kind, parsed.tag) == ("live", accounts.tag(session, alice))
    kept = row(session, minted)
    assert kept.digest == tokens.digest(minted.token, NEW) and kept.pepper_id == "p2"
    assert kept.algorithm == "hmac-sha256"
    assert minted.token.startswith(kept.start) and len(kept.start) == len("upk_live_") + 8 + 4
    assert minted.token not in str(vars(kept))


def test_minting_is_told_audited_and_learnt_by_the_gate(session, alice):
    version = accounts.get(session, alice).version
    minted = mint(session, alice)
    session.expire_all()
    assert accounts.get(session, alice).version > version
    fact = session.scalars(select(ToldFact).where(ToldFact.name == "keys.KeyMinted")).one()
    assert (fact.data["account_id"], fact.data["key_id"], fact.data["by"]) == (
        alice,
        minted.key_id,
        ALICE.label,
    )
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "key.minted")).one()
    assert (entry.account_id, entry.subject, entry.actor) == (alice, minted.key_id, ALICE.label)
    stored = [str(vars(item)) for item in session.scalars(select(ToldFact))] + [str(vars(entry))]
    assert not any(minted.token in text for text in stored)


def test_a_test_key_says_so(session, alice):
    assert mint(session, alice, environment="test").token.startswith("upk_test_")


def test_live_and_test_keys_count_together_against_the_plan(session, alice):
    mint(session, alice)
    mint(session, alice, environment="test")
    with pytest.raises(Exhausted, match="API Free includes 2 keys, live and test together"):
        mint(session, alice)


def test_a_larger_plan_has_room_for_more(session, alice):
    mint(session, alice)
    mint(session, alice)
    plans.grant(session, alice, "api-pro", OPERATOR, NOON)
    assert mint(session, alice).token


def test_revoked_and_expired_keys_leave_room(session, alice):
    keys.revoke(session, alice, mint(session, alice).key_id, actor=ALICE, now=NOON)
    mint(session, alice, expires_at=SOON)
    mint(session, alice)
    with pytest.raises(Exhausted):
        mint(session, alice)
    assert mint(session, alice, now=SOON).token


def test_a_strangers_keys_do_not_count(session, alice):
    charlie = account_of(session, "Charlie")
    mint(session, charlie)
    mint(session, charlie)
    assert mint(session, alice).token


def test_a_first_key_needs_a_verified_address(session, alice):
    bert = account_of(session, "Bert", verified=False)
    with pytest.raises(Forbidden, match="Verify your e-mail address"):
        mint(session, bert)
    assert mint(session, bert, vouched=True).token


def test_an_unknown_account_is_missing(session, alice):
    with pytest.raises(Missing):
        mint(session, "acc_nobody")


BAD = [
    ({"name": ""}, "name"),
    ({"name": "   "}, "name"),
    ({"name": "x" * 81}, "name"),
    ({"name": "two\nlines"}, "name"),
    ({"name": "turned \u202eround"}, "name"),
    ({"environment": "staging"}, "environment"),
    ({"scopes": ["read memories"]}, "scopes"),
    ({"scopes": ["<script>"]}, "scopes"),
    ({"scopes": ["x" * 65]}, "scopes"),
    ({"scopes": [f"s{n}" for n in range(21)]}, "scopes"),
    ({"allowed_cidrs": ["300.1.1.1"]}, "allowed_cidrs"),
    ({"allowed_cidrs": ["10.0.0.0/33"]}, "allowed_cidrs"),
    ({"allowed_cidrs": [f"10.0.{n}.0/24" for n in range(51)]}, "allowed_cidrs"),
    ({"expires_at": NOON}, "expires_at"),
    ({"expires_at": NOON - timedelta(days=1)}, "expires_at"),
    ({"rate": 0}, "rate"),
    ({"burst": -1}, "burst"),
]


@pytest.mark.parametrize(("options", "field"), BAD, ids=str)
def test_what_makes_no_sense_is_refused_at_its_field(session, alice, options, field):
    with pytest.raises(Invalid) as caught:
        mint(session, alice, **options)
    assert caught.value.field == field
    assert keys.of_account(session, alice, now=NOON) == []


def test_names_scopes_and_networks_are_kept_clean(session, alice):
    minted = mint(
        session,
        alice,
        name="  Laptop ",
        scopes=["a:read", "b:*", "a:read", " "],
        allowed_cidrs=["203.0.113.7", "10.1.2.3/8", "2001:DB8::1/32", "10.0.0.0/8"],
    )
    kept = row(session, minted)
    assert kept.name == "Laptop"
    assert kept.scopes == ["a:read", "b:*"]
    assert kept.allowed_cidrs == ["203.0.113.7/32", "10.0.0.0/8", "2001:db8::/32"]


def test_revoking_is_for_ever_and_said_once(session, alice):
    minted = mint(session, alice)
    keys.revoke(session, alice, minted.key_id, actor=ALICE, now=SOON)
    kept = row(session, minted)
    assert (kept.revoked_at, kept.revoked_by, keys.state_of(kept, SOON)) == (SOON, ALICE.label, "revoked")
    with pytest.raises(Conflict, match="revoked before"):
        keys.revoke(session, alice, minted.key_id, actor=ALICE, now=SOON)


def test_a_key_can_be_renamed_and_narrowed(session, alice):
    minted = mint(session, alice, scopes=["a"])
    version = accounts.get(session, alice).version
    keys.amend(
        session,
        alice,
        minted.key_id,
        name="Server",
        scopes=["b"],
        allowed_cidrs=["10.0.0.0/8"],
        actor=ALICE,
        now=NOON,
    )
    kept = row(session, minted)
    assert (kept.name, kept.scopes, kept.allowed_cidrs) == ("Server", ["b"], ["10.0.0.0/8"])
    session.expire_all()
    assert accounts.get(session, alice).version > version
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "key.amended")).one()
    assert entry.data["before"]["name"] == "Laptop" and entry.data["after"]["name"] == "Server"


def test_a_dead_key_is_not_changed(session, alice):
    minted = mint(session, alice)
    keys.revoke(session, alice, minted.key_id, actor=ALICE, now=NOON)
    with pytest.raises(Conflict, match="revoked"):
        keys.amend(
            session, alice, minted.key_id, name="X", scopes=[], allowed_cidrs=[], actor=ALICE, now=NOON
        )


def test_a_strangers_key_is_missing_to_every_verb(session, alice):
    charlie = account_of(session, "Charlie")
    minted = mint(session, alice)
    verbs = [
        lambda: keys.get(session, charlie, minted.key_id),
        lambda: keys.revoke(session, charlie, minted.key_id, actor=ALICE, now=NOON),
        lambda: keys.rotate(
            session, charlie, minted.key_id, timedelta(0), stamp=STAMP, actor=ALICE, now=NOON
        ),
        lambda: keys.amend(
            session, charlie, minted.key_id, name="X", scopes=[], allowed_cidrs=[], actor=ALICE, now=NOON
        ),
    ]
    for verb in verbs:
        with pytest.raises(Missing, match="no such key"):
            verb()
    assert keys.grants(session, charlie, [row(session, minted).digest], now=NOON) == []


def test_any_number_of_keys_can_be_asked_for_their_names(session, alice):
    """An import may bring in more of them than a query can have parameters; a statement names them all."""
    mine = mint(session, alice).key_id
    wanted = [mine, *(f"key_{number}" for number in range(70_000))]
    assert list(keys.names(session, alice, wanted)) == [mine]


def test_service_keys_are_minted_listed_and_revoked(session, alice):
    minted = keys.mint_service(session, "API", stamp=STAMP, actor=OPERATOR, now=NOON)
    assert tokens.parse(minted.token, ["upk"]).kind == "svc"
    (live,) = keys.live_service_keys(session)
    assert (live.name, live.digest, live.pepper_id) == ("API", tokens.digest(minted.token, NEW), "p2")
    keys.revoke_service(session, minted.key_id, actor=OPERATOR, now=SOON)
    assert keys.live_service_keys(session) == []
    assert [(key.id, key.revoked_at) for key in keys.service_keys(session)] == [(minted.key_id, SOON)]
    with pytest.raises(Conflict):
        keys.revoke_service(session, minted.key_id, actor=OPERATOR, now=SOON)
    with pytest.raises(Missing):
        keys.revoke_service(session, "svc_none", actor=OPERATOR, now=SOON)
    with pytest.raises(Invalid):
        keys.mint_service(session, " ", stamp=STAMP, actor=OPERATOR, now=NOON)
