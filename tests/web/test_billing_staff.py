"""Money, as staff and operators see it: requests, revenue, webhooks, drift, disputes."""

import csv
import io

import pytest
from sqlalchemy import select

from portal import accounts, billing
from portal.billing.values import Offer
from portal.kit.db import unit
from portal.kit.outbox import ToldFact, read
from portal.web import sheets
from tests.web import money
from tests.web.till import session_of, till_of

OPERATORS = tuple(f"/operator/{page}" for page in ("revenue", "revenue.csv", "disputes", "webhooks", "drift"))


@pytest.fixture
def till(settings, database, redis, tmp_path):
    with till_of(settings, database, tmp_path / "stripe") as standing:
        yield standing


@pytest.fixture
def alice(till):
    return till.browser("alice")


@pytest.fixture
def sue(till):
    return till.browser("sue")


@pytest.fixture
def oscar(till):
    return till.browser("oscar")


# ---- Requests ---------------------------------------------------------------------------------------


def test_a_plan_that_staff_set_up_is_asked_for_set_up_and_then_paid(till, alice, sue):
    answer = alice.press("/plans", "Ask for Hosting Pro", interval="year")
    assert answer.status_code == 303
    assert "You have asked for Hosting Pro" in alice.words("/plans")
    assert "Asked for" in alice.words("/plans")
    assert alice.post("/subscription", plan="hosting-pro", interval="year").status_code == 409
    words = sue.words("/staff/requests")
    assert "One plan to set up" in words and "Example Ltd Hosting Pro $290 a year" in words
    assert sue.press("/staff/requests", "Carried out").status_code == 303
    words = sue.words("/staff/requests")
    assert "Example Ltd is sent the link to pay" in words and "Carried out, not paid for yet" in words
    assert [fact.plan for fact in told(till, billing.PlanReady)] == ["hosting-pro"]
    link = "/subscription/preview?plan=hosting-pro&interval=year"
    assert "Today $290.00" in alice.words(link)
    till.upgrade(plan="Hosting Pro", interval="year")
    assert till.held(line="hosting").plan == "hosting-pro"
    assert "Carried out, not paid" not in sue.words("/staff/requests")


def test_asking_twice_is_one_request(till, alice, sue):
    stale = alice.form("/plans", "Ask for Hosting Pro")
    for _ in range(2):
        assert alice.client.post(stale[0], data=stale[1]).status_code == 303
    assert "One plan to set up" in sue.words("/staff/requests")
    assert len(told(till, billing.PlanAsked)) == 1


def test_a_request_is_declined_with_a_reason_that_the_customer_reads(till, alice, sue):
    alice.press("/plans", "Ask for Hosting Pro")
    with till.database() as session:
        [asked] = billing.requests(session)
    path = f"/staff/requests/{asked.id}/refusal"
    assert sue.press(path, "Decline", reason=" ").status_code == 422
    assert sue.press(path, "Decline", reason="No machine is free.").status_code == 303
    assert [fact.reason for fact in told(till, billing.PlanDeclined)] == ["No machine is free."]
    assert "Ask for Hosting Pro" in alice.words("/plans")
    assert sue.get(path).status_code == 404


def test_what_needs_no_request_cannot_be_requested(alice):
    assert alice.post("/subscription/request", plan="api-pro", interval="month").status_code == 422


def test_a_request_that_is_done_with_cannot_be_carried_out(till, alice, sue):
    alice.press("/plans", "Ask for Hosting Pro")
    with till.database() as session:
        [asked] = billing.requests(session)
    sue.post(f"/staff/requests/{asked.id}/refusal", reason="No.")
    assert sue.post(f"/staff/requests/{asked.id}/fulfilment").status_code == 409
    assert sue.post("/staff/requests/pur_nonsense/fulfilment").status_code == 404


