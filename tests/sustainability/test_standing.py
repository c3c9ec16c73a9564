"""How the platform stands: costs as typed, revenue from the mirror, cash as counted."""

from datetime import UTC, datetime, timedelta

import pytest

from portal import accounts, costs, sustainability
from portal.billing.values import Offer
from portal.kit.db import unit
from portal.kit.errors import Invalid
from portal.kit.money import Money
from portal.kit.period import add_months, calendar_month
from tests.plans.people import account_of, publish
from tests.web import money

OSCAR = accounts.Actor(None, "oscar@example.com")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MONTH = calendar_month(NOW)[0]


@pytest.fixture
def session(database):
    with database() as session, unit(session):
        publish(session, NOW - timedelta(days=400))
        yield session


def cost(session, cents, currency="usd", begins_at=MONTH):
    amount = Money(cents, currency)
    costs.add(session, "Servers", "Servers", amount, begins_at=begins_at, actor=OSCAR, now=NOW)


def sell(session):
    """One account that pays $19 a month and paid it in this month and in the one before."""
    ours = money.customer(session, account_of(session, "Alice", NOW), NOW)
    money.subscription(session, ours, "api-pro", NOW)
    for at in (NOW, add_months(NOW, -1)):
        money.invoice(session, ours, 1900, at, offer=Offer("api", "api-pro", 1, "month"))


def standing(session, payments=money.SANDBOX):
    return sustainability.standing(session, payments, "usd", now=NOW)


def test_nothing_known_is_said_as_such(session):
    found = standing(session)
    assert (found.cost, found.earned, found.recurring) == (Money(0), Money(0), Money(0))
    assert found.cash is None and found.runway is None


def test_the_cash_lasts_at_what_costs_less_revenue_leave(session):
    sell(session)
    cost(session, 119_00)
    sustainability.count_cash(session, Money(450_00), actor=OSCAR, now=NOW)
    found = standing(session)
    assert (found.earned, found.recurring, found.net) == (Money(19_00), Money(19_00), Money(-100_00))
    assert found.short == Money(100_00) and found.runway.months == 4


def test_where_nobody_pays_by_card_revenue_is_nothing(session):
    sell(session)
    cost(session, 100_00)
    sustainability.count_cash(session, Money(450_00), actor=OSCAR, now=NOW)
    assert standing(session, None).recurring == Money(0) and standing(session, None).runway.months == 4


def test_another_currency_stands_apart(session):
    cost(session, 100_00)
    cost(session, 500, "eur")
    sustainability.count_cash(session, Money(999_00, "eur"), actor=OSCAR, now=NOW)
    found = standing(session)
    assert (found.cost, found.apart, found.cash) == (Money(100_00), (Money(500, "eur"),), None)


def test_the_latest_count_holds_and_the_earlier_ones_stay(session):
    for days, cents in ((9, 100), (2, 300), (5, 200)):
        sustainability.count_cash(session, Money(cents), actor=OSCAR, now=NOW - timedelta(days=days))
    assert standing(session).cash.amount == 300
    assert [(one.amount, one.counted_by) for one in sustainability.counted(session)] == [
        (300, OSCAR.label),
        (200, OSCAR.label),
        (100, OSCAR.label),
    ]


@pytest.mark.parametrize("amount", [Money(-1), Money(10**14), Money(1, "xyz")])
def test_what_nobody_can_have_in_hand_is_refused(session, amount):
    with pytest.raises(Invalid):
        sustainability.count_cash(session, amount, actor=OSCAR, now=NOW)


def test_months_show_cost_revenue_and_net(session):
    sell(session)
    cost(session, 50_00, begins_at=add_months(MONTH, -2))
    found = sustainability.months(session, money.SANDBOX, "usd", now=NOW, count=3)
    assert [(one.cost.amount, one.revenue.amount, one.net.amount) for one in found] == [
        (50_00, 0, -50_00),
        (50_00, 19_00, -31_00),
        (50_00, 19_00, -31_00),
    ]
