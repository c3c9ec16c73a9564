"""Costs, cash and the operator's home, as pages."""

import re
from datetime import timedelta

import pytest

from portal import accounts, costs, sustainability
from portal.costs.models import Collection
from portal.kit import clock, ids
from portal.kit.db import unit
from portal.kit.errors import Refusal
from portal.kit.money import Money
from portal.kit.period import add_months, calendar_month
from tests.costs import bills
from tests.plans.people import publish, someone
from tests.web import money
from tests.web.people import Visit
from tests.web.sites import site_of

OSCAR = accounts.Actor(None, "oscar@example.com")
PLACE = accounts.Browser("192.0.2.7", "tests")
COST = {"name": "Database", "service": "Database", "amount": "26.50", "currency": "usd", "last_month": ""}


@pytest.fixture
def oscar(settings, database, redis, tmp_path):
    """Oscar's browser, on a platform that takes payments and has a state folder of its own."""
    now = clock.now()
    with database() as session, unit(session):
        publish(session, now)
        person = someone(session, "Oscar", now)
        person.staff_role = "operator"
        token = accounts.begin(session, person, PLACE, now=now)
    shown = money.paid(settings)
    app = site_of(shown, stripe=money.QuotingStripe(database))
    visit = Visit(app)
    visit.client.set_cookie("upkeep", token)
    return visit


@pytest.fixture
def session(database):
    with database() as session:
        yield session


def words(visit, path):
    answer = visit.get(path)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def this_month(later=0):
    return f"{add_months(calendar_month(clock.now())[0], later):%Y-%m}"


def add(session, cents=119_00):
    with unit(session):
        month = calendar_month(clock.now())[0]
        return costs.add(
            session, "Servers", "Servers", Money(cents), begins_at=month, actor=OSCAR, now=clock.now()
        ).id


def test_a_fresh_page_says_what_to_do_first(oscar):
    assert "Begin with the largest" in words(oscar, "/operator/costs")
    home = words(oscar, "/operator")
    assert "Not known" in home and "Tell us your cash" in home


def test_a_cost_is_added_and_counted(oscar, session):
    answer = oscar.send("/operator/costs", **COST, first_month=this_month())
    assert (answer.status_code, answer.location) == (303, "/operator/costs")
    page = words(oscar, "/operator/costs")
    assert "Added: Database, $26.50 a month." in page and "$26.50 in " in page
    assert "Within what development usually costs, $0 to $50 a month." in page
    assert "<svg" in oscar.get("/operator/costs").text
    assert "$26.50" in words(oscar, "/operator")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"name": " "}, "Say what it is."),
        ({"amount": "much"}, "Give an amount such as $25."),
        ({"amount": "0"}, "above zero"),
        ({"first_month": "November"}, "There is a problem"),
        ({"last_month": "2000-01"}, "must not lie before the first"),
    ],
)
def test_a_refused_cost_comes_back_with_its_values(oscar, changed, sentence):
    answer = oscar.send("/operator/costs", **COST | {"first_month": this_month()} | changed)
    assert answer.status_code == 422 and sentence in answer.text
    assert 'value="Database"' in answer.text


def test_another_amount_begins_where_the_old_one_ends(oscar, session):
    page = f"/operator/costs/{add(session)}"
    answer = oscar.send(f"{page}/amount", on=page, amount="150", first_month=this_month(1))
    assert answer.status_code == 303
    shown = words(oscar, "/operator/costs")
    assert "$119.00 in " in shown and "To come" in shown and "$150.00" in shown
    assert oscar.send(f"{page}/end", on="/operator/costs", last_month=this_month()).status_code == 422
    assert "It was ended" in words(oscar, page)


def test_a_cost_is_ended(oscar, session):
    page = f"/operator/costs/{add(session)}"
    assert oscar.send(f"{page}/end", on=page, last_month="soon").status_code == 422
    assert oscar.send(f"{page}/end", on=page, last_month=this_month(-1)).status_code == 303
    assert "Withdrawn" in words(oscar, "/operator/costs")


def test_cash_is_counted_on_the_home_and_the_runway_is_said(oscar, session):
    add(session)
    answer = oscar.send("/operator/sustainability/cash", on="/operator", amount="1,000")
    assert (answer.status_code, answer.location) == (303, "/operator/sustainability")
    assert "The cash lasts for about 8 months." in words(oscar, "/operator/sustainability")
    home = words(oscar, "/operator")
    assert "About 8 months" in home and "Tell us your cash" not in home


def test_a_refused_count_says_why(oscar):
    answer = oscar.send("/operator/sustainability/cash", on="/operator", amount="lots")
    assert answer.status_code == 422 and "Give an amount such as $25." in answer.text


