"""Every page, light and dark, as axe-core, a narrow screen and a strict browser see it."""

from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.house.site import routes
from tests.web import money
from tests.web.sites import site_of
from tests.web.town import PAGES, changed_catalogue, town_of

pytestmark = pytest.mark.browser

AXE = Axe().axe_script
WIDE = {"width": 1440, "height": 900}
NARROWS = (390, 320)  # a telephone, and a screen of 1280 enlarged four times
RULES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "dark": ["color-contrast"],  # the same page in other colours
}
NO_PAGES = {"/healthz", "/readyz", "/metrics", "/logo", "/usage.csv", "/operator/letters/<letter_id>/html"}
NO_PAGES |= {"/operator/revenue.csv", "/billing/return"}
NO_PAGES |= {
    "/tickets/<int:number>/files/<attachment_id>",
    "/staff/tickets/<ticket_id>/files/<attachment_id>",
}
REFUSED = {
    "nobody": ["/signup", "/login", "/contact", "/forgot", "/reset/{reset}"],
    "alice": ["/keys", "/settings/password", "/settings/email", "/accounts/new", "/tickets/new"],
}
UNKNOWN = {"/nowhere", "/keys/nonsense"}
SEND_AS_IT_IS = """() => {
    const form = document.querySelector("main form:not([method=get])");
    form.noValidate = true;
    form.requestSubmit();
}"""
WIDER = """width => [...document.querySelectorAll("body *")]
    .filter(one => one.getBoundingClientRect().right > width + 1).slice(0, 3)
    .map(one => one.outerHTML.slice(0, 120))"""


@pytest.fixture
def town(database, redis, settings, tmp_path):
    paid = replace(settings, payments=money.SANDBOX, plans_file=changed_catalogue(tmp_path))
    app = site_of(paid, stripe=money.QuotingStripe(database))
    with town_of(app, database, paid) as standing:
        yield standing


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everyone(town, browser, name):
    page = town.enter(browser, name).new_page()
    said, found = complaints(page), {}
    for path in PAGES[name].split():
        answer = page.goto(town.address(path), wait_until="load")
        expected = 404 if path in UNKNOWN else 200
        found[path] = [f"status {answer.status}"] if answer.status != expected else [*said, *look(page)]
        said.clear()
    page.context.close()
    assert not {path: faults for path, faults in found.items() if faults}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_form_is_for_everyone(town, browser, name):
    page = town.enter(browser, name).new_page()
    found = {}
    for path in REFUSED[name]:
        page.goto(town.address(path))
        page.evaluate(SEND_AS_IT_IS)
        page.get_by_text("There is a problem").wait_for()
        found[path] = look(page)
    page.context.close()
    assert not {path: faults for path, faults in found.items() if faults}


def look(page):
    """What is wrong with the page as it stands, in both themes and on a small screen."""
    found = [] if page.locator("h1").count() == 1 else ["not one first heading"]
    page.evaluate(AXE)
    page.set_viewport_size(WIDE)
    for theme, rules in RULES.items():
        page.emulate_media(color_scheme=theme)
        found += [f"{theme}: {fault}" for fault in axe(page, rules)]
    for width in NARROWS:
        page.set_viewport_size({"width": width, "height": 844})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found += [f"too wide at {width}: {one}" for one in page.evaluate(WIDER, width)]
    return found


def axe(page, rules):
    options = {"runOnly": rules, "resultTypes": ["violations"], "preload": False}  # no page has sound or film
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in page.evaluate("options => axe.run(options).then(said => said.violations)", options)
        for node in one["nodes"]
    ]


def complaints(page):
    """What the browser will complain about: a refused script or style, a missing file, a fault."""
    said = []

    def hear(message):
        is_page = message.location["url"] == page.url  # a page that says 404 by itself is no fault
        if message.type == "error" and not is_page:
            said.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def test_every_page_is_looked_at():
    shown = {path.split("?")[0] for paths in PAGES.values() for path in paths.split()}
    pages = {route.path for route in routes() if route.method == "GET"} - NO_PAGES
    assert {path for path in pages if "<" not in path} <= shown
    assert {shape(path, "<") for path in pages} <= {shape(path, "{") for path in shown}


def shape(path, mark):
    """`/keys/<key_id>` and `/keys/{key}` as `/keys/*`."""
    return "/".join("*" if mark in part else part for part in path.split("/"))


def test_the_theme_changes_at_once_and_stays(town, browser):
    page = town.enter(browser, "alice", viewport=WIDE, color_scheme="light").new_page()
    page.goto(town.address("/dashboard"))
    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.reload()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.context.close()


def test_a_copy_button_copies(town, browser):
    context = town.enter(browser, "nobody")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=town.url)
    page = context.new_page()
    page.goto(town.address("/docs"))
    page.get_by_role("button", name="as a bearer token").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl https://")
    context.close()


def test_an_account_is_switched_without_a_script(town, browser):
    context = town.enter(browser, "alice", java_script_enabled=False)
    page = context.new_page()
    page.goto(town.address("/dashboard"))
    page.get_by_role("banner").get_by_text("Acme Research").first.click()
    page.get_by_role("button", name="Donaudampfschifffahrt").click()
    page.get_by_text("steps are left to your first call").or_(page.get_by_text("One step is left")).wait_for()
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_staff_find_their_pages_on_a_narrow_screen(town, browser, scripts):
    narrow = {"width": NARROWS[1], "height": 640}
    page = town.enter(browser, "oscar", viewport=narrow, java_script_enabled=scripts).new_page()
    page.goto(town.address("/operator/costs"))
    staff = page.get_by_role("navigation", name="Operator")
    assert staff.count() == 0, "closed, they take no room"
    page.get_by_role("button", name="Operator: Costs").click()
    if scripts:
        page.evaluate(AXE)
        assert not [fault for rules in RULES.values() for fault in axe(page, rules)]
        page.keyboard.press("Escape")
        assert staff.count() == 0
        page.get_by_role("button", name="Operator: Costs").click()
    staff.get_by_role("link", name="Queue").click()
    page.get_by_role("button", name="Operator: Queue").wait_for()
    page.context.close()


def test_the_first_thing_the_keyboard_meets_leads_to_the_content(town, browser):
    page = town.enter(browser, "alice", viewport=WIDE).new_page()
    page.goto(town.address("/dashboard"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.context.close()
