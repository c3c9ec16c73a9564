"""Credits: extra units hold at once, are used last, and end with the billing month they were given for."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from portal import accounts, metering
from portal.kit.errors import Conflict, Invalid, Missing
from portal.kit.outbox import ToldFact, read
from portal.metering import rules
from portal.metering.giving import given as given_in
from tests.plans.people import OPERATOR

SPLITS = {  # used, included, credited: of the plan, of credits, beyond
    "nothing": ((0, 1000, 500), (0, 0, 0)),
    "within the plan": ((999, 1000, 500), (999, 0, 0)),
    "all of the plan": ((1000, 1000, 500), (1000, 0, 0)),
    "into the credits": ((1001, 1000, 500), (1000, 1, 0)),
    "all of both": ((1500, 1000, 500), (1000, 500, 0)),
    "beyond both": ((1502, 1000, 500), (1000, 500, 2)),
    "no plan": ((3, 0, 2), (0, 2, 1)),
    "no credits": ((1200, 1000, 0), (1000, 0, 200)),
}


@pytest.mark.parametrize(("given", "parts"), SPLITS.values(), ids=SPLITS)
def test_usage_is_taken_of_the_plan_then_of_credits_and_the_parts_add_up(given, parts):
    assert rules.split(*given) == parts and sum(parts) == given[0]


def give(house, units=500, nonce="one", reason="For the outage.", meter="calls"):
    with house.unit() as session:
        credit = metering.give_credit(
            session, house.account, meter, units, reason, nonce=nonce, actor=OPERATOR, now=house.now
        )
        found = credit.id
    house.gate.push(house.tag)
    return found


def test_what_is_given_can_be_used_at_once_and_no_more_than_that(house):
    house.call(cost=1000)
    assert house.call().code == "QUOTA_EXCEEDED"
    give(house)
    found = house.call(cost=500)
    assert found.valid and (found.quota.limit, found.quota.included, found.quota.used) == (1500, 1000, 1500)
    assert house.call().code == "QUOTA_EXCEEDED"


def test_it_ends_with_the_month_and_resets_nothing_before(house):
    house.call(cost=10)
    give(house)
    assert house.call().quota.used == 11
    with house.unit() as session:
        month = metering.months(session, house.account, now=house.now)[0]
    house.offset += month.ends_at - house.now + timedelta(seconds=1)
    found = house.call(cost=1000)
    assert found.valid and (found.quota.limit, found.quota.used) == (1000, 1000)
    assert house.call().code == "QUOTA_EXCEEDED"


def test_test_keys_are_given_nothing(house):
    token = house.mint("test")
    give(house)
    assert house.call(token).quota.limit == 1000 and house.call().quota.limit == 1500


def test_given_twice_with_one_nonce_it_is_given_once(house):
    assert give(house) == give(house)
    give(house, 7, "two")
    with house.unit() as session:
        month = metering.months(session, house.account, now=house.now)[0]
        given = metering.credits_of(session, house.account, month.id)
        assert [(one.units, one.reason, one.given_by) for one in given] == [
            (500, "For the outage.", "operator root"),
            (7, "For the outage.", "operator root"),
        ]
        assert session.query(ToldFact).filter_by(name=metering.CreditGiven.name).count() == 2
    assert house.call().quota.limit == 1507


@pytest.mark.parametrize("changed", [{"units": 501}, {"meter": "tokens"}, {"reason": "For another outage."}])
def test_something_else_with_the_same_nonce_is_refused_and_not_passed_over(house, changed):
    give(house)
    with pytest.raises(Conflict, match="Something else was sent from this page already"):
        give(house, **changed)
    assert house.call().quota.limit == 1500


def test_given_twice_at_once_it_is_given_once(house):
    with ThreadPoolExecutor(4) as pool:
        assert len({one.result() for one in [pool.submit(give, house) for _ in range(4)]}) == 1
    assert house.call().quota.limit == 1500


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"units": 0}, "units"),
        ({"units": -5}, "units"),
        ({"units": 10**12 + 1}, "units"),
        ({"meter": "tea"}, "meter"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 301}, "reason"),
    ],
)
def test_what_will_not_do_is_refused(house, changed, field):
    with pytest.raises(Invalid) as refused:
        give(house, **changed)
    assert refused.value.field == field


def test_no_account_is_given_nothing(house):
    with house.unit() as session, pytest.raises(Missing):
        metering.give_credit(
            session, "acc_none", "calls", 5, "Why not", nonce="n", actor=OPERATOR, now=house.now
        )


def test_a_closed_account_is_given_nothing(house):
    with house.unit() as session:
        accounts.get(session, house.account).closed_at = house.now
    with pytest.raises(Conflict):
        give(house)


def test_the_letters_about_the_quota_count_what_was_given(house):
    give(house)
    house.call(cost=1000)
    house.settle()
    assert told(house) == []
    house.call(cost=200)
    house.settle()
    assert told(house) == [(80, 1200, 1500)]
    house.call(cost=300)
    house.settle()
    assert told(house) == [(80, 1200, 1500), (100, 1500, 1500)]


def told(house):
    """The quotas that were told of: percent, used, and of how much."""
    with house.unit() as session:
        rows = session.query(ToldFact).filter_by(name=metering.QuotaReached.name).order_by(ToldFact.id)
        facts = [read(row) for row in rows]
    return [(fact.percent, fact.used, fact.included) for fact in facts]


def test_the_customer_reads_the_limit_with_what_was_given(house):
    give(house)
    house.call(cost=1200)
    house.settle()
    with house.unit() as session:
        month = metering.months(session, house.account, now=house.now)[0]
        report = metering.report(session, house.account, month, "calls", gate=house.gate, now=house.now)
        [balance] = metering.balances(session, house.account, gate=house.gate, now=house.now)
    assert (report.limit, report.credited, report.used) == (1500, 500, 1200)
    assert (balance.limit, balance.used) == (1500, 1200)


def test_the_books_balance_with_credits_in_them(house):
    give(house)
    house.call(cost=1000)
    house.call(cost=200)
    house.settle()
    house.call(cost=30)
    found = metering.reconcile(house.database, house.gate, account_id=house.account, now=house.now)
    [line] = [one for one in found if (one.environment, one.meter) == ("live", "calls")]
    assert (line.included, line.credited, line.beyond, line.unsettled) == (1000, 200, 0, 30)
    assert line.ledger == line.included + line.credited + line.beyond and line.balanced


def test_what_was_given_in_any_number_of_months_can_be_asked_for(session):
    """Whoever looks on at everybody asks for more of them than a query can have parameters."""
    assert given_in(session, range(70_000)) == {}
