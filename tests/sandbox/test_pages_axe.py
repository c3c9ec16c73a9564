"""The sandbox's pages in a real browser: read by axe-core, light and dark, narrow and wide."""

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser
NARROW = {"width": 390, "height": 844}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def session(v1, pro, stripe_sandbox):
    return v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": pro.id, "quantity": 1}],
            "allow_promotion_codes": True,
            "success_url": stripe_sandbox.base + "/_sandbox",
            "cancel_url": stripe_sandbox.base + "/_sandbox",
        }
    )


def test_a_customer_pays_with_authentication(page, session, v1):
    page.goto(session.url)
    page.get_by_label("E-mail").fill("alice@example.com")
    page.get_by_label("whose bank asks for authentication").check()
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_role("button", name="Complete authentication").click()
    page.wait_for_url("**/_sandbox")
    assert v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_for_everyone(browser, stripe_sandbox, v1, alice, pro, session, scheme):
    made = v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})
    settings = v1.billing_portal.configurations.create(
        {
            "features": {
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {"enabled": True},
            }
        }
    )
    portal = v1.billing_portal.sessions.create({"customer": alice.id, "configuration": settings.id})
    invoice = v1.invoices.retrieve(made.latest_invoice).hosted_invoice_url
    receipt = v1.charges.list().data[0].receipt_url
    context = browser.new_context(color_scheme=scheme, viewport=NARROW)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    for url in (session.url, portal.url, invoice, receipt, stripe_sandbox.base + "/_sandbox"):
        page.goto(url)
        found = Axe().run(page, options=RULES).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], url
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], url
    context.close()
    assert said == []
