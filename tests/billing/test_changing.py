"""Changing, cancelling and coming back: as shown, to the cent, and never twice."""

from datetime import timedelta

import pytest

from portal import billing
from portal.kit.errors import Conflict
from portal.kit.money import Money


def test_a_change_to_the_year_is_charged_as_it_was_shown(paying):
    paying.sandbox.advance("10d")
    shown = paying.preview(interval="year")
    assert (shown.when, shown.before_interval, shown.interval) == ("now", "month", "year")
    assert 0 < shown.due_now.amount < 19_000
    assert sum(line.amount.amount for line in shown.lines) == shown.due_now.amount
    assert shown.due_then == Money(19_000)
    assert shown.renews_at > shown.at + timedelta(days=330)
    paying.do(billing.change, None, "api-pro", "year", at=shown.at, due_now=shown.due_now, actor=paying.actor)
    assert paying.invoices()[-1].amount_paid == shown.due_now.amount
    bill = paying.bill()
    assert (bill.interval, bill.price) == ("year", Money(19_000))
    assert bill.renews_at == shown.renews_at


def test_usage_is_not_reset_by_a_change_of_the_interval(paying):
    anchor = paying.held().anchor_at
    paying.sandbox.advance("10d")
    paying.change(interval="year")
    assert paying.held().anchor_at == anchor


def test_an_upgrade_holds_at_once_and_costs_the_difference(wider):
    wider.sandbox.advance("15d")
    shown = wider.change("api-team", "month")
    assert wider.held().plan == "api-team"
    assert 0 < shown.due_now.amount <= 1600
    assert wider.invoices()[-1].amount_paid == shown.due_now.amount
    assert [(fact.before, fact.after) for fact in wider.told(billing.SubscriptionChanged)] == [
        ("api-pro", "api-team")
    ]


def test_a_downgrade_holds_when_the_paid_month_is_over(wider):
    wider.change("api-team", "month")
    paid = len(wider.invoices())
    shown = wider.change("api-pro", "month")
    bill = wider.bill()
    assert (shown.when, shown.due_now, shown.due_then) == ("later", Money(0), Money(1900))
    assert (bill.plan, bill.next_plan, bill.next_name) == ("api-team", "api-pro", "API Pro")
    assert bill.next_at == shown.holds_at == bill.renews_at
    assert wider.held().plan == "api-team" and len(wider.invoices()) == paid
    wider.sandbox.advance("1 month")
    wider.sandbox.advance("2h")
    wider.refresh()
    assert wider.held().plan == "api-pro"
    assert wider.bill().next_plan is None
    assert wider.invoices()[-1].amount_paid == 1900


def test_a_discount_for_ever_outlives_a_change_to_less(wider):
    """Stripe's phases have the discounts that they name, and none of the subscription's own."""
    wider.change("api-team", "month")
    [subscription] = wider.subscriptions()
    coupon = wider.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    wider.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": coupon.id}]})
    for _ in range(2):  # the second one finds a schedule
        wider.change("api-pro", "month")
        wider.resume()
        wider.change("api-pro", "month")
    wider.sandbox.advance("1 month")
    wider.sandbox.advance("2h")
    wider.refresh()
    assert wider.held().plan == "api-pro"
    assert wider.invoices()[-1].amount_paid == 950


def test_from_the_year_to_the_month_holds_when_the_year_is_over(paying):
    paying.change(interval="year")
    paying.change(interval="month")
    bill = paying.bill()
    assert (bill.interval, bill.next_interval) == ("year", "month")
    paying.sandbox.advance("1 year")
    paying.sandbox.advance("2h")
    paying.refresh()
    assert paying.bill().interval == "month"


def test_a_change_for_later_can_be_undone(wider):
    wider.change("api-team", "month")
    wider.change("api-pro", "month")
    wider.resume()
    assert wider.bill().next_plan is None
    wider.sandbox.advance("1 month")
    wider.sandbox.advance("2h")
    wider.refresh()
    assert wider.held().plan == "api-team"


def test_an_upgrade_after_a_planned_downgrade_holds_at_once(wider):
    wider.change("api-team", "month")
    wider.change("api-pro", "month")
    wider.change("api-team", "year")
    bill = wider.bill()
    assert (bill.plan, bill.interval, bill.next_plan) == ("api-team", "year", None)


def test_a_declined_upgrade_changes_and_charges_nothing(wider):
    wider.new_card("pm_card_chargeCustomerFail")
    before = [(one.id, one.status) for one in wider.invoices()]
    with pytest.raises(billing.Declined, match="Nothing was changed"):
        wider.change("api-team", "month")
    assert wider.held().plan == "api-pro" and wider.bill().status == "active"
    assert [(one.id, one.status) for one in wider.invoices() if one.status == "paid"] == before
    [failed] = wider.purchases("change")
    assert failed.failed_at is not None
    wider.new_card("pm_card_visa")
    wider.change("api-team", "month")
    assert wider.held().plan == "api-team"


def test_another_amount_than_was_shown_is_refused(paying):
    with pytest.raises(Conflict, match="look at it again"):
        paying.change(interval="year", due_now=Money(1))
    assert paying.bill().interval == "month" and len(paying.invoices()) == 1


def test_a_preview_of_long_ago_is_shown_again(paying):
    shown = paying.preview()
    paying.sandbox.advance("3h")
    with pytest.raises(Conflict, match="look at it again"):
        paying.do(
            billing.change, None, "api-pro", "year", at=shown.at, due_now=shown.due_now, actor=paying.actor
        )


