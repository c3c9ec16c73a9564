"""Work sold once: one invoice, paid on its hosted page, and nothing else touched by it."""

import threading
from datetime import timedelta

import pytest

from portal import billing
from portal.billing.models import OneOff
from portal.kit.money import Money

AMOUNT = Money(80_000)


def ask(shop, one_off_id="quo_1", **more):
    billing.invoice_once(
        shop.database, shop.stripe, shop.alice, one_off_id, "Custom deployment", AMOUNT, now=shop.now, **more
    )


def withdraw(shop, one_off_id="quo_1"):
    billing.withdraw_once(shop.database, shop.stripe, one_off_id, now=shop.now)


def shown(shop, one_off_id="quo_1"):
    with shop.database() as session:
        return billing.one_off(session, one_off_id)


def test_it_is_one_open_invoice_with_its_own_page_and_charges_nothing_by_itself(shop):
    ask(shop)
    [invoice] = shop.invoices()
    assert (invoice.status, invoice.total, invoice.collection_method) == ("open", 80_000, "send_invoice")
    assert [line.description for line in invoice.lines.data] == ["Custom deployment"]
    assert invoice.due_date == shop.sandbox.now + 14 * 86_400
    found = shown(shop)
    assert (found.state, found.amount, found.url) == ("open", AMOUNT, invoice.hosted_invoice_url)
    assert found.due_at == shop.now + timedelta(days=14)
    shop.sandbox.advance("60d")
    shop.refresh()
    assert shown(shop).state == "open"


def test_asked_for_again_it_is_the_same(shop):
    for _ in range(3):
        ask(shop)
    assert len(shop.invoices()) == 1
    ask(shop, "quo_2")
    assert len(shop.invoices()) == 2


def test_asked_for_by_several_at_once_it_is_one(shop):
    outcomes = []

    def go():
        try:
            outcomes.append(ask(shop))
        except billing.StripeAway as away:  # another is at it at this moment: it is asked for again later
            outcomes.append(away)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ask(shop)
    [invoice] = shop.invoices()
    assert len(outcomes) == 4 and len(invoice.lines.data) == 1 and shown(shop).state == "open"


class Stopping:
    """Our gateway, whose process ends before the call of this name or, with `after`, right after it."""

    def __init__(self, stripe, name, *, after):
        self._stripe, self._name, self._after = stripe, name, after

    def __getattr__(self, name):
        found = getattr(self._stripe, name)
        if name != self._name:
            return found

        def stop(*arguments, **options):
            if self._after:
                found(*arguments, **options)
            raise Stopped

        return stop


class Stopped(Exception):
    pass


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", ["open_customer", "picture"])
def test_begun_by_a_process_that_ends_it_is_one_all_the_same(shop, name, after):
    stopping = Stopping(shop.stripe, name, after=after)
    with pytest.raises(Stopped):
        billing.invoice_once(
            shop.database, stopping, shop.alice, "quo_1", "Custom deployment", AMOUNT, now=shop.now
        )
    ask(shop)
    assert len(shop.invoices()) == 1 and shown(shop).state == "open"


@pytest.mark.parametrize("lines", [0, 1])
def test_a_draft_that_was_left_days_ago_is_ended_and_not_written_again(shop, lines):
    shop.checkout()  # makes the customer
    marks = {"upkeep_one_off": "quo_1"}
    more = {"collection_method": "send_invoice", "days_until_due": 14, "currency": "usd"}
    draft = shop.v1.invoices.create({"customer": shop.customer.id, "metadata": marks, **more})
    for _ in range(lines):
        line = {"customer": shop.customer.id, "invoice": draft.id, "amount": 80_000, "currency": "usd"}
        shop.v1.invoice_items.create(line)
    shop.sandbox.advance("3d")
    ask(shop)
    [invoice] = shop.invoices()
    assert (invoice.id, invoice.status, invoice.total) == (draft.id, "open", 80_000)


def test_paid_on_its_page_it_is_paid_and_a_receipt_is_told_once(shop):
    ask(shop)
    page = shop.sandbox.post(shown(shop).url, action="pay", card="pm_card_visa")
    assert page.status == 303, page.text
    for _ in range(2):
        shop.refresh()
    found = shown(shop)
    assert (found.state, found.paid_at) == ("paid", shop.now)
    [fact] = shop.told(billing.InvoicePaid)
    with shop.database() as session:
        assert billing.one_off_of_invoice(session, shop.alice, fact.invoice_id).id == "quo_1"
        assert billing.one_off_of_invoice(session, "acc_other", fact.invoice_id) is None


def test_withdrawn_it_can_be_paid_no_more(shop):
    ask(shop)
    for _ in range(2):
        withdraw(shop)
    [invoice] = shop.invoices()
    assert (invoice.status, shown(shop).state) == ("void", "void")
    ask(shop)
    assert len(shop.invoices()) == 1 and shown(shop).state == "void"


def test_withdrawn_before_it_was_written_it_never_is(shop):
    with shop.database() as session, session.begin():
        session.add(
            OneOff(
                id="quo_1",
                account_id=shop.alice,
                text="x",
                amount=1,
                currency="usd",
                due_days=14,
                asked_at=shop.now,
            )
        )
    withdraw(shop)
    ask(shop)
    assert shop.v1.invoices.list().data == [] and shown(shop).state == "void"


def test_withdrawn_when_it_was_paid_a_moment_before_it_stays_paid(shop):
    ask(shop)
    shop.sandbox.post(shown(shop).url, action="pay", card="pm_card_visa")
    withdraw(shop)
    assert shown(shop).state == "paid"


def test_what_was_never_asked_for_is_nothing(shop):
    assert shown(shop) is None
    withdraw(shop)
    assert shown(shop) is None


def test_unpaid_for_weeks_it_touches_no_plan_and_reminds_nobody(paying):
    ask(paying)
    paying.sandbox.advance("20d")
    paying.refresh()
    assert paying.remind() == 0
    assert paying.held().plan == "api-pro" and paying.bill().past_due_at is None
    assert paying.told(billing.PaymentFailed, billing.AccessEnded) == []
    paying.sandbox.advance("1 month")
    paying.refresh()
    assert paying.held().plan == "api-pro" and shown(paying).state == "open"


def test_a_new_card_is_not_asked_for_it(paying):
    ask(paying)
    paying.sandbox.advance("20d")
    paying.new_card("pm_card_mastercard")
    paying.refresh()
    assert shown(paying).state == "open"


def test_what_stripe_refuses_is_kept_for_staff_and_not_asked_for_again(paying):
    in_euros = Money(80_000, "eur")  # the customer pays in dollars
    for _ in range(2):
        billing.invoice_once(
            paying.database,
            billing.Stripe(paying.payments),
            paying.alice,
            "quo_1",
            "Work",
            in_euros,
            now=paying.now,
        )
    found = shown(paying)
    assert found.state == "failed" and found.failure
