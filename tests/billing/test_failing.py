"""Failing to pay: grace, reminders, access taken and given back, seconds refunded, drift healed."""

from datetime import timedelta

import pytest

from portal import billing, plans
from portal.billing.models import MirroredInvoice
from portal.kit.db import unit
from portal.kit.errors import Conflict
from portal.kit.money import Money
from portal.kit.period import calendar_month

DUNNING = (billing.PaymentFailed, billing.AccessEnded, billing.AccessRestored, billing.SubscriptionEnded)


@pytest.fixture
def failed(paying):
    """The card of Alice failed when her month was over."""
    paying.new_card("pm_card_chargeCustomerFail")
    paying.sandbox.advance("1 month")
    paying.sandbox.advance("2h")
    paying.refresh()
    return paying


def pass_days(shop, days):
    """Time passes, the worker does its duties."""
    shop.sandbox.advance(f"{days}d")
    with shop.database() as session, unit(session):
        plans.lapse(session, shop.now)
    shop.refresh()
    shop.remind()


def told(shop):
    return [(type(fact).__name__, getattr(fact, "day", None)) for fact in shop.told(*DUNNING)]


def test_a_failed_payment_leaves_access_for_the_days_of_grace(failed):
    bill, held = failed.bill(), failed.held()
    assert bill.status == "past_due" and held.plan == "api-pro"
    assert held.ends_at == bill.access_ends_at == bill.past_due_at + timedelta(days=3)
    assert bill.pay_url is not None
    assert told(failed) == [("PaymentFailed", 0)]


def test_then_it_is_taken_with_letters_on_day_3_5_and_7(failed):
    for days in (1, 2, 2, 2):
        pass_days(failed, days)
    assert failed.held().plan == "api-free"
    days = [day for name, day in told(failed) if name == "PaymentFailed"]
    assert days == [0, 3, 5, 7]
    assert [name for name, _ in told(failed)].count("AccessEnded") == 1


def test_paying_restores_at_once(failed):
    pass_days(failed, 4)
    assert failed.held().plan == "api-free"
    failed.new_card("pm_card_visa")
    failed.v1.invoices.pay(failed.invoices()[-1].id)
    failed.refresh()
    assert failed.held().plan == "api-pro" and failed.held().ends_at is None
    assert failed.bill().status == "active"
    assert told(failed)[-1] == ("AccessRestored", None)
    failed.refresh()
    assert [name for name, _ in told(failed)].count("AccessRestored") == 1


def test_a_new_card_pays_at_once_what_the_old_one_did_not(failed):
    pass_days(failed, 4)
    failed.new_card("pm_card_visa")
    failed.refresh()
    assert failed.held().plan == "api-pro" and failed.bill().status == "active"
    assert [one.status for one in failed.invoices()] == ["paid", "paid"]


def test_a_new_card_that_fails_too_is_asked_once(failed):
    pass_days(failed, 4)
    attempts = failed.invoices()[-1].attempt_count
    failed.new_card("pm_card_chargeCustomerFail")
    for _ in range(3):
        failed.refresh()
    assert failed.invoices()[-1].attempt_count == attempts + 1
    assert failed.held().plan == "api-free"


def test_paying_within_grace_is_as_if_nothing_had_been(failed):
    anchor = failed.held().anchor_at
    failed.new_card("pm_card_visa")
    failed.v1.invoices.pay(failed.invoices()[-1].id)
    failed.refresh()
    held = failed.held()
    assert (held.plan, held.ends_at, held.anchor_at) == ("api-pro", None, anchor)
    assert told(failed) == [("PaymentFailed", 0)]


def test_after_coming_back_the_months_count_as_before(failed):
    """The window of usage is the one that was left: paying late resets nothing."""
    anchor = failed.held().anchor_at
    pass_days(failed, 4)
    failed.new_card("pm_card_visa")
    failed.v1.invoices.pay(failed.invoices()[-1].id)
    failed.refresh()
    assert failed.held().anchor_at == anchor


def test_the_gate_holds_to_the_end_of_grace_by_itself(failed):
    ends_at = failed.held().ends_at
    with failed.database() as session:
        assert plans.current(session, failed.alice, now=ends_at - timedelta(seconds=1)).plan == "api-pro"
        assert plans.current(session, failed.alice, now=ends_at).plan == "api-free"


def test_a_customer_may_have_days_of_grace_of_its_own(failed):
    with failed.database() as session, unit(session):
        billing.set_grace(session, failed.alice, 14, actor=failed.actor, now=failed.now)
    failed.refresh()
    bill = failed.bill()
    assert failed.held().ends_at == bill.past_due_at + timedelta(days=14)
    with failed.database() as session, unit(session):
        billing.set_grace(session, failed.alice, 0, actor=failed.actor, now=failed.now)
    failed.refresh()
    assert failed.held().plan == "api-free"


