"""The hosted pages of invoices and of the portal, and the control page."""

import json
from urllib.parse import urlsplit

import pytest
import stripe


@pytest.fixture
def subscription(v1, alice, pro):
    return v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})


@pytest.fixture
def settings(v1):
    return v1.billing_portal.configurations.create(
        {
            "features": {
                "customer_update": {"enabled": True, "allowed_updates": ["email", "address"]},
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
                "subscription_update": {"enabled": False},
            }
        }
    )


@pytest.fixture
def portal(v1, alice, settings):
    made = v1.billing_portal.sessions.create(
        {"customer": alice.id, "configuration": settings.id, "return_url": "http://127.0.0.1:8000/billing"}
    )
    return urlsplit(made.url).path


@pytest.fixture
def unpaid(stripe_sandbox, v1, alice, subscription):
    """A renewal that failed."""
    method = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": alice.id})
    v1.customers.update(alice.id, {"invoice_settings": {"default_payment_method": method.id}})
    stripe_sandbox.advance_to(subscription["items"].data[0].current_period_end + 7200)
    return v1.invoices.list({"subscription": subscription.id, "status": "open"}).data[0]


def test_an_open_invoice_is_paid_on_its_page(stripe_sandbox, v1, alice, subscription, unpaid):
    path = urlsplit(unpaid.hosted_invoice_url).path
    assert "$19.00 due" in stripe_sandbox.get(path).text
    declined = stripe_sandbox.post(path, action="pay", card="on-file")
    assert (declined.status, "Your card was declined." in declined.text) == (422, True)
    assert stripe_sandbox.post(path, action="pay", card="pm_card_mastercard", keep="yes").status == 303
    assert v1.invoices.retrieve(unpaid.id).status == "paid"
    assert v1.subscriptions.retrieve(subscription.id).status == "active"
    kept = v1.customers.retrieve(alice.id, {"expand": ["invoice_settings.default_payment_method"]})
    assert kept.invoice_settings.default_payment_method.card.brand == "mastercard"
    assert stripe_sandbox.post(path, action="pay", card="pm_card_visa").status == 200


def test_an_invoice_is_a_pdf_too(stripe_sandbox, v1, subscription):
    invoice = v1.invoices.retrieve(subscription.latest_invoice)
    page = stripe_sandbox.get(invoice.invoice_pdf)
    assert page.headers["Content-Type"] == "application/pdf"
    assert page.text.startswith("%PDF-1.4")
    assert "SIMULATED: no money moves" in page.text


def test_a_receipt_can_be_seen(stripe_sandbox, v1, subscription):
    assert "$19.00" in stripe_sandbox.get(v1.charges.list().data[0].receipt_url).text


def test_the_portal_shows_what_there_is(stripe_sandbox, subscription, portal):
    page = stripe_sandbox.get(portal)
    for words in ("no money moves", "API Pro", "Visa ending in 4242", "$19.00 a month", "Back to the shop"):
        assert words in page.text


def test_a_subscription_is_cancelled_and_kept_in_the_portal(stripe_sandbox, v1, subscription, portal):
    path = f"{portal}/subscriptions/{subscription.id}"
    assert stripe_sandbox.post(path, action="cancel").status == 303
    assert v1.subscriptions.retrieve(subscription.id).cancel_at_period_end
    assert (
        "Don&#39;t cancel" in stripe_sandbox.get(portal).text
        or "Don't cancel" in stripe_sandbox.get(portal).text
    )
    stripe_sandbox.post(path, action="keep")
    assert not v1.subscriptions.retrieve(subscription.id).cancel_at_period_end


def test_a_card_is_changed_in_the_portal(stripe_sandbox, v1, alice, portal):
    assert (
        "Your card was declined."
        in stripe_sandbox.post(portal + "/cards", card="pm_card_chargeDeclined").text
    )
    assert stripe_sandbox.post(portal + "/cards", card="pm_card_amex").status == 303
    cards = v1.payment_methods.list({"customer": alice.id}).data
    assert [one.card.brand for one in cards] == ["amex", "visa"]
    assert v1.customers.retrieve(alice.id).invoice_settings.default_payment_method == cards[0].id
    stripe_sandbox.post(f"{portal}/cards/{cards[0].id}", action="remove")
    assert len(v1.payment_methods.list({"customer": alice.id}).data) == 1


def test_the_portal_is_one_customers_alone(stripe_sandbox, v1, portal, pro):
    charlie = v1.customers.create({"email": "charlie@example.com"})
    method = v1.payment_methods.attach("pm_card_visa", {"customer": charlie.id})
    theirs = v1.subscriptions.create(
        {"customer": charlie.id, "items": [{"price": pro.id}], "default_payment_method": method.id}
    )
    assert stripe_sandbox.post(f"{portal}/subscriptions/{theirs.id}", action="cancel").status == 404
    assert stripe_sandbox.post(f"{portal}/cards/{method.id}", action="remove").status == 404
    assert "charlie" not in stripe_sandbox.get(portal).text


def test_a_portal_link_ends_after_an_hour(stripe_sandbox, portal):
    stripe_sandbox.advance("61m")
    assert stripe_sandbox.get(portal).status == 404


def test_a_portal_needs_settings(v1, alice):
    with pytest.raises(stripe.InvalidRequestError, match="No configuration provided"):
        v1.billing_portal.sessions.create({"customer": alice.id})


def test_the_portal_never_changes_plans(v1):
    with pytest.raises(stripe.InvalidRequestError, match="does not change plans"):
        v1.billing_portal.configurations.create({"features": {"subscription_update": {"enabled": True}}})


def test_the_control_page_shows_and_orders(stripe_sandbox, v1, subscription, inbox):
    page = stripe_sandbox.get("/_sandbox")
    assert page.status == 200
    assert "customer.subscription.created" in page.text
    assert stripe_sandbox.post("/_sandbox/faults", fault="drop", times="1").status == 303
    assert json.loads(stripe_sandbox.get("/_sandbox/faults").text) == {"drop": 1}
    assert stripe_sandbox.post("/_sandbox/faults", fault="flood", times="1").status == 400
    event = v1.events.list().data[0]
    assert event.type in stripe_sandbox.get(f"/_sandbox/events/{event.id}").text


def test_a_card_can_be_made_to_fail_from_the_control_page(stripe_sandbox, v1, alice, subscription):
    method = alice.invoice_settings.default_payment_method
    stripe_sandbox.post("/_sandbox/cards", method=method, decline="generic_decline")
    stripe_sandbox.advance_to(subscription["items"].data[0].current_period_end + 7200)
    assert v1.subscriptions.retrieve(subscription.id).status == "past_due"
    stripe_sandbox.post("/_sandbox/cards", method=method, decline="")
    v1.invoices.pay(v1.subscriptions.retrieve(subscription.id).latest_invoice)
    assert v1.subscriptions.retrieve(subscription.id).status == "active"


def test_a_tick_does_what_became_due(stripe_sandbox, v1, subscription):
    stripe_sandbox.clock_file.write_text(str(32 * 86400 * 1_000_000))
    stripe_sandbox.post("/_sandbox/tick")
    rows = stripe_sandbox.sandbox.store.rows("select count(*) from document where kind = 'invoice'")
    assert rows == [(2,)]


def test_only_this_machine_is_answered(stripe_sandbox):
    assert stripe_sandbox.get("/_sandbox", {"Host": "evil.example"}).status == 403