def test_a_double_click_changes_once(paying):
    shown = paying.preview()
    asked = {"at": shown.at, "due_now": shown.due_now, "actor": paying.actor}
    paying.do(billing.change, None, "api-pro", "year", **asked)
    with pytest.raises(Conflict, match="have API Pro already"):
        paying.do(billing.change, None, "api-pro", "year", **asked)
    assert len(paying.invoices()) == 2


def test_who_pays_for_nothing_has_nothing_to_change(shop):
    for verb in (shop.preview, shop.cancel, shop.resume):
        with pytest.raises(Conflict):
            verb()


def test_a_cancelled_plan_holds_until_the_paid_month_is_over(paying):
    ends_at = paying.cancel()
    assert paying.bill().ends_at == paying.held().ends_at == ends_at
    assert paying.cancel() == ends_at
    paying.sandbox.advance("1 month")
    paying.sandbox.advance("1h")
    paying.refresh()
    assert paying.held().plan == "api-free" and paying.bill() is None
    assert len(paying.invoices()) == 1
    assert [
        type(fact).__name__ for fact in paying.told(billing.CancellationScheduled, billing.SubscriptionEnded)
    ] == [
        "CancellationScheduled",
        "SubscriptionEnded",
    ]
    assert paying.told(billing.SubscriptionEnded)[0].unpaid is False


def test_a_cancellation_can_be_undone(paying):
    paying.cancel()
    paying.resume()
    assert paying.bill().ends_at is None and paying.held().ends_at is None
    paying.sandbox.advance("1 month")
    paying.sandbox.advance("2h")
    paying.refresh()
    assert paying.held().plan == "api-pro" and len(paying.invoices()) == 2
    with pytest.raises(Conflict, match="nothing to undo"):
        paying.resume()


@pytest.mark.parametrize(
    ("set_by", "taken_back_by"),
    [
        ({"cancel_at_period_end": True}, "cancel_at_period_end=false"),
        ({"cancel_at": "max_period_end"}, "cancel_at="),
    ],
)
def test_a_cancellation_made_at_stripe_is_undone_by_what_it_set(paying, set_by, taken_back_by):
    """Stripe's portal names a moment for the end, where others have it come with the period."""
    [subscription] = paying.subscriptions()
    paying.sandbox.client.v1.subscriptions.update(subscription.id, set_by)
    asked, transport = [], paying.sandbox.transport()
    transport.hooks["response"].append(lambda answer, **_: asked.append(answer.request))
    paying.stripe = billing.Stripe(paying.payments, transport=transport)
    paying.resume()
    [undone] = [one.body for one in asked if one.method == "POST"]
    assert undone == taken_back_by
    assert paying.bill().ends_at is None


def test_cancelling_again_after_undoing_it_is_done_again(paying):
    """Under the key of the first time Stripe would repeat its answer and do nothing."""
    for _ in range(3):
        paying.cancel()
        assert paying.subscriptions()[0].cancel_at is not None
        paying.resume()
        assert paying.subscriptions()[0].cancel_at is None


def test_who_upgrades_after_cancelling_goes_on(wider):
    wider.cancel()
    wider.change("api-team", "month")
    assert wider.held().plan == "api-team" and wider.bill().ends_at is None


def test_who_left_can_come_back(paying):
    paying.cancel()
    paying.sandbox.advance("1 month")
    paying.sandbox.advance("1h")
    paying.refresh()
    paying.buy(interval="year")
    assert paying.held().plan == "api-pro"
    assert [one.status for one in paying.subscriptions()] == ["canceled", "active"]


def test_what_the_next_invoice_will_say(paying):
    quoted = paying.do(billing.upcoming, None, "api")
    assert quoted.due == Money(1900)


class Deaf:
    """A gateway that does what it is asked, and whose answer is lost."""

    def __init__(self, stripe, verb):
        self._stripe, self._verb, self.lost = stripe, verb, 0

    def __getattr__(self, name):
        found = getattr(self._stripe, name)
        if name != self._verb or self.lost:
            return found

        def do(*arguments, **options):
            found(*arguments, **options)
            self.lost += 1
            raise billing.StripeAway("The answer was lost.")

        return do


def test_a_change_whose_answer_was_lost_is_not_made_twice(paying):
    real, paying.stripe = paying.stripe, Deaf(paying.stripe, "change_now")
    with pytest.raises(billing.StripeAway):
        paying.change(interval="year")
    with pytest.raises(Conflict, match="have API Pro already"):
        paying.change(interval="year")
    paying.stripe = real
    assert len(paying.invoices()) == 2
    paying.refresh()
    assert paying.bill().interval == "year"


def test_a_checkout_whose_answer_was_lost_is_opened_once(shop):
    shop.stripe = Deaf(shop.stripe, "open_checkout")
    with pytest.raises(billing.StripeAway):
        shop.checkout()
    shop.checkout()
    assert len(shop.v1.checkout.sessions.list().data) == 1
    assert len(shop.v1.customers.list().data) == 1


def test_a_cancellation_whose_answer_was_lost_can_be_undone_and_done_again(paying):
    paying.stripe = Deaf(paying.stripe, "end_later")
    with pytest.raises(billing.StripeAway):
        paying.cancel()
    paying.cancel()
    paying.resume()
    assert paying.subscriptions()[0].cancel_at is None
    paying.cancel()
    assert paying.subscriptions()[0].cancel_at is not None
