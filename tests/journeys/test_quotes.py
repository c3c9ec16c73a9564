"""A custom deployment, from the wish on the pricing page to the paid invoice, as both sides click it."""

import pytest
from playwright.sync_api import expect

from portal import billing, support
from tests.web.sites import served
from tests.web.till import settle, working_till_of

pytestmark = pytest.mark.browser


@pytest.fixture
def till(settings, database, redis, tmp_path):
    with working_till_of(settings, database, tmp_path / "stripe") as till:
        yield till


@pytest.fixture
def enter(till, browser):
    """`enter("alice")`: her page, without scripts."""
    contexts = []

    def page_of(name):
        context = browser.new_context(base_url=url, java_script_enabled=False)
        context.add_cookies([{"name": "upkeep", "value": till.cookies[name], "url": url}])
        contexts.append(context)
        return context.new_page()

    with served(till.app) as url:
        yield page_of
        for context in contexts:
            context.close()


def test_a_quote_is_asked_for_offered_accepted_and_paid(till, enter):
    alice, sue = enter("alice"), enter("sue")

    alice.goto("/pricing")
    alice.get_by_role("link", name="Ask for a quote").click()
    alice.get_by_label("What to deploy").fill("Your API on our cluster.")
    alice.get_by_label("Where it should run").fill("AWS, eu-central-1")
    alice.get_by_role("button", name="Ask for a quote").click()
    expect(alice.get_by_role("heading", name="Custom deployment: AWS, eu-central-1")).to_be_visible()

    sue.goto("/staff/queue")
    sue.get_by_role("link", name="Custom deployment: AWS, eu-central-1").click()
    sue.get_by_role("link", name="Offer a quote").click()
    sue.get_by_label("Price in USD").fill("2600")
    sue.get_by_label("What it covers").fill("One cluster, *handed over*.")
    sue.get_by_role("button", name="Offer").click()
    expect(sue.get_by_text("There is a problem")).to_be_visible()  # more than such work usually costs
    sue.get_by_label("Why another amount").fill("Two regions.")
    sue.get_by_role("button", name="Offer").click()
    expect(sue.get_by_text("stands until")).to_be_visible()

    alice.reload()
    expect(alice.get_by_text("$2,600.00 once")).to_be_visible()
    expect(alice.get_by_text("Two regions.")).to_have_count(0)
    alice.get_by_role("button", name="Accept $2,600.00").click()
    expect(alice.get_by_text("The invoice is being written")).to_be_visible()
    settle(till)
    alice.reload()
    expect(alice.get_by_role("link", name="Pay $2,600.00")).to_be_visible()
    sue.reload()
    expect(sue.get_by_text("is due by")).to_be_visible()

    with till.database() as session:
        ticket = support.ticket(session, till.ids["alice"], 1)
        sold = billing.one_off(session, support.quotes(session, ticket.id)[0].id)
    till.sandbox.post(sold.url, action="pay", card="pm_card_visa")
    settle(till)
    alice.reload()
    expect(alice.get_by_text("Thank you.")).to_be_visible()
    alice.goto("/billing")
    expect(alice.get_by_text("Custom deployment: AWS, eu-central-1 (ticket 1)")).to_be_visible()
    sue.reload()
    expect(sue.get_by_text("Paid on")).to_be_visible()
