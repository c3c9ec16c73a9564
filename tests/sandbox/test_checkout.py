"""Checkout, from the session to the page to the subscription."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

BACK = "http://127.0.0.1:8000/billing/return?session={CHECKOUT_SESSION_ID}"


@pytest.fixture
def open_session(v1, pro):
    def make(**change):
        wanted = {
            "mode": "subscription",
            "ui_mode": "hosted_page",
            "line_items": [{"price": pro.id, "quantity": 1}],
            "success_url": BACK,
            "cancel_url": "http://127.0.0.1:8000/plans",
            "client_reference_id": "acc_1",
            "allow_promotion_codes": True,
            "subscription_data": {"metadata": {"account": "acc_1"}},
            **change,
        }
        return v1.checkout.sessions.create({key: value for key, value in wanted.items() if value is not None})

    return make


@pytest.fixture
def session(open_session):
    return open_session()


def nothing_happened(v1, session):
    held = v1.checkout.sessions.retrieve(session.id)
    assert (held.status, held.subscription, held.payment_status) == ("open", None, "unpaid")
    assert v1.subscriptions.list({"status": "all"}).data == []
    assert v1.invoices.list().data == []


def test_paying_makes_an_active_subscription(stripe_sandbox, v1, session, inbox):
    page = stripe_sandbox.pay(session)
    assert page.status == 303
    assert page.location == f"http://127.0.0.1:8000/billing/return?session={session.id}"
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert done.subscription.status == "active"
    assert done.subscription.metadata["account"] == "acc_1"
    assert done.subscription.default_payment_method
    assert done.invoice.status == "paid"
    assert done.invoice.amount_paid == 1900
    assert done.customer_details.email == "alice@example.com"
    stripe_sandbox.deliver_now()
    types = [json.loads(body)["type"] for body, _ in inbox]
    assert "checkout.session.completed" in types
    assert "customer.subscription.created" in types
    for body, headers in inbox:
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], stripe_sandbox.secret)


def test_the_page_says_that_no_money_moves(stripe_sandbox, session):
    page = stripe_sandbox.get(session.url)
    assert "no money moves" in page.text
    assert "$19.00" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "http://127.0.0.1:8000" in page.headers["Content-Security-Policy"]
    assert "<script" not in page.text
    assert "style=" not in page.text


def test_a_known_customer_pays_as_themselves(stripe_sandbox, v1, open_session, alice):
    session = open_session(customer=alice.id)
    stripe_sandbox.pay(session, email="")
    assert v1.checkout.sessions.retrieve(session.id).customer == alice.id
    assert len(v1.customers.list().data) == 1


@pytest.mark.parametrize("card", ["pm_card_chargeDeclined", "pm_card_chargeCustomerFail"])
def test_a_declined_card_leaves_the_page_open(stripe_sandbox, v1, session, card):
    page = stripe_sandbox.pay(session, card)
    assert page.status == 422
    assert "Your card was declined." in page.text
    nothing_happened(v1, session)
    assert stripe_sandbox.pay(session).status == 303


def test_a_declined_card_leaves_a_failed_charge(stripe_sandbox, v1, open_session, alice, inbox):
    session = open_session(customer=alice.id)
    stripe_sandbox.pay(session, "pm_card_chargeDeclinedInsufficientFunds")
    stripe_sandbox.pay(session, "pm_card_chargeCustomerFail")
    charges = v1.charges.list({"customer": alice.id}).data
    assert [(one.status, one.amount, one.failure_code) for one in charges] == [
        ("failed", 1900, "card_declined")
    ] * 2
    [intent] = v1.payment_intents.list({"customer": alice.id}).data
    assert (intent.status, intent.latest_charge) == ("requires_payment_method", charges[0].id)
    assert intent.last_payment_error.decline_code == "generic_decline"
    assert stripe_sandbox.pay(session).status == 303
    assert v1.payment_intents.retrieve(intent.id).status == "canceled"
    stripe_sandbox.deliver_now()
    told = [json.loads(body)["type"] for body, _ in inbox]
    assert told.count("charge.failed") == told.count("payment_intent.payment_failed") == 2


def test_a_real_card_number_is_not_taken(stripe_sandbox, v1, session):
    page = stripe_sandbox.pay(session, number="4929 1234 5678 9012", expiry="12 / 34")
    assert page.status == 422
    assert "not one of Stripe&#39;s test cards" in page.text
    nothing_happened(v1, session)


def test_a_test_cards_number_can_be_typed(stripe_sandbox, v1, session):
    stripe_sandbox.pay(session, number="5555 5555 5555 4444", expiry="12 / 34")
    method = v1.payment_methods.list({"customer": v1.checkout.sessions.retrieve(session.id).customer}).data[0]
    assert (method.card.brand, method.card.exp_year) == ("mastercard", 2034)


def test_a_bank_may_ask_first(stripe_sandbox, v1, session):
    refused = stripe_sandbox.pay(session, "pm_card_authenticationRequiredOnSetup", authenticate=False)
    assert refused.status == 422
    nothing_happened(v1, session)
    assert stripe_sandbox.pay(session, "pm_card_authenticationRequiredOnSetup").status == 303
    renewed = v1.subscriptions.list().data[0]
    stripe_sandbox.advance_to(renewed["items"].data[0].current_period_end + 7200)
    assert v1.subscriptions.retrieve(renewed.id).status == "active"


def test_a_card_may_work_only_once(stripe_sandbox, v1, session):
    assert stripe_sandbox.pay(session, "sandbox_worksOnce").status == 303
    made = v1.subscriptions.list().data[0]
    stripe_sandbox.advance_to(made["items"].data[0].current_period_end + 7200)
    assert v1.subscriptions.retrieve(made.id).status == "past_due"


def test_paying_twice_pays_once(stripe_sandbox, v1, session):
    stripe_sandbox.pay(session)
    again = stripe_sandbox.pay(session)
    assert "You have paid" in again.text
    assert len(v1.subscriptions.list().data) == 1


def test_two_tabs_pay_once(stripe_sandbox, v1, session):
    with ThreadPoolExecutor(8) as tabs:
        answers = list(tabs.map(lambda _: stripe_sandbox.pay(session).status, range(8)))
    assert sorted(answers) == [200] * 7 + [303]
    assert len(v1.subscriptions.list().data) == 1
    assert len(v1.charges.list().data) == 1


@pytest.mark.parametrize(
    ("card", "told", "status"),
    [
        ("pm_usBankAccount_success", "checkout.session.async_payment_succeeded", "active"),
        ("pm_usBankAccount_insufficientFunds", "checkout.session.async_payment_failed", "past_due"),
    ],
)
def test_money_may_come_late(stripe_sandbox, v1, session, card, told, status):
    stripe_sandbox.pay(session, card)
    held = v1.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    assert (held.status, held.payment_status, held.invoice.status) == ("complete", "unpaid", "open")
    with pytest.raises(stripe.InvalidRequestError, match="processing"):
        v1.invoices.pay(held.invoice.id)
    stripe_sandbox.advance("5d")
    assert len(v1.events.list({"type": told}).data) == 1
    assert v1.subscriptions.retrieve(held.subscription).status == status


def test_an_abandoned_session_expires(stripe_sandbox, v1, session):
    stripe_sandbox.advance("24h")
    assert v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert "expired" in stripe_sandbox.pay(session).text
    assert v1.events.list({"type": "checkout.session.expired"}).data
    assert v1.subscriptions.list({"status": "all"}).data == []


def test_a_session_can_be_closed_once(v1, session):
    assert v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        v1.checkout.sessions.expire(session.id)


def test_a_promotion_code_is_typed(stripe_sandbox, v1, session):
    coupon = v1.coupons.create({"percent_off": 50, "duration": "once"})
    code = v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF", "max_redemptions": 1}
    )
    path = f"/checkout/{session.id}"
    assert "This code is invalid." in stripe_sandbox.post(path, action="promotion", code="NONE").text
    stripe_sandbox.post(path, action="promotion", code="half")
    assert "$9.50" in stripe_sandbox.get(path).text
    assert v1.promotion_codes.retrieve(code.id).times_redeemed == 0
    stripe_sandbox.pay(session)
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["invoice", "line_items"]})
    assert (done.invoice.amount_paid, done.amount_total, done.total_details.amount_discount) == (
        950,
        950,
        950,
    )
    assert done.line_items.data[0].amount_total == 950
    assert not v1.promotion_codes.retrieve(code.id).active
    renewed = v1.subscriptions.retrieve(done.subscription)
    assert renewed.discounts == []
    stripe_sandbox.advance_to(renewed["items"].data[0].current_period_end + 7200)
    assert v1.invoices.list({"subscription": renewed.id}).data[0].amount_paid == 1900


def test_a_free_trial_takes_a_card_and_no_money(stripe_sandbox, v1, open_session):
    session = open_session(subscription_data={"trial_period_days": 7})
    assert session.amount_total == 0
    stripe_sandbox.pay(session)
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.subscription.status) == ("no_payment_required", "trialing")


def test_one_time_payments_can_be_checked_out(stripe_sandbox, v1, pro):
    once = v1.prices.create({"product": pro.product, "currency": "usd", "unit_amount": 50000})
    session = v1.checkout.sessions.create(
        {"mode": "payment", "line_items": [{"price": once.id, "quantity": 1}], "success_url": BACK}
    )
    assert stripe_sandbox.pay(session).status == 303
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (done.payment_status, done.payment_intent.amount_received) == ("paid", 50000)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ui_mode": "hosted"}, "must be one of"),
        ({"ui_mode": "embedded_page"}, "hosted_page"),
        ({"success_url": None}, "Missing required param: success_url"),
        ({"success_url": "javascript:alert(1)"}, "Not a valid URL"),
        ({"line_items": None}, "Missing required param: line_items"),
        ({"line_items": [{"price": "price_x", "quantity": 1}]}, "No such price"),
        ({"mode": "payment", "subscription_data": None}, "recurring price"),
        ({"customer": "cus_nobody"}, "No such customer"),
        ({"discounts": [{"coupon": "x"}]}, "only specify one"),
        ({"discounts": [{"coupon": "x"}], "allow_promotion_codes": None}, "No such coupon"),
        ({"expires_at": 5}, "at least 30 minutes"),
        ({"automatic_tax": {"enabled": True}}, "origin address"),
        ({"payment_intent_data": {"description": "x"}}, "in `subscription` mode"),
        ({"phone_number_collection": {"enabled": True}}, "unknown parameter"),
    ],
)
def test_a_crooked_session_is_refused(open_session, change, words):
    with pytest.raises(stripe.InvalidRequestError, match=words):
        open_session(**change)


def test_the_same_purchase_gets_the_same_page(v1, open_session, pro):
    wanted = {
        "mode": "subscription",
        "line_items": [{"price": pro.id, "quantity": 1}],
        "success_url": BACK,
    }
    first = v1.checkout.sessions.create(wanted, {"idempotency_key": "pur_1"})
    assert v1.checkout.sessions.create(wanted, {"idempotency_key": "pur_1"}).url == first.url


def test_a_form_from_another_site_is_refused(stripe_sandbox, v1, session):
    evil = {"Origin": "https://evil.example"}
    assert stripe_sandbox.post(session.url, evil, action="pay", email="a@b.co").status == 403
    nothing_happened(v1, session)
