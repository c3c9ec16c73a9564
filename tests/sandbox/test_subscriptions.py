"""Subscriptions: how they begin, renew, fail and end."""

from datetime import UTC, datetime

import pytest
import stripe

DAY = 24 * 3600


def day(seconds):
    return f"{datetime.fromtimestamp(seconds, UTC):%m-%d}"


@pytest.fixture
def january(stripe_sandbox):
    """The next 31 January of a common year's run-up, at noon."""
    year = datetime.fromtimestamp(stripe_sandbox.now, UTC).year + 1
    while year % 4 == 0:
        year += 1
    stripe_sandbox.advance_to(int(datetime(year, 1, 31, 12, tzinfo=UTC).timestamp()))


@pytest.fixture
def subscription(v1, alice, pro):
    return v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})


def use(v1, customer, card):
    """The customer takes another card."""
    method = v1.payment_methods.attach(card, {"customer": customer.id})
    v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})


def item(subscription):
    return subscription["items"].data[0]


def test_it_begins_active_and_paid(v1, subscription):
    invoice = v1.invoices.retrieve(subscription.latest_invoice, {"expand": ["payments"]})
    assert subscription.status == "active"
    assert (invoice.status, invoice.billing_reason, invoice.amount_paid) == (
        "paid",
        "subscription_create",
        1900,
    )
    assert invoice.number.endswith("-0001")
    assert invoice.parent.subscription_details.subscription == subscription.id
    line = invoice.lines.data[0]
    assert line.description == "1 × API Pro (at $19.00 / month)"
    assert line.period.start == item(subscription).current_period_start
    assert line.period.end == item(subscription).current_period_end
    assert subscription.billing_mode.type == "flexible"


def test_periods_keep_the_anchors_day(stripe_sandbox, v1, january, alice, pro):
    made = v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})
    ends = []
    for _ in range(4):
        ends.append(item(v1.subscriptions.retrieve(made.id)).current_period_end)
        stripe_sandbox.advance_to(ends[-1])
    assert [day(end) for end in ends] == ["02-28", "03-31", "04-30", "05-31"]


def test_an_invoice_is_a_draft_for_an_hour_then_paid(stripe_sandbox, v1, subscription):
    end = item(subscription).current_period_end
    stripe_sandbox.advance_to(end)
    renewed = v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert renewed.status == "active"
    assert item(renewed).current_period_start == end
    invoice = renewed.latest_invoice
    assert (invoice.status, invoice.billing_reason) == ("draft", "subscription_cycle")
    assert invoice.created == end
    stripe_sandbox.advance("61m")
    paid = v1.invoices.retrieve(invoice.id)
    assert paid.status == "paid"
    assert paid.status_transitions.paid_at == end + 3600


def test_a_year_at_once_is_a_year_in_order(stripe_sandbox, v1, subscription):
    stripe_sandbox.advance("1 year")
    invoices = v1.invoices.list({"subscription": subscription.id, "limit": 100}).data
    assert len(invoices) == 13
    assert [one.created for one in invoices] == sorted((one.created for one in invoices), reverse=True)
    assert sum(one.amount_paid for one in invoices[1:]) == 12 * 1900
    events = v1.events.list({"limit": 100}).data
    assert [one.created for one in events] == sorted((one.created for one in events), reverse=True)


def test_without_a_card_it_does_not_begin(v1, pro):
    nobody = v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.subscriptions.create({"customer": nobody.id, "items": [{"price": pro.id}]})
    assert refused.value.code == "resource_missing"
    assert "no attached payment source" in str(refused.value)
    assert v1.subscriptions.list({"customer": nobody.id, "status": "all"}).data == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"items": [{"price": "price_nobody"}]}, "No such price"),
        ({"items": []}, "Missing required param"),
        ({"customer": "cus_nobody"}, "No such customer"),
        ({"trial_end": 5}, "must be in the future"),
        ({"trial_period_days": 3, "trial_end": "now"}, "only specify one"),
        ({"payment_behavior": "pending_if_incomplete"}, "when creating"),
        ({"proration_behavior": "always"}, "must be one of"),
        ({"plan": "pro"}, "unknown parameter"),
        ({"coupon": "HALF"}, "unknown parameter"),
        ({"billing_mode": {"type": "classic"}}, "must be flexible"),
        ({"billing_cycle_anchor": 4_000_000_000}, "next natural billing date"),
    ],
)
def test_a_crooked_one_is_refused(v1, alice, pro, change, words):
    with pytest.raises(stripe.InvalidRequestError, match=words):
        v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}], **change})


