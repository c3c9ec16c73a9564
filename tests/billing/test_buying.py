"""Buying: one page, one subscription, one charge, however often somebody clicks."""

import pytest

from portal import billing, plans
from portal.kit.db import unit
from portal.kit.errors import Conflict, Invalid, Missing
from portal.kit.money import Money


def test_paying_on_the_page_lifts_the_limits(shop):
    purchase = shop.buy()
    held = shop.held()
    assert (held.plan, held.source, held.ends_at) == ("api-pro", "stripe", None)
    assert held.ceilings("calls") == (100_000, 1_000)
    bill = shop.bill()
    assert (bill.plan, bill.interval, bill.price, bill.status) == ("api-pro", "month", Money(1900), "active")
    [finished] = shop.purchases("checkout")
    assert finished.id == purchase.id and finished.finished_at is not None


def test_the_months_count_from_the_anchor_of_stripe(shop):
    shop.buy()
    [subscription] = shop.subscriptions()
    assert int(shop.held().anchor_at.timestamp()) == subscription.billing_cycle_anchor


def test_a_yearly_plan_is_paid_by_the_year_and_counted_by_the_month(shop):
    shop.buy(interval="year")
    assert [invoice.amount_paid for invoice in shop.invoices()] == [19_000]
    assert shop.held().ceilings("calls") == (100_000, 1_000)


def test_lines_are_bought_apart(shop):
    shop.buy()
    shop.buy("support-priority")
    assert shop.held("api").plan == "api-pro" and shop.held("support").plan == "support-priority"
    assert len(shop.subscriptions()) == 2
    assert shop.overview().monthly == Money(11_800)


def test_a_second_click_gets_the_same_page(shop):
    first, second = shop.checkout(), shop.checkout()
    assert (first.id, first.url) == (second.id, second.url)
    assert len(shop.v1.checkout.sessions.list().data) == 1


def test_another_choice_closes_the_first_page(shop):
    first = shop.checkout()
    second = shop.checkout(interval="year")
    assert first.url != second.url
    states = {one.id: one.status for one in shop.v1.checkout.sessions.list().data}
    assert states == {first.stripe_session_id: "expired", second.stripe_session_id: "open"}
    assert shop.sandbox.pay(first.stripe_session_id).status != 303
    shop.sandbox.pay(second.stripe_session_id)
    shop.refresh()
    assert shop.bill().interval == "year"


def test_a_page_that_has_expired_is_replaced(shop):
    first = shop.checkout()
    shop.sandbox.advance("2d")
    second = shop.checkout()
    assert first.id != second.id
    shop.sandbox.pay(second.stripe_session_id)
    shop.refresh()
    assert shop.held().plan == "api-pro"


def test_who_pays_already_is_not_sold_it_again_even_before_the_webhook(shop):
    purchase = shop.checkout()
    shop.sandbox.pay(purchase.stripe_session_id)
    with pytest.raises(Conflict, match="You pay for API Pro already"):
        shop.checkout()
    assert shop.held().plan == "api-pro"
    assert len(shop.subscriptions()) == 1


def test_paying_while_another_page_is_asked_for_is_noticed(shop):
    purchase = shop.checkout()
    shop.sandbox.pay(purchase.stripe_session_id)
    with pytest.raises(Conflict, match="already"):
        shop.checkout(interval="year")
    assert len(shop.subscriptions()) == 1


def test_a_declined_card_buys_nothing(shop):
    purchase = shop.checkout()
    shop.sandbox.pay(purchase.stripe_session_id, "pm_card_chargeDeclined")
    shop.refresh()
    assert shop.held().plan == "api-free"
    shop.sandbox.pay(shop.checkout().stripe_session_id)
    shop.refresh()
    assert shop.held().plan == "api-pro"
    assert [one.amount_paid for one in shop.invoices() if one.status == "paid"] == [1900]


def test_a_card_that_wants_to_be_confirmed_is_confirmed_on_the_page(shop):
    shop.buy(card="pm_card_authenticationRequired")
    assert shop.held().plan == "api-pro"


def test_a_coupon_is_taken_at_the_checkout(shop):
    coupon = shop.v1.coupons.create({"percent_off": 50, "duration": "once"})
    shop.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF"})
    purchase = shop.checkout()
    shop.sandbox.post(f"/checkout/{purchase.stripe_session_id}", action="promotion", code="HALF")
    shop.sandbox.pay(purchase.stripe_session_id)
    shop.refresh()
    [shown] = shop.overview().invoices
    assert shown.paid == Money(950)
    assert [line.amount for line in shown.lines] == [Money(950)]


