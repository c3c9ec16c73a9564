"""Costs asked of AWS: taken in like a bill, once a day, and never over what a bill tells."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from deploy.local.process import wait_until
from portal import costs
from portal.costs import collecting
from portal.costs.gateway import Spent
from portal.costs.models import ChargeRow, Collection
from portal.kit.db import unit
from portal.kit.errors import Exhausted
from portal.kit.money import Money
from tests.costs import clouds
from tests.costs.bills import OSCAR, bill, line, take
from tests.waiting import somebody_waits
from worker import costs as duties
from worker.house import House

NOW = datetime(2026, 11, 25, 5, tzinfo=UTC)
DAY = timedelta(days=1)
RDS, TAX = ("Amazon RDS", "Usage"), ("Tax", "Tax")
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
SPENT = [
    ("2026-11-01", {RDS: ("1.005", "0.905"), TAX: ("0.1", "0.1")}),
    ("2026-11-24", {RDS: ("2.005", "2.005"), ("Amazon RDS", "Credit"): ("-1", "-1")}),
]


def collect(database, aws_url, now=NOW, days=SPENT):
    """What is collected by one who asks once."""
    clouds.forget(aws_url)
    clouds.spends(aws_url, *days)
    return costs.collect(database, costs.Aws(clouds.settings(aws_url)), actor=OSCAR, now=now)


def rows(database):
    with database() as session:
        statement = select(ChargeRow.begins_at, ChargeRow.service, ChargeRow.billed_cost, ChargeRow.bill_id)
        return session.execute(statement.order_by(ChargeRow.id)).all()


def total(database, at=NOW):
    with database() as session:
        return costs.month(session, at).total("usd")


def test_what_days_cost_is_taken_in_to_the_cent_and_its_own_cost_is_counted(database, aws_url):
    done = collect(database, aws_url)
    assert done == costs.Collected({NOVEMBER: "taken"}, 1)
    assert total(database) == Money(2_11)
    with database() as session:
        assert {one.service: one.effective.amount for one in costs.billed(session, NOW)} == {
            "Amazon RDS": 191,
            "Tax": 10,
        }
        sums = select(ChargeRow.category, func.sum(ChargeRow.billed_cost)).group_by(ChargeRow.category)
        assert dict(session.execute(sums).all())["Credit"] == Decimal(-1)
        asking = costs.asking(session, now=NOW)
        assert (asking.requests, asking.cost, asking.problem) == (1, Money(1), None)
        assert costs.imports(session) == []


def test_the_same_answer_again_changes_nothing_and_another_replaces_it(database, aws_url):
    collect(database, aws_url)
    before = rows(database)
    assert collect(database, aws_url, NOW + DAY).months == {NOVEMBER: "same"}
    assert rows(database) == before
    restated = [("2026-11-01", {RDS: ("5", "5")})]
    assert collect(database, aws_url, NOW + 2 * DAY, restated).months == {NOVEMBER: "taken"}
    assert total(database) == Money(5_00)


def test_killed_after_the_question_it_is_counted_and_repeated_gives_the_same_rows(database, aws_url):
    with database() as session, unit(session):
        session.add(Collection(id="col_killed", kind="costs", begun_at=NOW, requests=1))
    collect(database, aws_url)
    killed = [row[:3] for row in rows(database)]
    with database() as session:
        assert costs.asking(session, now=NOW).requests == 2
    collect(database, aws_url, NOW + DAY)
    assert [row[:3] for row in rows(database)] == killed


def test_a_month_whose_bill_was_imported_keeps_it(database, aws_url):
    with database() as session, unit(session):
        take(session, bill(line("7", BillingAccountId=clouds.ACCOUNT)))
    assert collect(database, aws_url).months == {NOVEMBER: "bill"}
    assert total(database) == Money(7_00)


@pytest.mark.parametrize(
    "told",
    [
        {"BillingAccountId": clouds.ACCOUNT, "ProviderName": "Amazon Web Services"},
        {"BillingAccountId": "999999999999", "SubAccountId": clouds.ACCOUNT},
    ],
)
def test_a_bill_takes_the_place_of_what_was_asked_under_whichever_name_it_comes(database, aws_url, told):
    collect(database, aws_url)
    columns = (*line(), "SubAccountId")
    with database() as session, unit(session):
        done = take(session, bill(line("7", **told), columns=columns))
    assert done.replaced == 1 and total(database) == Money(7_00)
    assert collect(database, aws_url, NOW + DAY).months == {NOVEMBER: "bill"}


def test_a_bill_of_another_account_stands_beside_it(database, aws_url):
    collect(database, aws_url)
    with database() as session, unit(session):
        take(session, bill(line("7", BillingAccountId="999999999999")))
    assert total(database) == Money(9_11)


def test_early_in_a_month_the_last_one_is_told_too_each_as_a_delivery_of_its_own(database, aws_url):
    days = [("2026-10-31", {RDS: ("4", "4")}), ("2026-11-01", {RDS: ("1", "1")})]
    done = collect(database, aws_url, NOVEMBER + DAY + timedelta(hours=5), days)
    assert list(done.months.values()) == ["taken", "taken"]
    assert (total(database, NOVEMBER - DAY), total(database)) == (Money(4_00), Money(1_00))


@pytest.mark.parametrize(
    ("now", "since", "until"),
    [("2026-11-25T05", "2026-11-01", "2026-11-25"), ("2026-11-01T05", "2026-10-01", "2026-11-01")],
)
def test_it_is_asked_until_yesterday(now, since, until):
    asked = collecting.to_ask(datetime.fromisoformat(now + ":00+00:00"))
    assert tuple(f"{at:%Y-%m-%d}" for at in asked) == (since, until)


def test_no_third_question_is_asked_on_a_day(database, aws_url):
    collect(database, aws_url)
    collect(database, aws_url)
    with pytest.raises(Exhausted, match="2 times today"):
        collect(database, aws_url)
    assert collect(database, aws_url, NOW + DAY).requests == 1


def test_what_aws_refuses_is_noted_and_costs_nothing(database):
    refuses = clouds.recorded("ce", ("get_cost_and_usage", "AccessDeniedException"))
    with pytest.raises(costs.NotAllowed):
        costs.collect(database, refuses, actor=OSCAR, now=NOW)
    with database() as session:
        asking = costs.asking(session, now=NOW)
        assert asking.requests == 0 and "ce:GetCostAndUsage" in asking.problem


def test_the_duty_asks_once_a_day_and_nothing_unless_it_is_wanted(database, aws_url, settings):
    def house(**more):
        told = replace(settings, aws=clouds.settings(aws_url, **more))
        return House(told, database, gate=None, letterhead=None)

    clouds.spends(aws_url, *SPENT)
    assert duties.collect(house(), now=NOW) is None
    assert duties.survey(house(), now=NOW) == 0
    wanted = house(collects=True)
    assert duties.collect(wanted, now=NOW - timedelta(hours=2)) is None
    assert duties.collect(wanted, now=NOW).requests == 1
    assert duties.collect(wanted, now=NOW + timedelta(hours=12)) is None
    nobody = replace(settings, aws=clouds.settings("http://127.0.0.1:9", collects=True))
    away = House(nobody, database, gate=None, letterhead=None)
    assert duties.collect(away, now=NOW + DAY) is None
    with database() as session:
        assert not collecting.is_due(session, now=NOW + DAY + timedelta(hours=5))
        assert collecting.is_due(session, now=NOW + DAY + timedelta(hours=6))


class Meanwhile:
    """AWS whose costs are told only after something else happened."""

    def __init__(self, deed, answer):
        self.deed, self.answer = deed, answer

    def client(self, service_name, **options):
        return self

    def get_caller_identity(self):
        return {"Account": clouds.ACCOUNT}

    def get_cost_and_usage(self, **asked):
        self.deed()
        return self.answer


def test_a_bill_that_is_brought_in_while_aws_is_asked_is_kept(database):
    metrics = {name: {"Amount": "5", "Unit": "USD"} for name in ("UnblendedCost", "AmortizedCost")}
    day = {"TimePeriod": {"Start": "2026-11-01"}, "Groups": [{"Keys": list(RDS), "Metrics": metrics}]}
    with ThreadPoolExecutor(1) as pool, database() as importer:
        aws = costs.Aws(
            clouds.settings(None),
            Meanwhile(
                lambda: take(importer, bill(line("7", BillingAccountId=clouds.ACCOUNT))),
                {"ResultsByTime": [day]},
            ),
        )
        done = pool.submit(costs.collect, database, aws, actor=OSCAR, now=NOW)
        assert wait_until(lambda: done.done() or somebody_waits(database), 30) and not done.done()
        importer.commit()
        assert done.result(30).months == {NOVEMBER: "bill"}
    assert total(database) == Money(7_00)


def test_two_workers_at_once_ask_once(database, aws_url, settings):
    clouds.spends(aws_url, *SPENT)
    house = House(
        replace(settings, aws=clouds.settings(aws_url, collects=True)), database, gate=None, letterhead=None
    )
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: duties.collect(house, now=NOW), range(2)))
    assert done.count(None) == 1 and total(database) == Money(2_11)
    with database() as session:
        assert costs.asking(session, now=NOW).requests == 1


AMOUNT = st.decimals("-500", "500", places=10, allow_nan=False)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 24), st.sampled_from(["A", "B"]), AMOUNT), min_size=1, max_size=20))
def test_money_adds_up_to_the_cent_whatever_the_order(found):
    told = [
        Spent(NOVEMBER + (day - 1) * DAY, service, f"Usage {number}", "USD", str(amount), str(amount))
        for number, (day, service, amount) in enumerate(found)
    ]
    content = collecting.as_bill(clouds.ACCOUNT, NOVEMBER, told)
    assert content == collecting.as_bill(clouds.ACCOUNT, NOVEMBER, told[::-1])
    exact = sum(Decimal(line.split(",")[8]) for line in content.decode().splitlines()[1:])
    assert exact == sum(amount for _, _, amount in found)
