"""Invoices, refunds, disputes and credit notes."""

import pytest
import stripe


@pytest.fixture
def paid(v1, alice, pro):
    """An invoice of $19 that Alice paid."""
    made = v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})
    return v1.invoices.retrieve(made.latest_invoice, {"expand": ["payments"]})


@pytest.fixture
def intent(paid):
    return paid.payments.data[0].payment.payment_intent


def test_an_invoice_by_hand(v1, alice):
    draft = v1.invoices.create({"customer": alice.id, "description": "Custom deployment"})
    assert (draft.status, draft.auto_advance) == ("draft", False)
    v1.invoice_items.create(
        {"customer": alice.id, "invoice": draft.id, "amount": 50000, "currency": "usd", "description": "Work"}
    )
    final = v1.invoices.finalize_invoice(draft.id)
    assert (final.status, final.amount_due) == ("open", 50000)
    assert final.hosted_invoice_url
    with pytest.raises(stripe.InvalidRequestError, match="already finalized"):
        v1.invoices.finalize_invoice(draft.id)
    assert v1.invoices.pay(draft.id).status == "paid"
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        v1.invoices.pay(draft.id)


def test_what_waits_comes_onto_the_next_invoice_when_asked(v1, alice):
    v1.invoice_items.create({"customer": alice.id, "amount": 300, "currency": "usd"})
    v1.invoice_items.create({"customer": alice.id, "amount": -100, "currency": "usd"})
    draft = v1.invoices.create({"customer": alice.id, "pending_invoice_items_behavior": "include"})
    assert draft.total == 200
    assert v1.invoice_items.list({"customer": alice.id, "pending": True}).data == []


def test_an_open_invoice_can_be_voided_or_given_up(v1, alice):
    for verb, status in (
        (v1.invoices.void_invoice, "void"),
        (v1.invoices.mark_uncollectible, "uncollectible"),
    ):
        draft = v1.invoices.create({"customer": alice.id})
        v1.invoice_items.create({"customer": alice.id, "invoice": draft.id, "amount": 500, "currency": "usd"})
        v1.invoices.finalize_invoice(draft.id)
        assert verb(draft.id).status == status
        with pytest.raises(stripe.InvalidRequestError):
            v1.invoices.pay(draft.id)


def test_a_paid_invoice_cannot_be_voided(v1, paid):
    with pytest.raises(stripe.InvalidRequestError):
        v1.invoices.void_invoice(paid.id)


def test_credit_pays_first(v1, alice, pro):
    v1.customers.balance_transactions.create(alice.id, {"amount": -500, "currency": "usd"})
    made = v1.subscriptions.create(
        {"customer": alice.id, "items": [{"price": pro.id}], "expand": ["latest_invoice"]}
    )
    invoice = made.latest_invoice
    assert (invoice.starting_balance, invoice.ending_balance) == (-500, 0)
    assert (invoice.total, invoice.amount_due, invoice.amount_paid) == (1900, 1400, 1400)
    assert v1.customers.retrieve(alice.id).balance == 0


def test_too_little_to_charge_is_owed(v1, alice):
    draft = v1.invoices.create({"customer": alice.id})
    v1.invoice_items.create({"customer": alice.id, "invoice": draft.id, "amount": 40, "currency": "usd"})
    final = v1.invoices.finalize_invoice(draft.id)
    assert (final.status, final.amount_due) == ("paid", 0)
    assert v1.customers.retrieve(alice.id).balance == 40


def test_a_repeating_discount_lasts_as_long_as_it_says(stripe_sandbox, v1, alice, pro):
    coupon = v1.coupons.create({"percent_off": 20, "duration": "repeating", "duration_in_months": 2})
    made = v1.subscriptions.create(
        {"customer": alice.id, "items": [{"price": pro.id}], "discounts": [{"coupon": coupon.id}]}
    )
    totals = [v1.invoices.retrieve(made.latest_invoice).total]
    for _ in range(3):
        stripe_sandbox.advance_to(
            v1.subscriptions.retrieve(made.id)["items"].data[0].current_period_end + 7200
        )
        totals.append(v1.invoices.list({"subscription": made.id}).data[0].total)
    assert totals == [1520, 1520, 1900, 1900]