def test_a_coupon_for_everything_costs_nothing_and_gives_the_plan(shop):
    coupon = shop.v1.coupons.create({"percent_off": 100, "duration": "forever"})
    shop.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "FREE"})
    purchase = shop.checkout()
    shop.sandbox.post(f"/checkout/{purchase.stripe_session_id}", action="promotion", code="FREE")
    assert shop.sandbox.pay(purchase.stripe_session_id).status == 303
    shop.refresh()
    assert shop.held().plan == "api-pro" and shop.held().ends_at is None
    shop.sandbox.advance("1 month")
    shop.sandbox.advance("2h")
    shop.refresh()
    shown = shop.change(interval="year")
    assert shown.due_now == Money(0) and shop.bill().interval == "year"
    assert [one.total for one in shop.overview().invoices] == [Money(0)] * 3
    assert shop.v1.charges.list().data == [] and shop.told(billing.InvoicePaid) == []
    shop.cancel()
    assert shop.bill().ends_at == shop.bill().renews_at


@pytest.mark.parametrize(
    ("plan", "interval"), [("api-free", "month"), ("api-enterprise", "month"), ("api-pro", "week")]
)
def test_what_is_not_for_sale_is_refused(shop, plan, interval):
    with pytest.raises(Invalid):
        shop.checkout(plan, interval)


def test_an_unknown_plan_is_missing(shop):
    with pytest.raises(Missing):
        shop.checkout("api-gold")


def test_who_holds_a_plan_by_contract_is_not_sold_one(shop):
    with shop.database() as session, unit(session):
        plans.grant(session, shop.alice, "api-enterprise", shop.actor, shop.now, source="contract")
    with pytest.raises(Conflict, match="by agreement"):
        shop.checkout()


def test_a_contract_made_while_somebody_pays_stays_and_the_operator_sees_it(shop):
    purchase = shop.checkout()
    with shop.database() as session, unit(session):
        plans.grant(session, shop.alice, "api-enterprise", shop.actor, shop.now, source="contract")
    shop.sandbox.pay(purchase.stripe_session_id)
    for _ in range(2):
        shop.refresh()
    assert shop.held().plan == "api-enterprise"
    with shop.database() as session:
        [drift] = billing.drifts(session).rows
    assert "paid for in vain" in drift.what and drift.healed_at is None


def test_a_plan_that_staff_set_up_is_asked_for_first(shop):
    with pytest.raises(Conflict, match="ask for it first"):
        shop.checkout("hosting-pro")
    with shop.database() as session, unit(session):
        asked = billing.ask_for(session, shop.alice, "hosting-pro", "month", actor=shop.actor, now=shop.now)
        again = billing.ask_for(session, shop.alice, "hosting-pro", "month", actor=shop.actor, now=shop.now)
        assert asked.id == again.id
    with pytest.raises(Conflict, match="ask for it first"):
        shop.checkout("hosting-pro")
    with shop.database() as session, unit(session):
        assert [one.id for one in billing.requests(session)] == [asked.id]
        billing.fulfil(session, asked.id, actor=shop.actor, now=shop.now)
    shop.buy("hosting-pro")
    assert shop.held("hosting").plan == "hosting-pro"
    with shop.database() as session:
        assert billing.requests(session) == []
    assert [type(fact).__name__ for fact in shop.told(billing.PlanAsked, billing.PlanReady)] == [
        "PlanAsked",
        "PlanReady",
    ]


def test_what_was_declined_cannot_be_bought(shop):
    with shop.database() as session, unit(session):
        asked = billing.ask_for(session, shop.alice, "hosting-pro", "month", actor=shop.actor, now=shop.now)
        with pytest.raises(Invalid):
            billing.decline(session, asked.id, " ", actor=shop.actor, now=shop.now)
        billing.decline(session, asked.id, "No room.", actor=shop.actor, now=shop.now)
    with pytest.raises(Conflict, match="ask for it first"):
        shop.checkout("hosting-pro")


def test_without_prices_at_stripe_nothing_is_sold(shop):
    for price in shop.v1.prices.list({"limit": 100}).data:
        shop.v1.prices.update(price.id, {"active": False})
    with pytest.raises(Conflict, match="just yet"):
        shop.checkout()


def test_the_portal_opens_for_who_has_paid_and_for_nobody_else(shop):
    with pytest.raises(Conflict, match="not paid"):
        shop.do(billing.portal_link, None, return_url="http://127.0.0.1:8000/billing")
    shop.buy()
    url = shop.do(billing.portal_link, None, return_url="http://127.0.0.1:8000/billing")
    assert url.startswith(shop.sandbox.base)


def test_a_customer_that_is_gone_at_stripe_is_made_anew(shop):
    shop.buy()
    shop.v1.customers.delete(shop.customer.id)
    shop.refresh()
    assert shop.held().plan == "api-free"
    shop.buy()
    assert shop.held().plan == "api-pro"