def test_prices_must_recur_be_active_and_agree(v1, alice, pro):
    once = v1.prices.create({"product": pro.product, "currency": "usd", "unit_amount": 5})
    euro = v1.prices.create(
        {"product": pro.product, "currency": "eur", "unit_amount": 5, "recurring": {"interval": "month"}}
    )
    for wanted, words in (
        ([{"price": once.id}], "type=one_time"),
        ([{"price": pro.id}, {"price": euro.id}], "same `currency`"),
        ([{"price": pro.id}, {"price": pro.id}], "multiple subscription items"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=words):
            v1.subscriptions.create({"customer": alice.id, "items": wanted})
    v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})
    with pytest.raises(stripe.InvalidRequestError, match="combine currencies"):
        v1.subscriptions.create({"customer": alice.id, "items": [{"price": euro.id}]})
    v1.prices.update(pro.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})


def test_a_first_payment_that_fails_leaves_it_incomplete_for_23_hours(stripe_sandbox, v1, alice, pro):
    use(v1, alice, "pm_card_chargeCustomerFail")
    made = v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})
    assert made.status == "incomplete"
    assert v1.invoices.retrieve(made.latest_invoice).status == "open"
    stripe_sandbox.advance("23h")
    assert v1.subscriptions.retrieve(made.id).status == "incomplete_expired"
    assert v1.invoices.retrieve(made.latest_invoice).status == "void"


def test_an_incomplete_one_begins_when_its_invoice_is_paid(v1, alice, pro):
    use(v1, alice, "pm_card_chargeCustomerFail")
    made = v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})
    use(v1, alice, "pm_card_visa")
    v1.invoices.pay(made.latest_invoice)
    assert v1.subscriptions.retrieve(made.id).status == "active"


def test_error_if_incomplete_leaves_nothing_behind(v1, alice, pro):
    for card, code in (
        ("pm_card_chargeCustomerFail", "card_declined"),
        ("pm_card_authenticationRequired", "subscription_payment_intent_requires_action"),
    ):
        use(v1, alice, card)
        with pytest.raises(stripe.CardError) as declined:
            v1.subscriptions.create(
                {
                    "customer": alice.id,
                    "items": [{"price": pro.id}],
                    "payment_behavior": "error_if_incomplete",
                }
            )
        assert declined.value.code == code
    assert v1.subscriptions.list({"customer": alice.id, "status": "all"}).data == []
    assert v1.invoices.list({"customer": alice.id}).data == []


def test_default_incomplete_waits_for_the_customer(v1, alice, pro):
    made = v1.subscriptions.create(
        {
            "customer": alice.id,
            "items": [{"price": pro.id}],
            "payment_behavior": "default_incomplete",
            "payment_settings": {"save_default_payment_method": "on_subscription"},
            "expand": ["latest_invoice.confirmation_secret"],
        }
    )
    assert made.status == "incomplete"
    intent = made.latest_invoice.confirmation_secret.client_secret.partition("_secret_")[0]
    v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"})
    after = v1.subscriptions.retrieve(made.id)
    assert after.status == "active"
    assert after.default_payment_method


def test_a_trial_costs_nothing_until_it_ends(stripe_sandbox, v1, pro):
    nobody = v1.customers.create({"email": "bob@example.com"})
    made = v1.subscriptions.create(
        {"customer": nobody.id, "items": [{"price": pro.id}], "trial_period_days": 14}
    )
    assert made.status == "trialing"
    assert made.billing_cycle_anchor == made.trial_end
    assert v1.invoices.retrieve(made.latest_invoice).amount_due == 0
    stripe_sandbox.advance("11d")
    assert [one.type for one in v1.events.list({"type": "customer.subscription.trial_will_end"}).data]
    stripe_sandbox.advance("3d")
    after = v1.subscriptions.retrieve(made.id)
    assert after.status == "active"
    stripe_sandbox.advance("2h")
    assert v1.subscriptions.retrieve(made.id).status == "past_due"


@pytest.mark.parametrize(("otherwise", "status"), [("cancel", "canceled"), ("pause", "paused")])
def test_a_trial_without_a_card_ends_as_it_was_agreed(stripe_sandbox, v1, pro, otherwise, status):
    nobody = v1.customers.create({})
    made = v1.subscriptions.create(
        {
            "customer": nobody.id,
            "items": [{"price": pro.id}],
            "trial_period_days": 1,
            "trial_settings": {"end_behavior": {"missing_payment_method": otherwise}},
        }
    )
    stripe_sandbox.advance("2d")
    assert v1.subscriptions.retrieve(made.id).status == status


