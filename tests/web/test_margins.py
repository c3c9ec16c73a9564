"""Margins, as pages."""

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.period import calendar_month
from tests.metering.used import use
from tests.plans.people import someone
from tests.web.test_costs import add, oscar, session, words

__all__ = ["oscar", "session"]


def test_who_loses_money_is_on_the_operators_home_with_idle_beside(oscar, session):
    add(session, 300_00)
    with unit(session):
        now = clock.now()
        account = accounts.open_account(session, "Acme", someone(session, "Charlie", now), now=now)
        use(session, account.id, 500, calendar_month(now)[0], now=now)
    home = words(oscar, "/operator")
    assert "Acme Costs more than it brings 500" in home and "Idle: nobody used it" in home
    page = words(oscar, "/operator/sustainability/margins")
    assert "One account costs more than it brings." in page and "1,000 calls cost" in page
    assert "Together 500 $300.00 $0 -$300" in page


def test_without_costs_the_page_says_what_to_do(oscar):
    assert "Not known without costs" in words(oscar, "/operator/sustainability/margins")
