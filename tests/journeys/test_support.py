"""A ticket from its opening to its reopening, as both sides live it, with scripts and without."""

import re

import pytest
from playwright.sync_api import expect

from portal import support
from tests.web.desk import Desk
from tests.web.sites import served
from tests.web.talk import PICTURE

pytestmark = pytest.mark.browser


@pytest.fixture
def desk(settings, database, redis, web_app):
    desk = Desk(settings, database, web_app)
    desk.give("support-priority")
    return desk


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def enter(request, desk, web_app, browser):
    """`enter("alice")`: her page, with scripts or without."""
    contexts = []

    def page_of(name):
        context = browser.new_context(base_url=url, java_script_enabled=request.param)
        context.add_cookies([{"name": "upkeep", "value": desk.cookies[name], "url": url}])
        contexts.append(context)
        return context.new_page()

    with served(web_app) as url:
        yield page_of
        for context in contexts:
            context.close()


def test_a_ticket_is_opened_answered_closed_and_reopened(desk, enter):
    alice, sue = enter("alice"), enter("sue")

    alice.goto("/dashboard")
    alice.get_by_role("link", name="Tickets").click()
    alice.get_by_role("link", name="Open ticket").first.click()
    expect(alice.get_by_text("If you open it now")).to_be_visible()
    expect(alice.get_by_text(re.compile("First answer due .+, in"))).to_be_visible()
    alice.get_by_label("Subject").fill("The import is refused")
    alice.get_by_label("Your message").fill("It answers **SUSPENDED**. See the picture.")
    picture = {"name": "refused.png", "mimeType": "image/png", "buffer": PICTURE}
    alice.get_by_label("Files").set_input_files([picture])
    alice.get_by_role("button", name="Open ticket").click()
    expect(alice.get_by_role("heading", name="The import is refused")).to_be_visible()
    with alice.expect_download() as download:
        alice.get_by_role("link", name="refused.png").click()
    assert download.value.path().read_bytes() == PICTURE

    sue.goto("/staff/queue")
    sue.get_by_role("link", name="The import is refused").click()
    sue.get_by_role("button", name="Take").click()
    expect(sue.get_by_text(re.compile("You, since"))).to_be_visible()
    sue.get_by_label("Your message").fill("Same as last week.")
    sue.get_by_role("button", name="Add internal note").click()
    expect(sue.get_by_text("Internal note: staff alone see it")).to_be_visible()
    sue.get_by_label("Your message").fill("Your card expired. Is it right that you have a new one?")
    sue.get_by_role("button", name="Reply", exact=True).click()
    expect(sue.get_by_text("Resolution stands still").first).to_be_visible()

    alice.reload()
    expect(alice.get_by_text("Is it right that you have a new one?")).to_be_visible()
    expect(alice.get_by_text("Same as last week.")).to_have_count(0)
    alice.get_by_label("Your message").fill("Yes, and now it works.")
    alice.get_by_role("button", name="Reply").click()
    expect(alice.get_by_text("Yes, and now it works.")).to_be_visible()
    alice.get_by_role("button", name="Close").click()
    expect(alice.get_by_text("You can reopen it within 30 days")).to_be_visible()

    sue.goto("/staff/queue?state=closed")
    expect(sue.get_by_role("link", name="The import is refused")).to_be_visible()

    alice.get_by_role("button", name="Reopen", exact=True).click()
    expect(alice.get_by_text("Open again.")).to_be_visible()
    sue.goto("/staff/queue?assignee=me")
    expect(sue.get_by_role("link", name="The import is refused")).to_be_visible()
    with desk.database() as session:
        ticket = support.ticket(session, desk.ids["alice"], 1)
        assert ticket.closed_at is None and ticket.assigned_to == desk.people["sue"]


def test_files_that_are_too_large_are_named_before_they_are_sent(desk, web_app, browser):
    with served(web_app) as url:
        context = browser.new_context(base_url=url)
        context.add_cookies([{"name": "upkeep", "value": desk.cookies["alice"], "url": url}])
        page = context.new_page()
        page.goto("/tickets/new")
        page.get_by_label("Subject").fill("A film of it")
        page.get_by_label("Your message").fill("See the file.")
        files, send = page.get_by_label("Files"), page.get_by_role("button", name="Open ticket")
        one = {"mimeType": "image/png", "buffer": PICTURE}
        large = {"name": "film.png", "mimeType": "image/png", "buffer": bytes(support.FILE_BYTES + 1)}
        files.set_input_files([large])
        expect(page.get_by_role("alert")).to_have_text(re.compile("film.png is larger than 5 MiB"))
        send.click()
        expect(files).to_be_focused()
        files.set_input_files([{"name": f"{n}.png", **one} for n in range(support.FILES + 1)])
        expect(page.get_by_role("alert")).to_have_text("Attach at most 5 files to one message.")
        files.set_input_files([{"name": "small.png", **one}])
        expect(page.get_by_role("alert")).to_have_count(0)
        send.click()
        expect(page.get_by_role("heading", name="A film of it")).to_be_visible()
        context.close()


def test_single_keys_work_until_they_are_switched_off(desk, web_app, browser):
    alice = desk.browser("alice")
    for subject in ("One", "Two"):
        alice.press("/tickets/new", "Open ticket", subject=subject, body="Why?")
    with served(web_app) as url:
        context = browser.new_context(base_url=url)
        context.add_cookies([{"name": "upkeep", "value": desk.cookies["sue"], "url": url}])
        page = context.new_page()
        page.goto("/staff/queue")
        first, second = (page.get_by_role("link", name=name, exact=True) for name in ("One", "Two"))
        page.keyboard.press("j")
        expect(first).to_be_focused()
        page.keyboard.press("j")
        expect(second).to_be_focused()
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="One")).to_be_visible()
        page.keyboard.press("r")
        expect(page.get_by_label("Your message")).to_be_focused()
        page.keyboard.type("tq")  # in a field they are letters
        expect(page.get_by_label("Your message")).to_have_value("tq")

        page.get_by_text("Keyboard shortcuts").click()
        page.get_by_label("Single keys do something").uncheck()
        page.goto("/staff/queue")
        page.keyboard.press("j")
        expect(first).not_to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_label("Subject, account or number")).not_to_be_focused()
        context.close()