def test_when_stripe_gives_up_the_subscription_ends_unpaid(failed):
    for _ in range(40):
        pass_days(failed, 1)
    assert failed.bill() is None and failed.held().plan == "api-free"
    [ended] = failed.told(billing.SubscriptionEnded)
    assert ended.unpaid is True


def test_a_subscription_that_is_left_unpaid_gives_nothing(failed):
    failed.sandbox.setting("after_retries", "unpaid")
    for _ in range(40):
        pass_days(failed, 1)
    assert failed.bill().status == "unpaid" and failed.held().plan == "api-free"
    with pytest.raises(Conflict, match="pay the open invoice"):
        failed.checkout()


def agree(shop, days):
    with shop.database() as session, unit(session):
        billing.set_grace(session, shop.alice, days, actor=shop.actor, now=shop.now)
    shop.refresh()


def test_grace_that_is_longer_than_stripe_tries_ends_when_stripe_ends_it(failed):
    agree(failed, 60)
    pass_days(failed, 13)
    assert failed.held().plan == "api-pro"
    pass_days(failed, 2)
    assert failed.bill() is None and failed.held().plan == "api-free"
    assert [name for name, _ in told(failed) if name != "PaymentFailed"] == ["SubscriptionEnded"]


def test_where_stripe_leaves_it_past_due_a_long_grace_holds_to_its_end(failed):
    failed.sandbox.setting("after_retries", "past_due")
    agree(failed, 60)
    pass_days(failed, 59)
    assert failed.held().plan == "api-pro" and failed.bill().status == "past_due"
    pass_days(failed, 1)
    assert failed.held().plan == "api-free"
    assert [name for name, _ in told(failed) if name != "PaymentFailed"] == ["AccessEnded"]


def test_while_it_is_unpaid_it_is_neither_bought_again_nor_changed(failed):
    with pytest.raises(Conflict, match="waits for a payment"):
        failed.checkout()
    with pytest.raises(Conflict, match="waits for a payment"):
        failed.preview()


def test_each_payment_is_told_of_once(paying):
    for _ in range(3):
        paying.sandbox.advance("1 month")
        paying.sandbox.advance("2h")
        paying.refresh()
        paying.refresh()
    facts = paying.told(billing.InvoicePaid)
    assert len(facts) == len({fact.invoice_id for fact in facts}) == 4


def second_subscription(shop):
    """What must not be: made past us, in the same line."""
    [first] = shop.subscriptions()
    shop.sandbox.advance("1m")
    return shop.v1.subscriptions.create(
        {
            "customer": shop.customer.id,
            "items": [{"price": first["items"].data[0].price.id}],
            "default_payment_method": first.default_payment_method,
        }
    )


def test_a_second_subscription_in_one_line_is_ended_refunded_and_told(paying):
    second = second_subscription(paying)
    assert second.status == "active"
    paying.refresh()
    first, second = paying.subscriptions()
    assert (first.status, second.status) == ("active", "canceled")
    assert [one.amount for one in paying.v1.refunds.list().data] == [1900]
    [fact] = paying.told(billing.SecondSubscriptionEnded)
    assert (fact.subscription_id, fact.refunded, fact.currency) == (second.id, 1900, "usd")
    assert paying.held().plan == "api-pro" and paying.bill().subscription_id == first.id
    for _ in range(3):
        paying.refresh()
    assert len(paying.v1.refunds.list().data) == 1
    assert len(paying.told(billing.SecondSubscriptionEnded)) == 1
    assert paying.told(billing.SubscriptionEnded) == []
    with paying.database() as session:
        [trouble] = billing.troubles(session, paying.payments).rows
        assert (trouble.kind, trouble.amount, trouble.account_id) == ("refund", Money(1900), paying.alice)


class Breaking:
    """A gateway during which the process dies, once."""

    def __init__(self, stripe, verb):
        self._stripe, self._verb, self.broken = stripe, verb, False

    def __getattr__(self, name):
        if name == self._verb and not self.broken:
            self.broken = True
            raise RuntimeError("the process died")
        return getattr(self._stripe, name)


@pytest.mark.parametrize("verb", ["give_back", "end_now"])
def test_a_crash_while_a_second_is_put_right_is_recovered_from(paying, verb):
    second_subscription(paying)
    paying.stripe = Breaking(paying.stripe, verb)
    with pytest.raises(RuntimeError):
        paying.refresh()
    paying.refresh()
    assert [one.status for one in paying.subscriptions()] == ["active", "canceled"]
    assert [one.amount for one in paying.v1.refunds.list().data] == [1900]
    assert len(paying.told(billing.SecondSubscriptionEnded)) == 1


class Unwilling:
    """A Stripe that gives nothing back, for want of money of ours."""

    def __init__(self, stripe):
        self._stripe = stripe

    def __getattr__(self, name):
        return getattr(self._stripe, name)

    def give_back(self, *arguments, **options):
        raise billing.Refused("There is not enough money.")