def test_revenue_that_covers_the_cost_is_said_in_words(oscar, session):
    with unit(session):
        owner = someone(session, "Alice", clock.now())
        account = accounts.open_account(session, "Alice's", owner, now=clock.now())
        ours = money.customer(session, account.id, clock.now())
        money.subscription(session, ours, "api-pro", clock.now())
        sustainability.count_cash(session, Money(10_00), actor=OSCAR, now=clock.now())
    add(session, 19_00)
    assert "covers what it costs" in words(oscar, "/operator/sustainability")
    assert "Covered by revenue" in words(oscar, "/operator")


def test_the_home_lists_what_waits_most_urgent_first(oscar, session):
    add(session)
    with unit(session):
        now = clock.now()
        owner = someone(session, "Alice", now)
        account = accounts.open_account(session, "Alice's", owner, now=now)
        money.busy(session, account.id, now)
        sustainability.count_cash(session, Money(10_00), actor=OSCAR, now=now - timedelta(days=90))
    home = words(oscar, "/operator")
    wanted = [
        "One dispute waits for your answer",
        "One webhook from Stripe fails",
        "Name a mail server",
        "One customer waits for a plan",
        "counted more than two months ago",
    ]
    assert [home.find(one) for one in wanted] == sorted(home.find(one) for one in wanted)
    assert -1 not in [home.find(one) for one in wanted]
    assert "healed" not in home


@pytest.mark.parametrize("month", ["9999-12", "0001-01"])
def test_a_month_at_the_end_of_all_time_is_refused_with_a_sentence(oscar, session, month):
    page = f"/operator/costs/{add(session)}"
    for path, on, given in (
        ("/operator/costs", "/operator/costs", {**COST, "first_month": month, "last_month": month}),
        (f"{page}/amount", page, {"amount": "150", "first_month": month}),
        (f"{page}/end", page, {"last_month": month}),
    ):
        answer = oscar.send(path, on=on, **given)
        assert answer.status_code == 422 and "Give a month within 20 years of now." in answer.text
    assert words(oscar, page).count("Each month") == 1


def test_two_who_change_an_amount_at_once_leave_one_new_one(oscar, session, database):
    cost_id, at = add(session), add_months(calendar_month(clock.now())[0], 1)
    with database() as one, database() as other:
        read = [costs.typed(each) for each in (one, other)]
        outcomes = []
        for each in (one, other):
            try:
                with unit(each):
                    costs.change(each, cost_id, Money(5), begins_at=at, actor=OSCAR, now=clock.now())
                outcomes.append("changed")
            except Refusal as refusal:
                outcomes.append(refusal.sentence)
    assert outcomes == ["changed", "This cost was ended already."]
    assert len(read) == 2 and len(costs.typed(session)) == 2


def test_a_cost_that_is_sent_twice_is_added_once(oscar, session):
    page = "/operator/costs"
    sent = COST | {"first_month": f"{clock.now():%Y-%m}", "nonce": "non_1"}
    for _ in range(2):
        assert oscar.send(page, on=page, **sent).status_code == 303
    assert len(costs.typed(session)) == 1
    other = oscar.send(page, on=page, **sent | {"amount": "30"})
    assert other.status_code == 422 and "Something else was sent" in other.text
    session.expire_all()
    assert len(costs.typed(session)) == 1 and 'value="non_1"' not in other.text


def asked(session, problem=None, requests=1):
    """AWS was asked a moment ago."""
    with unit(session):
        now = clock.now()
        session.add(
            Collection(id=ids.new("col"), kind="costs", begun_at=now, requests=requests, problem=problem)
        )


def test_what_asking_aws_cost_and_why_it_did_not_answer_are_said(oscar, session):
    add(session)
    assert "AWS was asked" not in words(oscar, "/operator/costs")
    asked(session)
    assert "AWS was asked once this month what it charges. That cost $0.01" in words(oscar, "/operator/costs")
    asked(session, "Add ce:GetCostAndUsage to the policy.", requests=0)
    shown = words(oscar, "/operator/costs")
    assert "AWS could not be asked" in shown and "Add ce:GetCostAndUsage to the policy." in shown


def test_a_bill_that_fell_behind_is_said_to_have(oscar, session):
    old = clock.now() - timedelta(days=10)
    with unit(session):
        bills.take(session, bills.bill(bills.line(day=f"{old:%Y-%m-%d}")), now=old)
    asked(session)
    assert ("Import it anew." in words(oscar, "/operator/costs")) == (old >= calendar_month(clock.now())[0])
