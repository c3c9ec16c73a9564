"""Checkout, from the session to the page to the subscription."""

import json

import pytest
import stripe


@pytest.fixture
def session(v1, pro):
    return v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "ui_mode": "hosted_page",
            "line_items": [{"price": pro.id, "quantity": 1}],
            "success_url": "http://127.0.0.1:8000/billing/return?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:8000/plans",
            "client_reference_id": "acc_1",
            "allow_promotion_codes": True,
            "subscription_data": {"metadata": {"account": "acc_1"}},
        }
    )


def test_paying_makes_an_active_subscription(stripe_sandbox, v1, session, inbox):
    page = stripe_sandbox.pay(session)
    assert page.status == 303
    assert page.location == f"http://127.0.0.1:8000/billing/return?session={session.id}"
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
    assert (done.status, done.payment_status) == ("complete", "paid")
    assert done.subscription.status == "active"
    assert done.subscription.metadata["account"] == "acc_1"
    assert done.invoice.status == "paid"
    assert done.invoice.amount_paid == 1900
    stripe_sandbox.deliver_now()
    types = [json.loads(body)["type"] for body, _ in inbox]
    assert "checkout.session.completed" in types
    assert "customer.subscription.created" in types
    for body, headers in inbox:
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], stripe_sandbox.secret)