def test_an_amount_off_is_shared_out_to_the_cent(v1, alice, pro):
    coupon = v1.coupons.create({"amount_off": 1000, "currency": "usd", "duration": "forever"})
    other = v1.prices.create(
        {"product": pro.product, "currency": "usd", "unit_amount": 1, "recurring": {"interval": "month"}}
    )
    made = v1.subscriptions.create(
        {
            "customer": alice.id,
            "items": [{"price": pro.id}, {"price": other.id, "quantity": 333}],
            "discounts": [{"coupon": coupon.id}],
            "expand": ["latest_invoice"],
        }
    )
    invoice = made.latest_invoice
    parts = [line.discount_amounts[0].amount for line in invoice.lines.data]
    assert sum(parts) == 1000
    assert invoice.total == 1900 + 333 - 1000


def test_a_code_for_first_orders_is_for_first_orders(v1, alice, paid, pro):
    coupon = v1.coupons.create({"percent_off": 10})
    code = v1.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": coupon.id},
            "restrictions": {"first_time_transaction": True},
        }
    )
    with pytest.raises(stripe.InvalidRequestError, match="prior transactions"):
        v1.subscriptions.create(
            {
                "customer": alice.id,
                "items": [{"price": pro.id}],
                "discounts": [{"promotion_code": code.id}],
            }
        )


def test_a_refund_gives_back_what_was_paid_once(v1, paid, intent):
    part = v1.refunds.create({"payment_intent": intent, "amount": 900, "reason": "duplicate"})
    assert (part.status, part.amount) == ("succeeded", 900)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        v1.refunds.create({"payment_intent": intent, "amount": 1001})
    assert v1.refunds.create({"payment_intent": intent}).amount == 1000
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.refunds.create({"payment_intent": intent})
    assert refused.value.code == "charge_already_refunded"
    charge = v1.charges.retrieve(part.charge, {"expand": ["refunds"]})
    assert charge.refunded
    assert len(charge.refunds.data) == 2
    assert v1.invoices.retrieve(paid.id).status == "paid"


def test_a_disputed_charge_cannot_be_refunded(stripe_sandbox, v1, paid, intent):
    charge = v1.payment_intents.retrieve(intent).latest_charge
    stripe_sandbox.post("/_sandbox/disputes", charge=charge, reason="fraudulent")
    dispute = v1.disputes.list({"charge": charge}).data[0]
    assert (dispute.status, dispute.amount) == ("needs_response", 1900)
    assert v1.charges.retrieve(charge).disputed
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.refunds.create({"charge": charge})
    assert refused.value.code == "charge_disputed"
    stripe_sandbox.post("/_sandbox/disputes", dispute=dispute.id, status="won")
    assert v1.disputes.retrieve(dispute.id).status == "won"
    types = [one.type for one in v1.events.list({"types": ["charge.dispute.*"]}).data]
    assert types[0] == "charge.dispute.closed"
    assert types[-1] == "charge.dispute.created"


def test_a_card_can_bring_its_dispute_along(v1, alice, pro):
    method = v1.payment_methods.attach("pm_card_createDispute", {"customer": alice.id})
    v1.subscriptions.create(
        {"customer": alice.id, "items": [{"price": pro.id}], "default_payment_method": method.id}
    )
    assert v1.disputes.list().data[0].reason == "fraudulent"


def test_a_credit_note_takes_off_a_part(v1, alice, paid):
    note = v1.credit_notes.create({"invoice": paid.id, "amount": 400, "refund_amount": 400})
    assert (note.total, note.type, note.number) == (400, "post_payment", f"{paid.number}-CN-01")
    assert v1.refunds.list().data[0].amount == 400
    with pytest.raises(stripe.InvalidRequestError, match="must equal"):
        v1.credit_notes.create({"invoice": paid.id, "amount": 400})
    v1.credit_notes.create({"invoice": paid.id, "amount": 1500, "credit_amount": 1500})
    assert v1.customers.retrieve(alice.id).balance == -1500
    with pytest.raises(stripe.InvalidRequestError, match="what is left"):
        v1.credit_notes.create({"invoice": paid.id, "amount": 1, "credit_amount": 1})


def test_invoices_are_found_by_what_they_are(v1, alice, paid):
    found = v1.invoices.list({"customer": alice.id, "status": "paid", "created": {"gte": paid.created}})
    assert [one.id for one in found.data] == [paid.id]
    assert v1.invoices.list({"status": "open"}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        v1.invoices.list({"customer": "cus_nobody"})
    assert v1.invoice_payments.list({"invoice": paid.id, "status": "paid"}).data[0].amount_paid == 1900