@pytest.mark.parametrize("name", ["alice", "bob", "charlie"])
def test_customers_have_no_such_pages(till, name):
    browser = till.browser(name)
    for path in ("/staff/requests", *OPERATORS):
        assert browser.get(path).status_code == 404


def test_support_staff_have_requests_and_no_revenue(sue):
    assert sue.get("/staff/requests").status_code == 200
    assert {path: sue.get(path).status_code for path in OPERATORS} == dict.fromkeys(OPERATORS, 404)
    assert "Revenue" not in sue.words("/staff/requests")


# ---- Revenue ----------------------------------------------------------------------------------------


def test_revenue_is_shown_by_line_and_plan(till, oscar):
    till.upgrade()
    till.upgrade(plan="Support Priority", interval="year")
    till.upgrade("charlie")
    words = oscar.words("/operator/revenue")
    assert "$120.50 a month as things stand; $1,028.00 came in" in words
    assert "API API Pro 2 $38.00" in words and "Support Support Priority 1 $990.00" in words
    assert "API API Pro Monthly 2 $38.00" in words and "Support Support Priority Yearly 1 $82.50" in words
    assert "<svg" in oscar.get("/operator/revenue").text


def test_revenue_comes_as_a_sheet_with_the_same_numbers(till, oscar):
    till.upgrade()
    till.upgrade(plan="Support Priority", interval="year")
    answer = oscar.get("/operator/revenue.csv")
    assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {(row["line"], row["plan"], row["currency"], row["amount"]) for row in rows} == {
        ("api", "api-pro", "usd", "19.00"),
        ("support", "support-priority", "usd", "990.00"),
    }
    assert {row["month"] for row in rows} == {f"{till.now:%Y-%m}"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_cell_of_a_sheet_is_a_formula(text):
    answer = sheets.answer("x.csv", ("name", "amount"), [(text, -5)])
    [row] = csv.DictReader(io.StringIO(answer.get_data(as_text=True)))
    assert row["name"] == f"'{text}" and row["amount"] == "-5"


def test_what_was_paid_in_another_mode_is_no_revenue(till, oscar):
    with till.database() as session, unit(session):
        ours = money.customer(session, till.ids["charlie"], till.now, mode="test")
        money.subscription(session, ours, "api-pro", till.now)
        money.invoice(session, ours, 1900, till.now, offer=Offer("api", "api-pro", 1, "month"))
    assert "Nothing has come in yet" in oscar.words("/operator/revenue")


def test_disputes_and_refunds_are_listed_with_their_account(till, oscar):
    with till.database() as session, unit(session):
        ours = money.customer(session, till.ids["alice"], till.now)
        money.trouble(session, ours, "dispute", till.now, status="needs_response", reason="fraudulent")
        money.trouble(session, ours, "refund", till.now)
    words = oscar.words("/operator/disputes")
    assert "Dispute Example Ltd $19.00 Needs response Fraudulent" in words
    assert "Refund Example Ltd $19.00 Succeeded Duplicate" in words


# ---- Webhooks ---------------------------------------------------------------------------------------


def test_the_inbox_shows_what_came_and_what_became_of_it(till, oscar):
    till.upgrade()
    till.webhooks()
    words = oscar.words("/operator/webhooks")
    assert "checkout.session.completed Done" in words
    assert "Nothing found" in oscar.words("/operator/webhooks?state=failing")
    assert "invoice.paid" in oscar.words("/operator/webhooks?q=invoice.paid")
    assert "checkout.session" not in oscar.words("/operator/webhooks?q=invoice.paid").partition("Type")[2]


def test_a_webhook_is_shown_as_it_came_and_that_it_was_looked_at_is_noted(till, oscar):
    with till.database() as session, unit(session):
        event_id = money.event(session, till.now).id
    page = oscar.get(f"/operator/webhooks/{event_id}").text
    assert "&lt;script&gt;" in page and "<script>" not in page.partition("<main")[2]
    assert "webhook.looked_at" in noted(till)
    assert oscar.get("/operator/webhooks/evt_nonsense").status_code == 404


def test_what_failed_can_be_tried_again_at_once(till, alice, oscar):
    away = alice.press("/plans", "Upgrade to API Pro")
    till.sandbox.pay(session_of(away.location))
    till.sandbox.deliver_now()
    with till.database() as session, unit(session):
        waiting = session.scalars(select(billing.WebhookEvent.id).order_by("received_at")).all()
        for event_id in waiting:
            row = billing.event(session, event_id)
            row.failure, row.attempts = "Stripe did not answer.", 1
    assert "could not be made sense of" in oscar.words("/operator/revenue")
    last = next(one for one in waiting if "subscription" in event_type(till, one))
    assert "Stripe did not answer." in oscar.words(f"/operator/webhooks/{last}")
    assert oscar.press(f"/operator/webhooks/{last}", "Try again").status_code == 303
    assert "Done. The account it is about is up to date." in oscar.words(f"/operator/webhooks/{last}")
    assert till.held().plan == "api-pro"
    assert oscar.post(f"/operator/webhooks/{last}/thinking").status_code == 409


def test_what_fails_again_says_so(till, alice, oscar):
    away = alice.press("/plans", "Upgrade to API Pro")
    till.sandbox.pay(session_of(away.location))
    till.sandbox.deliver_now()
    with till.database() as session:
        waiting = session.scalars(select(billing.WebhookEvent.id)).all()
    event_id = next(one for one in waiting if "subscription" in event_type(till, one))
    till.without_stripe()
    assert oscar.press(f"/operator/webhooks/{event_id}", "Try again").status_code == 303
    words = oscar.words(f"/operator/webhooks/{event_id}")
    assert "It failed again" in words and "Failing" in words
    assert till.held().plan == "api-free"


def test_drift_is_shown_with_what_was_healed(till, oscar):
    assert "Nothing has differed" in oscar.words("/operator/drift")
    with till.database() as session, unit(session):
        row = billing.models.Drift(
            mode="sandbox",
            account_id=till.ids["alice"],
            what="A plan was held without a payment.",
            found_at=till.now,
            healed_at=till.now,
        )
        session.add(row)
    assert "A plan was held without a payment. Example Ltd" in oscar.words("/operator/drift")


# ---- Grace ------------------------------------------------------------------------------------------


def test_staff_see_what_an_account_pays_and_may_give_it_more_time(till, alice, sue):
    path = f"/staff/accounts/{till.ids['alice']}"
    assert "Pays for nothing" in sue.words(path)
    till.upgrade()
    assert "API Pro $19.00 a month, active" in sue.words(path)
    assert sue.press(path, "Save days of grace", days="6").status_code == 303
    assert sue.form(path, "Save days of grace")[1]["days"] == "6"
    till.fail_renewal()
    till.pass_time("5d")
    assert till.held().plan == "api-pro"
    till.pass_time("2d")
    assert till.held().plan == "api-free"
    assert "billing.grace" in noted(till)


@pytest.mark.parametrize("days", ["-1", "366", "many"])
def test_days_of_grace_are_a_number_of_days(till, sue, days):
    till.upgrade()
    path = f"/staff/accounts/{till.ids['alice']}"
    answer = sue.press(path, "Save days of grace", days=days)
    assert answer.status_code == 422 and "There is a problem" in answer.text


def test_customers_give_themselves_no_grace(till, alice):
    till.upgrade()
    assert alice.post(f"/staff/accounts/{till.ids['alice']}/grace", days="300").status_code == 404


def told(till, kind):
    """The facts of a kind."""
    with till.database() as session:
        return [read(row) for row in session.scalars(select(ToldFact).filter_by(name=kind.name))]


def noted(till):
    """What the audit names."""
    with till.database() as session:
        return session.scalars(select(accounts.AuditEntry.action)).all()


def event_type(till, event_id):
    with till.database() as session:
        return billing.event(session, event_id).type