def test_a_failed_renewal_is_tried_again_and_then_cancels(stripe_sandbox, v1, alice, subscription):
    use(v1, alice, "pm_card_chargeCustomerFail")
    end = item(subscription).current_period_end
    stripe_sandbox.advance_to(end + 2 * 3600)
    late = v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert late.status == "past_due"
    first = end + 3600
    tried, invoice = [], late.latest_invoice
    while invoice.next_payment_attempt:
        tried.append((invoice.next_payment_attempt - first) // DAY)
        stripe_sandbox.advance_to(invoice.next_payment_attempt)
        invoice = v1.invoices.retrieve(invoice.id)
        assert invoice.attempt_count == len(tried) + 1
    assert tried[:3] == [3, 5, 7]
    ended = v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
    assert v1.invoices.retrieve(invoice.id).status == "open"
    assert v1.customers.retrieve(alice.id).delinquent


def test_after_the_last_attempt_it_may_go_on_unpaid(stripe_sandbox, v1, alice, subscription):
    stripe_sandbox.setting("after_retries", "unpaid")
    use(v1, alice, "pm_card_chargeCustomerFail")
    stripe_sandbox.advance_to(item(subscription).current_period_end + 20 * DAY)
    late = v1.subscriptions.retrieve(subscription.id)
    assert late.status == "unpaid"
    stripe_sandbox.advance("1 month")
    draft = v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (draft.status, draft.auto_advance) == ("draft", False)
    use(v1, alice, "pm_card_visa")
    v1.invoices.pay(draft.id)
    assert v1.subscriptions.retrieve(subscription.id).status == "active"


def test_paying_makes_it_active_again(stripe_sandbox, v1, alice, subscription):
    use(v1, alice, "pm_card_chargeCustomerFail")
    stripe_sandbox.advance_to(item(subscription).current_period_end + 2 * 3600)
    late = v1.subscriptions.retrieve(subscription.id)
    with pytest.raises(stripe.CardError):
        v1.invoices.pay(late.latest_invoice)
    use(v1, alice, "pm_card_visa")
    stripe_sandbox.advance("3d")
    assert v1.invoices.retrieve(late.latest_invoice).status == "paid"
    assert v1.subscriptions.retrieve(subscription.id).status == "active"
    assert not v1.customers.retrieve(alice.id).delinquent


def test_it_can_be_cancelled_for_the_end_and_kept_after_all(stripe_sandbox, v1, subscription):
    end = item(subscription).current_period_end
    leaving = v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (leaving.cancel_at, leaving.cancel_at_period_end) == (end, True)
    assert leaving.cancellation_details.reason == "cancellation_requested"
    staying = v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert (staying.cancel_at, staying.canceled_at) == (None, None)
    v1.subscriptions.update(subscription.id, {"cancel_at": "min_period_end"})
    stripe_sandbox.advance_to(end)
    ended = v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", end)
    assert len(v1.invoices.list({"subscription": subscription.id}).data) == 1


def test_it_can_be_cancelled_now(v1, subscription):
    ended = v1.subscriptions.cancel(
        subscription.id, {"cancellation_details": {"feedback": "too_expensive", "comment": "Dear."}}
    )
    assert ended.status == "canceled"
    assert ended.cancellation_details.feedback == "too_expensive"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.subscriptions.cancel(subscription.id)
    assert refused.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError, match="canceled subscription"):
        v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_cancelling_now_with_credit_gives_back_what_is_left(stripe_sandbox, v1, alice, subscription):
    length = item(subscription).current_period_end - item(subscription).current_period_start
    stripe_sandbox.advance(length // 2)
    v1.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})
    balance = v1.customers.retrieve(alice.id).balance
    assert -951 <= balance <= -949


def test_lists_leave_out_the_ended_unless_asked(v1, alice, subscription):
    v1.subscriptions.cancel(subscription.id)
    assert v1.subscriptions.list({"customer": alice.id}).data == []
    for status in ("all", "ended", "canceled"):
        found = v1.subscriptions.list({"customer": alice.id, "status": status})
        assert [one.id for one in found.data] == [subscription.id]


def test_a_first_period_can_be_shorter(v1, alice, pro, stripe_sandbox):
    anchor = stripe_sandbox.now + 10 * DAY
    made = v1.subscriptions.create(
        {"customer": alice.id, "items": [{"price": pro.id}], "billing_cycle_anchor": anchor}
    )
    invoice = v1.invoices.retrieve(made.latest_invoice)
    assert item(made).current_period_end == anchor
    assert 600 <= invoice.total <= 700
    stripe_sandbox.advance_to(anchor + 2 * 3600)
    assert v1.invoices.list({"subscription": made.id}).data[0].total == 1900


def test_customers_test_clocks_are_the_one_clock(stripe_sandbox, v1):
    clock = v1.test_helpers.test_clocks.create({"frozen_time": stripe_sandbox.now, "name": "one"})
    later = stripe_sandbox.now + 40 * DAY
    v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": later})
    assert later <= stripe_sandbox.now <= later + 60
    with pytest.raises(stripe.InvalidRequestError, match="one clock"):
        v1.test_helpers.test_clocks.create({"frozen_time": later - 40 * DAY})
