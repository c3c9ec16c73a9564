"""Observing: what would have been refused is noted, and what that is worth is said honestly."""

from datetime import timedelta

import pytest

from portal import accounts, metering, plans
from portal.kit.money import Money
from portal.metering.observing import worth
from tests.plans.people import NOON, OPERATOR, account_of, publish

INCLUDED = "included = { calls = 100000 }"
PRO_SELLS_MORE = [(INCLUDED, INCLUDED + "\noverage = { calls = { price = 50, per = 1000 } }")]
WORTH = {  # plan held, units used, by quota, by rate, Pro has a price beyond: what it is worth
    "within its limits": ("api-free", 900, True, False, False, None),
    "refused for another reason": ("api-free", 5_000, False, False, False, None),
    "free and used up": ("api-free", 5_000, True, False, False, (1900, "API Pro", 0)),
    "free and too fast": ("api-free", 10, False, True, False, (1900, "API Pro", 0)),
    "free, both": ("api-free", 5_000, True, True, False, (1900, "API Pro", 0)),
    "more than any plan includes": ("api-free", 200_000, True, False, False, (None, "", 0)),
    "more than Pro includes, which has a price": (
        "api-free",
        101_500,
        True,
        False,
        True,
        (2000, "API Pro", 1_500),
    ),
    "paid, with a price": ("api-pro", 100_001, True, False, True, (50, "API Pro", 1)),
    "paid, without one": ("api-pro", 100_001, True, False, False, (None, "", 0)),
    "paid and too fast": ("api-pro", 10, False, True, True, (None, "", 0)),
}


@pytest.mark.parametrize(
    ("plan", "used", "by_quota", "by_rate", "sells", "expected"), WORTH.values(), ids=WORTH
)
def test_worth_is_the_price_of_what_would_have_let_the_calls_pass(
    session, plan, used, by_quota, by_rate, sells, expected
):
    publish(session, replace=PRO_SELLS_MORE if sells else [])
    alice = account_of(session, "Alice")
    if plan != "api-free":
        plans.grant(session, alice, plan, OPERATOR, NOON)
    held = plans.current(session, alice, now=NOON)
    offered = plans.catalogue(session).of("api")
    found = worth(held, {"calls": used}, by_quota=by_quota, by_rate=by_rate, offered=offered)
    assert (found and (found.amount and found.amount.amount, found.plan, found.beyond)) == expected


def test_who_would_have_been_refused_is_noted_with_reason_and_count(house):
    observe(house)
    assert all(house.call().valid for _ in range(3))
    assert house.call(cost=1_000).observed == "QUOTA_EXCEEDED"
    assert house.call(cost=1).observed == "QUOTA_EXCEEDED"
    assert house.call(scopes=("admin",)).observed == "INSUFFICIENT_SCOPE"
    house.settle()
    with house.unit() as session:
        [one] = metering.spared(session, since=house.now - timedelta(days=7), now=house.now)
    assert (one.account_id, one.calls, one.over_now) == (house.account, 3, True)
    assert [(noted.code, noted.calls, noted.keys) for noted in one.noted] == [
        ("QUOTA_EXCEEDED", 2, 1),
        ("INSUFFICIENT_SCOPE", 1, 1),
    ]
    assert [(found.plan, found.amount) for found in one.worth] == [("API Pro", Money(1900))]


def test_what_is_enforced_is_not_noted(house):
    house.call(cost=1_000)
    assert house.call().code == "QUOTA_EXCEEDED"
    house.settle()
    with house.unit() as session:
        assert metering.spared(session, since=house.now - timedelta(days=7), now=house.now) == []


def test_test_keys_are_worth_nothing(house):
    observe(house)
    token = house.mint("test")
    assert house.call(token, cost=1_001).observed == "QUOTA_EXCEEDED"
    house.settle()
    with house.unit() as session:
        [one] = metering.spared(session, since=house.now - timedelta(days=7), now=house.now)
    assert (one.calls, one.worth, one.over_now) == (1, (), False)


def observe(house):
    with house.unit() as session:
        accounts.observe(session, house.account, True, actor=OPERATOR, now=house.now)
    house.gate.push(house.tag)
