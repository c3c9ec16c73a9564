"""Cards: each test card does what Stripe says it does."""

import pytest
import stripe


@pytest.fixture
def nobody(v1):
    return v1.customers.create({"email": "nobody@example.com"})


def pay(v1, customer, card, **more):
    wanted = {
        "amount": 2000,
        "currency": "usd",
        "customer": customer,
        "payment_method": card,
        "confirm": True,
    }
    return v1.payment_intents.create({**wanted, **more})


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_visa_debit"])
def test_a_good_card_pays(v1, card):
    paid = v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "usd",
            "payment_method": card,
            "confirm": True,
            "expand": ["latest_charge"],
        }
    )
    assert paid.status == "succeeded"
    assert paid.latest_charge.paid


@pytest.mark.parametrize(
    ("card", "code", "decline"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_a_bad_card_is_declined_and_cannot_be_kept(v1, nobody, card, code, decline):
    with pytest.raises(stripe.CardError) as declined:
        v1.payment_intents.create(
            {"amount": 2000, "currency": "usd", "payment_method": card, "confirm": True}
        )
    assert (declined.value.code, declined.value.error.decline_code) == (code, decline)
    assert declined.value.http_status == 402
    intent = v1.payment_intents.list().data[0]
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.decline_code == decline
    with pytest.raises(stripe.CardError):
        v1.payment_methods.attach(card, {"customer": nobody.id})


def test_one_card_can_be_kept_and_is_declined_later(v1, nobody):
    kept = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": nobody.id})
    with pytest.raises(stripe.CardError):
        pay(v1, nobody.id, kept.id)


def test_a_bank_that_asks_is_answered_on_its_page(stripe_sandbox, v1, nobody):
    intent = pay(v1, nobody.id, "pm_card_threeDSecure2Required")
    assert intent.status == "requires_action"
    assert "Complete authentication" in stripe_sandbox.get(intent.next_action.redirect_to_url.url).text
    stripe_sandbox.post(intent.next_action.redirect_to_url.url, action="authenticated")
    assert v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_bank_that_asks_declines_when_nobody_is_there(v1, nobody):
    with pytest.raises(stripe.CardError) as declined:
        pay(v1, nobody.id, "pm_card_authenticationRequired", off_session=True)
    assert declined.value.code == "authentication_required"


def test_a_failed_authentication_pays_nothing(stripe_sandbox, v1, nobody):
    intent = pay(v1, nobody.id, "pm_card_threeDSecure2Required")
    stripe_sandbox.post(intent.next_action.redirect_to_url.url, action="authentication-failed")
    assert v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_a_card_set_up_with_its_owner_present_pays_without_them(stripe_sandbox, v1, nobody):
    card = v1.payment_methods.create({"type": "card", "card": {"token": "tok_authenticationRequiredOnSetup"}})
    setup = v1.setup_intents.create({"customer": nobody.id, "payment_method": card.id, "confirm": True})
    assert setup.status == "requires_action"
    stripe_sandbox.post(setup.next_action.redirect_to_url.url, action="authenticated")
    assert v1.setup_intents.retrieve(setup.id).status == "succeeded"
    assert pay(v1, nobody.id, card.id, off_session=True).status == "succeeded"


def test_a_card_expires(stripe_sandbox, v1, alice):
    card = v1.payment_methods.list({"customer": alice.id}).data[0]
    soon = v1.payment_methods.update(card.id, {"card": {"exp_month": 1, "exp_year": card.card.exp_year + 1}})
    assert soon.card.exp_month == 1
    stripe_sandbox.advance("3 years")
    with pytest.raises(stripe.CardError) as declined:
        pay(v1, alice.id, card.id)
    assert declined.value.code == "expired_card"


def test_a_card_belongs_to_one_customer(v1, alice, nobody):
    card = v1.payment_methods.list({"customer": alice.id}).data[0]
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        v1.payment_methods.attach(card.id, {"customer": nobody.id})
    with pytest.raises(stripe.InvalidRequestError, match="belongs to another Customer"):
        pay(v1, nobody.id, card.id)
    v1.payment_methods.detach(card.id)
    assert v1.customers.retrieve(alice.id).invoice_settings.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        v1.payment_methods.attach(card.id, {"customer": alice.id})


def test_card_numbers_are_not_taken_by_the_api(v1):
    card = {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030}
    with pytest.raises(stripe.CardError, match="generally unsafe"):
        v1.payment_methods.create({"type": "card", "card": card})


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("payment_intents", {"amount": 100, "currency": "usd"}),
        ("setup_intents", {}),
        ("checkout.sessions", {"success_url": "http://127.0.0.1/"}),
    ],
)
def test_payment_method_types_are_gone(v1, call, wanted):
    service = v1
    for name in call.split("."):
        service = getattr(service, name)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        service.create({**wanted, "payment_method_types": ["card"]})
    assert refused.value.code == "payment_method_types_no_longer_supported"


def test_too_little_is_not_charged(v1):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.payment_intents.create({"amount": 49, "currency": "usd"})
    assert refused.value.code == "amount_too_small"
