"""Rotation: the new key takes over, the old one works on for a while, and nothing is gained by it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import keys
from portal.keys import rules
from portal.keys.models import Key
from portal.kit.errors import Conflict, Exhausted, Invalid
from tests.keys.test_minting import ALICE, NEW, OLD, SOON, STAMP, mint, row
from tests.plans.people import NOON, account_of, publish

DAY = timedelta(days=1)


@pytest.fixture
def alice(session):
    publish(session)
    return account_of(session, "Alice")


def rotate(session, account_id, key_id, overlap=DAY, now=NOON):
    return keys.rotate(session, account_id, key_id, overlap, stamp=STAMP, actor=ALICE, now=now)


def grant(session, account_id, key_id, now=NOON):
    return next(found for found in keys.grants(session, account_id, now=now) if found.key_id == key_id)


def test_the_new_key_may_do_what_the_old_one_may(session, alice):
    old = mint(session, alice, scopes=["a"], allowed_cidrs=["10.0.0.0/8"], rate=3, burst=4, external_id="u1")
    new = grant(session, alice, rotate(session, alice, old.key_id).key_id)
    assert (new.scopes, new.allowed_cidrs, new.rate, new.burst) == (("a",), ("10.0.0.0/8",), 3, 4)
    assert (new.external_id, new.environment, new.ends_at) == ("u1", "live", None)


def test_both_keys_share_one_lineage(session, alice):
    old = mint(session, alice)
    new = rotate(session, alice, old.key_id)
    third = rotate(session, alice, new.key_id)
    lineages = {grant(session, alice, key.key_id).lineage for key in (old, new, third)}
    assert lineages == {old.key_id}


@pytest.mark.parametrize("overlap", keys.OVERLAPS.values(), ids=keys.OVERLAPS)
def test_the_old_key_works_until_the_chosen_moment(session, alice, overlap):
    old = mint(session, alice)
    rotate(session, alice, old.key_id, overlap)
    assert grant(session, alice, old.key_id).ends_at == NOON + overlap


def test_rotation_never_lengthens_a_life(session, alice):
    old = mint(session, alice, expires_at=SOON)
    new = rotate(session, alice, old.key_id, timedelta(days=7))
    assert grant(session, alice, old.key_id).ends_at == SOON
    assert grant(session, alice, new.key_id).ends_at == SOON
    third = rotate(session, alice, new.key_id, timedelta(days=7))
    assert grant(session, alice, third.key_id).ends_at == SOON


def test_the_old_key_does_not_count_against_the_plan_while_it_lasts(session, alice):
    old = mint(session, alice)
    rotate(session, alice, old.key_id)
    assert keys.count_live(session, alice, now=NOON) == 1
    mint(session, alice)
    with pytest.raises(Exhausted):
        mint(session, alice)


def test_a_full_plan_does_not_prevent_rotation(session, alice):
    old = mint(session, alice)
    mint(session, alice)
    assert rotate(session, alice, old.key_id).token


def test_revoking_the_new_key_does_not_make_room_while_the_old_one_works(session, alice):
    old = mint(session, alice)
    new = rotate(session, alice, old.key_id)
    keys.revoke(session, alice, new.key_id, actor=ALICE, now=NOON)
    assert keys.count_live(session, alice, now=NOON) == 1
    assert keys.count_live(session, alice, now=NOON + DAY) == 0


def test_a_key_is_rotated_once(session, alice):
    old = mint(session, alice)
    rotate(session, alice, old.key_id)
    with pytest.raises(Conflict, match="rotated already"):
        rotate(session, alice, old.key_id)


def test_a_dead_key_is_not_rotated(session, alice):
    revoked, expired = mint(session, alice), mint(session, alice, expires_at=SOON)
    keys.revoke(session, alice, revoked.key_id, actor=ALICE, now=NOON)
    with pytest.raises(Conflict, match="revoked"):
        rotate(session, alice, revoked.key_id)
    with pytest.raises(Conflict, match="expired"):
        rotate(session, alice, expired.key_id, now=SOON)


def test_an_overlap_of_more_than_a_week_is_refused(session, alice):
    with pytest.raises(Invalid):
        rotate(session, alice, mint(session, alice).key_id, timedelta(days=8))


def test_a_retiring_key_can_be_revoked_at_once(session, alice):
    old = mint(session, alice)
    rotate(session, alice, old.key_id)
    keys.revoke(session, alice, old.key_id, actor=ALICE, now=SOON)
    assert keys.state_of(row(session, old), SOON) == "revoked"


def test_rotation_moves_a_key_to_the_newest_pepper(session, alice):
    minted = keys.mint(session, alice, "Old", stamp=keys.Stamp("upk", OLD), actor=ALICE, now=NOON)
    new = rotate(session, alice, minted.key_id)
    assert (session.get(Key, minted.key_id).pepper_id, session.get(Key, new.key_id).pepper_id) == (
        "p1",
        NEW.id,
    )


MOMENTS = st.none() | st.datetimes().map(lambda at: at.replace(tzinfo=NOON.tzinfo))
OVERLAPS = st.timedeltas(timedelta(0), timedelta(days=7))


@given(
    now=MOMENTS.filter(bool), overlap=OVERLAPS, left=st.none() | st.timedeltas(timedelta(seconds=1), DAY * 30)
)
def test_a_rotated_key_never_outlives_its_expiry_nor_its_overlap(now, overlap, left):
    now = now.replace(year=2026)
    expires_at = None if left is None else now + left
    end = rules.retirement(now, overlap, expires_at)
    assert now <= end <= now + overlap
    assert expires_at is None or end <= expires_at
    assert rules.ends_at(expires_at, end) == end


@given(now=MOMENTS.filter(bool), revoked=MOMENTS, expires=MOMENTS, retires=MOMENTS)
def test_a_key_works_exactly_until_the_first_of_its_ends(now, revoked, expires, retires):
    state = rules.state(now, revoked_at=revoked, expires_at=expires, retires_at=retires)
    ends = [moment for moment in (revoked, expires, retires) if moment is not None]
    assert (state in ("live", "retiring")) == all(now < moment for moment in ends)
    assert (state == "revoked") == (revoked is not None and revoked <= now)
