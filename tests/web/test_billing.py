"""Paying, as customers do it: buttons pressed on pages, a sandbox of Stripe beside them."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from portal import billing, plans
from portal.kit.db import unit
from tests.plans.people import OPERATOR
from tests.web.sites import site_of
from tests.web.till import path_of, session_of, till_of

PREVIEW = "/subscription/preview?plan=api-pro&interval="
CANCELLATION = "/subscription/cancellation?line=api"
POSTS = (
    "/subscription",
    "/subscription/request",
    "/subscription/change",
    "/subscription/cancellation",
    "/subscription/resumption",
    "/billing/portal",
)
PAGES = ("/billing", "/billing/next", "/billing/return", f"{PREVIEW}month", CANCELLATION)


@pytest.fixture
def till(settings, database, redis, tmp_path):
    with till_of(settings, database, tmp_path / "stripe") as standing:
        yield standing


@pytest.fixture
def alice(till):
    return till.browser("alice")


# ---- Buying -----------------------------------------------------------------------------------------


def test_the_prices_lead_nobody_where_they_are_refused(till, alice):
    assert "Upgrade to API Pro" in alice.get("/pricing").text
    till.upgrade()
    page = alice.get("/pricing").text
    assert "Upgrade to API Pro" not in page and "See your plans" in page
    page = till.browser("sue").get("/pricing").text
    assert "/subscription/preview" not in page and "/dashboard" not in page and 'href="/staff/queue"' in page


def test_upgrading_leads_to_the_payment_page_and_back_to_the_plan(till, alice):
    page = till.upgrade()
    assert page.status_code == 303 and path_of(page.location) in ("/billing", "/")
    assert "You have API Pro now" in alice.words("/billing")
    held = till.held()
    assert (held.plan, held.source, held.rate) == ("api-pro", "stripe", 50)
    assert till.pushed, "the gate is told before anybody waits"


def test_the_plan_comes_with_the_webhook_when_nobody_comes_back(till, alice):
    away = alice.press("/plans", "Upgrade to API Pro")
    till.sandbox.pay(session_of(away.location))
    assert till.held().plan == "api-free"
    till.webhooks()
    assert till.held().plan == "api-pro"


def test_nothing_is_given_for_the_address_alone(till, alice):
    away = alice.press("/plans", "Upgrade to API Pro")
    with till.database() as session:
        purchase = session.scalar(select(billing.Purchase.id))
    assert away.status_code == 303
    assert alice.get(f"/billing/return?purchase={purchase}").status_code == 303
    assert "not confirmed yet" in alice.words("/billing")
    assert till.held().plan == "api-free"


def test_a_plan_can_be_paid_by_the_year(till, alice):
    assert "Yearly, $190.00 ($38 less)" in alice.words("/plans")
    till.upgrade(interval="year")
    assert "$190.00 a year" in alice.words("/billing")
    assert "What you have costs $15.83 a month" in alice.words("/billing")


def test_a_statement_lists_the_invoices_of_its_month_for_those_who_may_see_them(till, alice):
    till.upgrade()
    invoice = "1 × API Pro (at $19.00 / month) Paid $19.00"
    assert invoice in alice.words("/usage/statement")
    assert invoice in till.browser("bob").words("/usage/statement")
    assert "Invoices" not in till.browser("dora").words("/usage/statement")


def test_what_a_first_purchase_costs_is_said_before(alice):
    words = alice.words(f"{PREVIEW}year")
    assert "Today $190.00" in words and "Then each year, until you cancel $190.00" in words
    assert alice.form(f"{PREVIEW}year", "Upgrade to API Pro")[1]["interval"] == "year"


def test_a_declined_card_buys_nothing(till, alice):
    away = alice.press("/plans", "Upgrade to API Pro")
    page = till.sandbox.pay(session_of(away.location), "pm_card_chargeDeclined")
    assert "declined" in page.text.lower()
    till.webhooks()
    assert till.held().plan == "api-free"
    assert till.sandbox.pay(session_of(away.location)).status == 303
    till.webhooks()
    assert till.held().plan == "api-pro"


def test_a_double_click_and_a_second_tab_get_one_page(till, alice):
    first = alice.press("/plans", "Upgrade to API Pro")
    second = till.browser("bob").press("/plans", "Upgrade to API Pro")
    assert first.location == second.location
    till.sandbox.pay(session_of(first.location))
    till.sandbox.pay(session_of(second.location))
    till.webhooks()
    assert len(till.subscriptions()) == 1
    assert len(till.sandbox.v1.invoices.list({"customer": till.customer()}).data) == 1


def test_who_pays_already_cannot_buy_it_again(till, alice):
    stale = alice.form("/plans", "Upgrade to API Pro")
    till.upgrade()
    assert "Upgrade to API Pro" not in alice.words("/plans")
    answer = alice.client.post(stale[0], data=stale[1])
    assert answer.status_code == 409 and "You pay for API Pro already" in answer.text


def test_two_lines_are_two_subscriptions_with_one_overview(till, alice):
    till.upgrade()
    till.upgrade(plan="Support Priority")
    words = alice.words("/billing")
    assert "What you have costs $118.00 a month" in words
    assert till.held(line="support").plan == "support-priority"
    assert len({one.id for one in till.subscriptions()}) == 2


@pytest.mark.parametrize(("plan", "interval"), [("api-pro", "week"), ("api-pro", ""), ("", "month")])
def test_a_form_that_nobody_could_have_filled_in_is_refused(alice, plan, interval):
    assert alice.post("/subscription", plan=plan, interval=interval).status_code == 422


@pytest.mark.parametrize(("plan", "status"), [("nonsense", 404), ("api-free", 422), ("api-enterprise", 422)])
def test_what_is_not_for_sale_is_not_sold(alice, plan, status):
    assert alice.post("/subscription", plan=plan, interval="month").status_code == status
    assert alice.get(f"/subscription/preview?plan={plan}&interval=month").status_code == status


def test_what_was_agreed_is_not_sold_on_top(till, alice):
    with till.database() as session, unit(session):
        plans.grant(session, till.ids["alice"], "api-enterprise", OPERATOR, till.now, source="contract")
    assert "Upgrade to API Pro" not in alice.words("/plans")
    assert alice.post("/subscription", plan="api-pro", interval="month").status_code == 409


# ---- Changing ---------------------------------------------------------------------------------------


def test_a_change_costs_what_its_preview_says_to_the_cent(till, alice):
    till.upgrade()
    till.pass_time("10d")
    words = alice.words(f"{PREVIEW}year")
    _, fields = alice.form(f"{PREVIEW}year", "Change to yearly")
    due = int(fields["due_now"])
    assert 17_000 < due < 19_000 and f"Charged today ${due / 100:.2f}" in words
    answer = alice.client.post("/subscription/change", data=fields)
    assert answer.status_code == 303, answer.text
    [newest, *_] = till.sandbox.v1.invoices.list({"customer": till.customer()}).data
    assert (newest.status, newest.amount_paid) == ("paid", due)
    assert till.bill().interval == "year" and till.held().plan == "api-pro"
    assert "You have API Pro now, paid by the year" in alice.words("/billing")


def test_a_change_asked_for_twice_is_charged_once(till, alice):
    till.upgrade()
    _, fields = alice.form(f"{PREVIEW}year", "Change to yearly")
    assert alice.client.post("/subscription/change", data=fields).status_code == 303
    assert alice.client.post("/subscription/change", data=fields).status_code == 409
    assert len(till.sandbox.v1.invoices.list({"customer": till.customer()}).data) == 2


def test_a_change_at_another_amount_is_not_made_but_shown_again(till, alice):
    till.upgrade()
    _, fields = alice.form(f"{PREVIEW}year", "Change to yearly")
    answer = alice.client.post("/subscription/change", data={**fields, "due_now": "1"})
    assert answer.status_code == 409 and "There is a problem" in answer.text
    assert f'value="{fields["due_now"]}"' in answer.text
    assert till.subscriptions()[0].items.data[0].price.recurring.interval == "month"


def test_a_change_that_the_bank_refuses_changes_nothing(till, alice):
    till.upgrade()
    till.new_card("pm_card_chargeCustomerFail")
    answer = alice.press(f"{PREVIEW}year", "Change to yearly")
    assert answer.status_code == 409 and "There is a problem" in answer.text
    assert till.bill().interval == "month" and till.bill().status == "active"


def test_from_yearly_back_to_monthly_comes_when_the_year_is_over(till, alice):
    till.upgrade(interval="year")
    words = alice.words(f"{PREVIEW}month")
    assert "Today $0.00" in words and "$19.00 each month" in words
    assert alice.press(f"{PREVIEW}month", "Change to monthly").status_code == 303
    assert "Will change To API Pro, paid by the month" in alice.words("/billing")
    assert alice.press("/billing", "Keep API Pro as it is").status_code == 303
    assert "Will change" not in alice.words("/billing")


@pytest.mark.parametrize("at", ["", "yesterday", "2026-11-22T12:00:00"])
def test_a_change_without_its_moment_is_refused(till, alice, at):
    till.upgrade()
    fields = {"plan": "api-pro", "interval": "year", "due_now": "1", "currency": "usd", "at": at}
    assert alice.post("/subscription/change", **fields).status_code == 422


def test_a_change_to_what_is_held_already_is_refused(till, alice):
    till.upgrade()
    assert alice.get(f"{PREVIEW}month").status_code == 409


# ---- Cancelling -------------------------------------------------------------------------------------


def test_who_cancels_is_told_before_what_will_happen_and_keeps_what_is_paid(till, alice):
    till.upgrade()
    words = alice.words(CANCELLATION)
    assert "API Free, with 1,000 calls a month" in words and "Nothing more is charged" in words
    assert alice.press(CANCELLATION, "Cancel API Pro").status_code == 303
    assert "API Pro is cancelled. You keep it until" in alice.words("/billing")
    assert till.held().plan == "api-pro"
    till.pass_time("32d")
    assert till.held().plan == "api-free"
    assert "You pay for nothing" in alice.words("/billing")


def test_a_cancellation_can_be_taken_back_until_the_end(till, alice):
    till.upgrade()
    alice.press(CANCELLATION, "Cancel API Pro")
    assert alice.get(CANCELLATION).status_code == 409
    assert alice.press("/billing", "Resume API Pro").status_code == 303
    assert "API Pro goes on" in alice.words("/billing")
    till.pass_time("32d")
    assert till.held().plan == "api-pro"


def test_who_cancelled_can_come_back_after_the_end(till, alice):
    till.upgrade()
    alice.press(CANCELLATION, "Cancel API Pro")
    till.pass_time("32d")
    till.upgrade()
    assert till.held().plan == "api-pro"
    assert [one.status for one in till.subscriptions()].count("active") == 1


def test_cancelling_twice_is_no_trouble(till, alice):
    till.upgrade()
    _, fields = alice.form(CANCELLATION, "Cancel API Pro")
    answers = [alice.client.post("/subscription/cancellation", data=fields).status_code for _ in range(2)]
    assert answers == [303, 303]


def test_what_is_not_paid_for_cannot_be_cancelled(alice):
    assert alice.get(CANCELLATION).status_code == 404
    assert alice.post("/subscription/cancellation", line="api").status_code == 404
    assert alice.post("/subscription/resumption", line="nonsense").status_code == 404


# ---- The billing page -------------------------------------------------------------------------------


def test_invoices_are_listed_with_their_links(till, alice):
    till.upgrade()
    page = alice.get("/billing").text
    [invoice] = till.sandbox.v1.invoices.list({"customer": till.customer()}).data
    assert invoice.number in page and invoice.hosted_invoice_url.replace("&", "&amp;") in page
    assert "$19.00 Paid" in alice.words("/billing") and "ending in 4242" in page


def test_the_next_invoice_is_shown_before_it_comes(till, alice):
    till.upgrade()
    assert "Next invoice $19.00 on" in alice.words("/billing/next?line=api")
    assert alice.get("/billing/next?line=support").status_code == 404


def test_the_portal_is_where_cards_are_changed(till, alice):
    till.upgrade()
    answer = alice.press("/billing", "Change the card")
    assert answer.status_code == 303 and answer.location.startswith(f"{till.sandbox.base}/portal/")
    assert till.sandbox.get(answer.location).status == 200


def test_who_never_paid_has_no_portal(alice):
    assert "Nothing to pay for" in alice.words("/billing")
    assert alice.post("/billing/portal").status_code == 409


def test_a_failed_payment_is_said_with_its_grace_and_where_to_pay(till, alice):
    till.upgrade()
    till.fail_renewal()
    for path in ("/dashboard", "/billing", "/plans"):
        words = alice.words(path)
        assert "The payment for API Pro failed" in words and "Everything works until" in words
        assert "Pay the invoice" in words and "Change the card" in words
    assert till.held().plan == "api-pro"


def test_after_the_grace_the_plan_is_paused_and_paying_brings_it_back(till, alice):
    till.upgrade()
    till.fail_renewal()
    till.pass_time("4d")
    assert till.held().plan == "api-free"
    for path in ("/dashboard", "/billing", "/plans"):
        assert "API Pro is unpaid" in alice.words(path)
    till.new_card("pm_card_visa")
    [unpaid] = till.sandbox.v1.invoices.list({"customer": till.customer(), "status": "open"}).data
    till.sandbox.v1.invoices.pay(unpaid.id)
    till.webhooks()
    assert till.held().plan == "api-pro"
    assert "unpaid" not in alice.words("/dashboard")


def test_a_card_that_ends_soon_is_said_before(till, alice):
    till.upgrade()
    with till.database() as session, unit(session):
        customer = session.scalars(select(billing.models.BillingCustomer)).one()
        customer.card_exp_month, customer.card_exp_year = till.now.month, till.now.year
    assert "Your card expires soon" in alice.words("/billing")
    assert "expires at the end of" in alice.words("/dashboard")


def test_the_dashboard_shows_the_last_invoice_to_who_pays(till, alice):
    till.upgrade()
    assert "Last invoice $19.00" in alice.words("/dashboard")
    assert "Last invoice" not in till.browser("vera").words("/dashboard")


@pytest.mark.parametrize("path", ["/plans", "/billing", f"{PREVIEW}month"])
def test_every_page_about_money_says_that_none_moves(alice, path):
    assert "Simulated: no money moves" in alice.words(path)


def test_a_code_at_the_checkout_takes_off_what_it_says_now_and_next_time(till, alice):
    coupon = till.sandbox.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    promotion = {"type": "coupon", "coupon": coupon.id}
    till.sandbox.v1.promotion_codes.create({"code": "HALF", "promotion": promotion})
    away = alice.press("/plans", "Upgrade to API Pro").location
    till.sandbox.post(away, action="promotion", code="HALF")
    assert "$9.50" in till.sandbox.get(away).text
    till.sandbox.pay(session_of(away))
    till.webhooks()
    assert "$9.50 Paid" in alice.words("/billing")
    assert "Next invoice $9.50 on" in alice.words("/billing/next?line=api")


def test_choosing_the_year_in_a_second_tab_closes_the_page_of_the_month(till, alice):
    first = alice.press("/plans", "Upgrade to API Pro").location
    second = alice.press("/plans", "Upgrade to API Pro", interval="year").location
    assert first != second
    assert "expired" in till.sandbox.get(first).text
    till.sandbox.pay(session_of(second))
    till.webhooks()
    assert till.bill().interval == "year" and len(till.subscriptions()) == 1


def test_an_account_that_pays_is_not_closed_before_it_has_cancelled(till, alice):
    till.upgrade()
    assert "Cancel what you pay for first" in alice.words("/settings/close")
    assert alice.post("/settings/close", typed="Example Ltd").status_code == 409
    alice.press(CANCELLATION, "Cancel API Pro")
    assert alice.press("/settings/close", "Close account", typed="Example Ltd").location == "/login"


# ---- Who may ----------------------------------------------------------------------------------------


def test_whoever_pays_in_the_team_may_do_it_all(till):
    till.upgrade(name="bob")
    bob = till.browser("bob")
    assert bob.press(f"{PREVIEW}year", "Change to yearly").status_code == 303
    assert bob.press(CANCELLATION, "Cancel API Pro").status_code == 303
    assert bob.press("/billing", "Resume API Pro").status_code == 303


@pytest.mark.parametrize("name", ["dora", "vera"])
def test_others_of_the_team_see_the_plans_and_may_not_buy(till, name):
    browser = till.browser(name)
    words = browser.words("/plans")
    assert "whoever pays in your team can upgrade" in words and "Upgrade to" not in words
    assert {path: browser.get(path).status_code for path in PAGES} == dict.fromkeys(PAGES, 403)
    answers = {path: browser.post(path, plan="api-pro", interval="month", line="api") for path in POSTS}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(POSTS, 403)


@pytest.mark.parametrize("path", POSTS)
def test_a_form_drawn_for_another_account_is_refused(till, path):
    till.upgrade()
    charlie = till.browser("charlie")
    answer = charlie.post(path, account=till.ids["alice"], plan="api-pro", interval="month", line="api")
    assert answer.status_code == 409
    assert till.bill().ends_at is None and till.bill("charlie") is None


def test_a_stranger_sees_nothing_of_what_others_pay(till):
    till.upgrade()
    with till.database() as session:
        purchase = session.scalar(select(billing.Purchase.id))
    charlie = till.browser("charlie")
    assert "You pay for nothing" in charlie.words("/billing")
    answer = charlie.get(f"/billing/return?purchase={purchase}")
    assert answer.status_code == 303 and till.held("charlie").plan == "api-free"


def test_with_a_strangers_ids_nothing_is_seen_and_nothing_is_done(till):
    """Alice pays and has asked for a plan; Charlie knows every id that there is of it."""
    till.upgrade()
    till.browser("alice").press("/plans", "Ask for Hosting Pro")
    with till.database() as session:
        purchases = session.scalars(select(billing.Purchase.id)).all()
    [mine] = till.subscriptions()
    charlie, before = till.browser("charlie"), (till.bill(), len(purchases))
    for number in (*purchases, mine.id, mine.latest_invoice, till.customer(), till.ids["alice"]):
        answer = charlie.get(f"/billing/return?purchase={number}")
        assert answer.status_code == 303 and "Thank you" not in charlie.words("/billing")
        for path in ("/subscription/cancellation", "/billing/next", "/subscription/preview"):
            asked = charlie.get(
                f"{path}?line={number}&plan={number}&interval=month&account={till.ids['alice']}"
            )
            assert asked.status_code in (404, 409), (path, number)
        for path in ("/subscription/cancellation", "/subscription/resumption", "/subscription/change"):
            fields = {"line": number, "plan": number, "interval": "month", "subscription": number}
            assert charlie.post(path, **fields).status_code in (404, 422), (path, number)
        for path in (f"/staff/requests/{number}/fulfilment", f"/operator/webhooks/{number}/retry"):
            assert charlie.post(path).status_code == 404
    with till.database() as session:
        after = till.bill(), len(session.scalars(select(billing.Purchase.id)).all())
    assert after == before and till.bill("charlie") is None


@pytest.mark.parametrize("path", PAGES)
def test_a_visitor_is_asked_to_sign_in(till, path):
    answer = till.browser("nobody").get(path)
    assert answer.status_code == 303 and answer.location.startswith("/login")


# ---- When things are not as usual -------------------------------------------------------------------


def test_when_stripe_is_away_nothing_breaks_and_nothing_is_changed(till, alice):
    till.upgrade()
    _, fields = alice.form(f"{PREVIEW}year", "Change to yearly")
    till.without_stripe()
    answer = alice.client.post("/subscription/change", data=fields)
    assert answer.status_code == 503
    assert alice.get("/billing").status_code == 200 and till.held().plan == "api-pro"
    assert alice.get("/dashboard").status_code == 200


def test_with_payments_off_plans_say_so_and_nothing_is_sold(till):
    off = replace(till.settings, payments=None)
    alice = till.browser("alice", site_of(off))
    words = alice.words("/plans")
    assert "not switched on" in words and "Ask for API Pro" in words and "Simulated" not in words
    answer = alice.post("/subscription", plan="api-pro", interval="month")
    assert answer.status_code == 409 and "not switched on" in answer.text
    assert alice.get("/billing").status_code == 200


def test_forms_may_lead_to_the_payment_page_and_to_no_other(till, alice):
    policy = alice.get("/plans").headers["Content-Security-Policy"]
    assert f"form-action 'self' {till.sandbox.base};" in policy


def test_a_payment_page_of_an_address_of_its_own_is_led_to_by_a_link(till):
    live = replace(till.settings, payments=replace(till.settings.payments, mode="live"))
    app = site_of(live, stripe=till.stripe)
    answer = till.browser("alice", app).press("/plans", "Upgrade to API Pro")
    assert answer.status_code == 200 and "Go to the payment page" in answer.text
    assert f'href="{till.sandbox.base}/checkout/' in answer.text
