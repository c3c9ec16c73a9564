"""The story that the product is for, played in a real browser on a whole running stack."""

import json
import re

import pytest

from deploy.local.process import wait_until
from tests.journeys.people import Customer, Operator, Program, first_link, last_line

pytestmark = [pytest.mark.browser, pytest.mark.stack]

FREE = 1000
COSTLY = 16  # calls of 60 units, the rest one by one
SETTLED_SECONDS = 150  # a minute ends, is settled, and its letters are written


@pytest.fixture
def operator(stack, browser):
    """The operator, in a browser of their own."""
    context = browser.new_context()
    someone = Operator(context.new_page(), stack.url)
    link = re.search(r"https?://\S+", stack.cli("staff", "add", "operator@example.com", "--role", "operator"))
    someone.sign_in(link.group())
    yield someone
    context.close()


def test_from_sign_up_to_the_last_counted_call(stack, page, operator):
    complaints = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    alice = Customer(page, stack.url, "alice@example.com")
    alice.sign_up("Alice Example", "Example Ltd")
    alice.verify(first_link(operator.letter(alice.email, "Confirm")))
    service_key = last_line(stack.cli("service-keys", "mint", "The API"))
    program = Program(stack.url, service_key, alice.create_key("Ingest"))

    for _ in range(COSTLY):
        assert program.call(cost=60, endpoint="POST /memories")["valid"]
    for _ in range(FREE - COSTLY * 60):
        answer = program.call()
        assert answer["valid"], answer
    assert answer["quota"]["used"] == FREE and answer["quota"]["remaining"] == 0

    refused = program.call()
    assert (refused["valid"], refused["code"]) == (False, "QUOTA_EXCEEDED")
    status, headers = program.authorize()
    assert status == 429 and int(headers["Retry-After"]) > 0 and headers["X-Upkeep-Code"] == "QUOTA_EXCEEDED"

    words = alice.words("/usage")
    assert "1,000 of 1,000 calls used" in words and "limit is reached" in words

    for words in ("all calls", "80 %"):
        operator.await_letters(alice.email, words, lambda count: count > 0, SETTLED_SECONDS)
    account = account_of(stack, operator, "Example Ltd")
    stack.cli("subscriptions", "grant", account, "api-pro")
    assert wait_until(lambda: program.verify()["valid"], 2), "calls do not pass after the upgrade"
    for _ in range(9):
        assert program.call(endpoint="GET /memories/{id}")["valid"]

    words = alice.words("/usage")
    assert "10 of 100,000 calls used" in words
    assert "10" in row(page, "Ingest")
    page.get_by_label("Billing month", exact=True).select_option(index=1)
    page.get_by_role("button", name="Show").click()
    assert "1,000" in row(page, "Ingest") and "56" in row(page, "Ingest")
    page.get_by_role("link", name="By endpoint").click()
    assert "960" in row(page, "POST /memories") and "16" in row(page, "POST /memories")
    assert "40" in row(page, "GET /memories")

    assert operator.count_letters(alice.email, "80 %") == 1
    assert operator.count_letters(alice.email, "all calls") == 1
    report = json.loads(stack.cli("usage", "reconcile", "--json"))
    assert report and all(line["difference"] == 0 for line in report), report
    assert complaints == []


def test_the_pages_of_the_story_without_javascript(stack, browser, operator):
    context = browser.new_context(java_script_enabled=False)
    bob = Customer(context.new_page(), stack.url, "bob@example.net")
    bob.sign_up("Bob Example", "")
    bob.verify(first_link(operator.letter(bob.email, "Confirm")))
    assert "No calls yet" in bob.words("/usage")

    service_key = last_line(stack.cli("service-keys", "mint", "The API again"))
    program = Program(stack.url, service_key, bob.create_key("First"))
    assert program.call()["valid"]
    assert "1 of 1,000 calls used" in bob.words("/usage")
    assert "First" in bob.words("/keys")

    bob.page.get_by_role("button", name="Sign out").click()
    bob.page.wait_for_url("**/login")
    context.close()


def account_of(stack, operator, name):
    """The id of an account, read where staff read it."""
    operator.page.goto(f"{stack.url}/staff/accounts")
    operator.page.get_by_role("link", name=name).first.click()
    return operator.page.url.rpartition("/")[2]


def row(page, name):
    """What stands in the table's row that begins with this name."""
    return (
        page.get_by_role("row")
        .filter(has=page.get_by_role("rowheader", name=name, exact=True))
        .last.inner_text()
    )
