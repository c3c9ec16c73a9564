"""The book: what the gate is told of an account."""

from datetime import timedelta

from portal import accounts, keys, metering
from portal.kit.tokens import Pepper
from tests.metering.conftest import ACTOR, PEPPER


def read(house, *digests):
    with house.unit() as session:
        return metering.book(session, house.tag, digests, house.now)


def test_nobody_has_an_unknown_tag(house):
    with house.unit() as session:
        assert metering.book(session, "Unknown0", (), house.now) is None


def test_it_tells_the_plan_and_what_it_allows(house):
    account = read(house).account
    assert (account.plan, account.rate, account.burst, account.until_ms) == ("api-free", 5, 10, None)
    live, test = account.terms["live"], account.terms["test"]
    assert (live.allowances["calls"].ceiling, live.allowances["tokens"].ceiling) == (1000, 0)
    assert test.allowances["calls"].ceiling == 1000
    assert live.window.end_ms == live.next.start_ms
    assert {live.window.id, live.next.id}.isdisjoint({test.window.id, test.next.id})


def test_the_version_grows_with_every_change_that_the_gate_must_learn(house):
    versions = [read(house).account.version]
    for change in (
        lambda: house.mint("test"),
        lambda: house.grant("api-pro"),
        lambda: revoke(house),
        lambda: suspend(house),
    ):
        change()
        versions.append(read(house).account.version)
    assert versions == sorted(set(versions))


def test_it_tells_networks_scopes_and_limits_of_a_key(house):
    house.grant("api-pro")
    house.mint(scopes=["read"], allowed_cidrs=["203.0.113.0/24"], rate=2, burst=3, external_id="cus_7")
    grant = read(house).grants[-1]
    assert (grant.scopes, grant.rate, grant.burst, grant.external_id) == (("read",), 2, 3, "cus_7")
    assert grant.networks == (("0" * 20 + "ffffcb007100", "0" * 20 + "ffffcb0071ff"),)


def test_a_suspended_account_is_refused_and_comes_back(house):
    assert house.call().valid
    suspend(house)
    house.gate.push(house.tag)
    assert house.call().code == "SUSPENDED"
    with house.unit() as session:
        accounts.resume(session, house.account, actor=ACTOR, now=house.now)
    house.gate.push(house.tag)
    assert house.call().valid


def test_a_revoked_key_is_refused_as_soon_as_it_is_pushed(house):
    assert house.call().valid
    revoke(house)
    house.gate.push(house.tag)
    assert house.call().code == "REVOKED"


def test_a_key_revoked_long_ago_is_still_told_apart_from_one_that_never_was(house):
    revoke(house)
    house.redis.flushall()
    house.offset += timedelta(days=10)
    assert house.call().code == "REVOKED"


def test_a_rotated_key_works_on_and_shares_its_balance(house):
    with house.unit() as session:
        (old,) = keys.of_account(session, house.account, now=house.now)
        minted = keys.rotate(
            session,
            house.account,
            old.id,
            timedelta(hours=1),
            stamp=keys.Stamp("upk", PEPPER),
            actor=ACTOR,
            now=house.now,
        )
    house.gate.push(house.tag)
    assert house.call(cost=600).quota.used == 600
    assert house.call(minted.token, cost=400).quota.used == 1000
    house.offset += timedelta(hours=2)
    assert house.call().code == "EXPIRED"
    assert house.call(minted.token, cost=0).valid


def test_a_key_minted_with_another_pepper_is_found_by_its_digest(house):
    other = Pepper("2", b"q" * 32)
    token = house.mint("test", pepper=other)
    assert house.call(token).code == "NOT_FOUND"


def revoke(house):
    with house.unit() as session:
        keys.revoke(session, house.account, newest(session, house).id, actor=ACTOR, now=house.now)


def newest(session, house):
    return keys.of_account(session, house.account, now=house.now)[-1]


def suspend(house):
    with house.unit() as session:
        accounts.suspend(session, house.account, "Spam.", actor=ACTOR, now=house.now)
