"""The page of plans: what an account holds, and what there is."""

import pytest

from portal import accounts, plans
from portal.kit import clock
from portal.kit.db import unit
from tests.plans.people import OPERATOR, publish, someone


@pytest.fixture
def alice(web_app, database, redis):
    """Alice's browser and her account."""
    now = clock.now()
    with database() as session, unit(session):
        publish(session, now)
        person = someone(session, "Alice", now)
        account = accounts.open_account(session, "Alice's", person, now=now)
        cookie = accounts.begin(session, person, accounts.Browser("192.0.2.7", "tests"), now=now)
    client = web_app.test_client()
    client.set_cookie("upkeep", cookie)
    return client, account.id


def test_everyone_starts_on_the_free_plans(alice):
    page = alice[0].get("/plans").text
    assert "You are on API Free, Hosting Community, Support Community." in page
    assert "1,000 a billing month" in page and "5 calls a second, 10 at once" in page


def test_paid_plans_say_that_payments_are_off_and_how_to_ask(alice):
    page = alice[0].get("/plans").text
    assert "not switched on" in page
    for words in ("$19", "$190 a year", "$29", "$99", "By contract", "Ask for API Pro"):
        assert words in page
    assert alice[0].get("/contact?about=api-pro").status_code == 200


def test_what_was_granted_is_shown_as_held(alice, database):
    client, account_id = alice
    with database() as session, unit(session):
        plans.grant(session, account_id, "api-pro", OPERATOR, clock.now())
    page = client.get("/plans").text
    assert "You are on API Pro" in page and "100,000 a billing month" in page and "at no charge" in page
    assert "Ask for API Pro" not in page


def test_what_will_end_says_when(alice, database):
    client, account_id = alice
    with database() as session, unit(session):
        now = clock.now()
        plans.grant(session, account_id, "api-pro", OPERATOR, now)
        plans.end(session, account_id, "api", OPERATOR, now, with_month=True)
    assert "then API Free" in client.get("/plans").text


def test_a_visitor_is_asked_to_sign_in(web_app):
    assert web_app.test_client().get("/plans").status_code == 303
