"""Two people at once: what the locks on an account must hold."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from portal import keys, plans
from portal.kit.db import unit
from portal.kit.errors import Conflict, Exhausted
from tests.keys.test_minting import ALICE, STAMP
from tests.plans.people import NOON, OPERATOR, account_of, publish


@pytest.fixture
def alice(database):
    with database() as session, unit(session):
        publish(session)
        return account_of(session, "Alice")


def together(verb, times=6):
    """What each of several simultaneous calls came to: done, or the class of its refusal."""

    def tried(_):
        try:
            verb()
        except (Conflict, Exhausted) as refusal:
            return type(refusal)
        return "done"

    with ThreadPoolExecutor(times) as pool:
        return sorted(map(str, pool.map(tried, range(times))))


def test_the_limit_of_the_plan_holds_when_many_mint_at_once(database, alice):
    def mint():
        with database() as session, unit(session):
            keys.mint(session, alice, "Key", stamp=STAMP, actor=ALICE, now=NOON)

    assert together(mint).count("done") == 2
    with database() as session:
        assert keys.count_live(session, alice, now=NOON) == 2


def test_a_key_rotated_by_many_at_once_has_one_successor(database, alice):
    with database() as session, unit(session):
        minted = keys.mint(session, alice, "Key", stamp=STAMP, actor=ALICE, now=NOON)

    def rotate():
        with database() as session, unit(session):
            keys.rotate(
                session, alice, minted.key_id, keys.OVERLAPS["24h"], stamp=STAMP, actor=ALICE, now=NOON
            )

    assert together(rotate).count("done") == 1
    with database() as session:
        assert len(keys.of_account(session, alice, now=NOON)) == 2


def test_a_plan_granted_by_many_at_once_is_granted_once(database, alice):
    def grant():
        with database() as session, unit(session):
            plans.grant(session, alice, "api-pro", OPERATOR, NOON)

    assert together(grant).count("done") == 1


def test_a_catalogue_published_by_many_at_once_is_published_once(database, alice):
    def change():
        with database() as session, unit(session):
            assert publish(session, replace=[("keys = 2", "keys = 3")])

    def tried(_):
        try:
            change()
        except AssertionError:
            return "stood already"
        return "done"

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(tried, range(4))).count("done") == 1
    with database() as session:
        assert plans.catalogue(session).plan("api-free").version == 2
