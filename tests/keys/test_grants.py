"""Grants: what the gate is told of an account's keys, dead ones included."""

from datetime import timedelta

import pytest

from portal import keys
from tests.keys.test_minting import ALICE, SOON, mint, row
from tests.plans.people import NOON, account_of, publish


@pytest.fixture
def alice(session):
    publish(session)
    return account_of(session, "Alice")


def told(session, account_id, digests=(), now=NOON):
    return {grant.key_id: grant for grant in keys.grants(session, account_id, digests, now=now)}


def test_a_live_key_is_told_whole(session, alice):
    minted = mint(
        session, alice, scopes=["a"], allowed_cidrs=["10.0.0.0/8"], expires_at=SOON, rate=7, burst=9
    )
    kept = row(session, minted)
    assert told(session, alice)[minted.key_id] == keys.KeyGrant(
        digest=kept.digest,
        key_id=minted.key_id,
        environment="live",
        revoked_at=None,
        ends_at=SOON,
        scopes=("a",),
        allowed_cidrs=("10.0.0.0/8",),
        rate=7,
        burst=9,
        lineage=minted.key_id,
        external_id=None,
    )


def test_a_revoked_key_is_told_for_two_days_and_after_that_when_asked_for(session, alice):
    minted = mint(session, alice)
    keys.revoke(session, alice, minted.key_id, actor=ALICE, now=NOON)
    assert told(session, alice, now=NOON + timedelta(days=2, seconds=-1))[minted.key_id].revoked_at == NOON
    long_after = NOON + timedelta(days=3)
    assert told(session, alice, now=long_after) == {}
    asked = told(session, alice, [row(session, minted).digest, "unknown"], now=long_after)
    assert asked[minted.key_id].revoked_at == NOON


def test_an_expired_key_is_told_in_the_same_way(session, alice):
    minted = mint(session, alice, expires_at=SOON)
    assert minted.key_id in told(session, alice, now=SOON + timedelta(days=1))
    assert told(session, alice, now=SOON + timedelta(days=2)) == {}
    assert minted.key_id in told(session, alice, [row(session, minted).digest], now=SOON + timedelta(days=9))


def test_a_key_that_ends_in_the_future_is_told_however_long_it_lives(session, alice):
    minted = mint(session, alice, expires_at=NOON + timedelta(days=900))
    assert minted.key_id in told(session, alice)


def test_last_use_never_goes_back(session, alice):
    minted = mint(session, alice)
    for moment in (SOON, NOON):
        keys.touch_used(session, {minted.key_id: moment, "key_unknown": moment})
    session.expire_all()
    assert row(session, minted).last_used_at == SOON
    assert keys.ever_used(session, alice) and keys.ever_used(session)
    assert not keys.ever_used(session, account_of(session, "Charlie"))


def test_keys_are_listed_working_ones_first(session, alice):
    dead, live = mint(session, alice), mint(session, alice, now=NOON - timedelta(days=1))
    keys.revoke(session, alice, dead.key_id, actor=ALICE, now=NOON)
    assert [key.id for key in keys.of_account(session, alice, now=NOON)] == [live.key_id, dead.key_id]