def test_a_second_whose_payment_cannot_be_given_back_is_ended_and_stays_in_view(paying):
    second_subscription(paying)
    real, paying.stripe = paying.stripe, Unwilling(paying.stripe)
    paying.refresh()
    assert [one.status for one in paying.subscriptions()] == ["active", "canceled"]
    assert paying.told(billing.SecondSubscriptionEnded) == []
    with paying.database() as session:
        [problem] = [one for one in billing.drifts(session).rows if one.healed_at is None]
    assert "could not be given back" in problem.what
    paying.stripe = real
    paying.sweep()
    [fact] = paying.told(billing.SecondSubscriptionEnded)
    assert fact.refunded == 1900
    with paying.database() as session:
        assert [one for one in billing.drifts(session).rows if one.healed_at is None] == []


def test_a_second_whose_payment_the_bank_takes_back_is_ended(paying):
    paying.new_card("pm_card_createDispute")
    second_subscription(paying)
    paying.refresh()
    assert [one.status for one in paying.subscriptions()] == ["active", "canceled"]
    [fact] = paying.told(billing.SecondSubscriptionEnded)
    assert fact.refunded == 0 and paying.v1.refunds.list().data == []


def test_the_event_of_a_second_is_not_done_with_before_it_is_put_right(paying):
    received = []
    paying.sandbox.deliver_to(lambda body, headers: received.append((body, headers)) or 200)
    second_subscription(paying)
    paying.sandbox.deliver_now()
    with paying.database() as session, unit(session):
        for body, headers in received:
            billing.store_event(session, paying.payments, body, headers["Stripe-Signature"], now=paying.now)
    [one, *_] = paying.rows(billing.WebhookEvent)
    billing.think(paying.database, Breaking(paying.stripe, "end_now"), one.id, now=paying.now)
    paying.sandbox.advance("10m")
    assert billing.retry_events(paying.database, paying.stripe, now=paying.now) == [paying.alice]
    assert [one.status for one in paying.subscriptions()] == ["active", "canceled"]
    assert all(row.processed_at for row in paying.rows(billing.WebhookEvent))


def test_disputes_are_seen(shop):
    shop.buy(card="pm_card_createDispute")
    shop.sandbox.advance("1h")
    shop.refresh()
    with shop.database() as session:
        [trouble] = billing.troubles(session, shop.payments).rows
        assert (trouble.kind, trouble.amount) == ("dispute", Money(1900))
    assert [fact.trouble_id for fact in shop.told(billing.Disputed)] == [trouble.id]


def test_the_sweep_heals_what_no_webhook_told_and_notes_it(paying):
    [found] = paying.subscriptions()
    paying.v1.subscriptions.cancel(found.id)
    assert paying.held().plan == "api-pro"
    assert paying.sweep() == [paying.alice]
    assert paying.held().plan == "api-free"
    with paying.database() as session:
        drifts = [one.what for one in billing.drifts(session).rows]
    assert any("is canceled, was active" in what for what in drifts)
    assert paying.sweep() == []


def test_access_that_no_payment_of_this_mode_stands_for_is_taken_back(shop):
    with shop.database() as session, unit(session):
        plan = plans.catalogue(session).plan("api-pro")
        plans.hold(session, shop.alice, plan, shop.now, anchor_at=shop.now)
    assert shop.sweep() == [shop.alice]
    assert shop.held().plan == "api-free"


def test_invoices_that_were_paid_count_as_revenue_in_their_month(paying):
    paying.sandbox.advance("1 month")
    paying.sandbox.advance("2h")
    paying.refresh()
    with paying.database() as session:
        earned = billing.earned(session, paying.payments, since=paying.now - timedelta(days=90))
        recurring = billing.recurring(session, paying.payments)
    assert sum(one.amount.amount for one in earned) == 3800
    assert {(one.line, one.plan) for one in earned} == {("api", "api-pro")}
    assert [(one.plan, one.subscriptions, one.monthly) for one in recurring] == [("api-pro", 1, Money(1900))]


def test_a_card_that_ends_soon_is_told_of_once(shop):
    ends = calendar_month(shop.now)[1]  # the first of the month that it ends with
    shop.sandbox.pay(shop.checkout().stripe_session_id, expiry=f"{ends:%m / %y}")
    shop.refresh()
    card = shop.overview().card
    shop.sandbox.advance_to(int(ends.timestamp()))
    for _ in range(2):
        shop.remind()
    [fact] = shop.told(billing.CardExpiring)
    assert (fact.last4, fact.exp_month, fact.exp_year) == (card.last4, card.exp_month, card.exp_year)


def test_the_mirror_has_every_invoice(paying):
    assert {row.id for row in paying.rows(MirroredInvoice)} == {one.id for one in paying.invoices()}
