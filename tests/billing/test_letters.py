"""Letters about money: each once, to those who look after payments, with what a reader needs."""

import pytest

from portal import accounts, billing, plans
from portal.accounts.models import Member
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.mail import Letter
from tests.billing.till import ACTOR, Template, Till
from worker import reactions


@pytest.fixture
def till(tmp_path, database, settings, _superuser):
    found = Till(tmp_path / "till", Template(tmp_path / "template", database), database, settings, _superuser)
    yield found
    found.close()


@pytest.fixture
def alice(till):
    """Her account; she pays for API Pro by the month."""
    account = till.accounts[0]
    buy(till, account)
    return account


def buy(till, account, plan="api-pro", interval="month"):
    till.checkout(account, plan, interval)
    till.sandbox.pay(till.pages[-1])
    till.deliver()


def fail(till, account):
    """Her card fails when the month is over."""
    card(till, account, "pm_card_chargeCustomerFail")
    till.advance("1 month")
    till.advance("2h")
    till.deliver()


def card(till, account, name):
    customer, v1 = till.customer(account), till.sandbox.v1
    method = v1.payment_methods.attach(name, {"customer": customer})
    v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
    for one in v1.subscriptions.list({"customer": customer}).data:
        v1.subscriptions.update(one.id, {"default_payment_method": method.id})


def letters(till, template=None):
    found = sorted(till.all(Letter), key=lambda one: one.id)
    return [one for one in found if template is None or one.template == template]


def templates(till):
    return [
        one.template.removeprefix("billing/") for one in letters(till) if one.template.startswith("billing/")
    ]


def a_day(till, days=1):
    for _ in range(days):
        till.advance("1d")
        till.deliver()
        till.duties()


def test_paying_is_followed_by_a_receipt_and_the_new_limits(till, alice):
    [receipt] = letters(till, "billing/receipt")
    assert "$19.00" in receipt.subject and "API Pro" in receipt.text
    assert len(letters(till, "plans/changed")) == 1
    assert receipt.to == "alice@example.com"


def test_a_failed_payment_is_told_at_once_on_day_3_5_and_7_and_at_the_end(till, alice):
    fail(till, alice)
    assert templates(till) == ["receipt", "payment_failed"]
    a_day(till, 8)
    assert sorted(templates(till)) == sorted(["receipt", *["payment_failed"] * 4, "access_ended"])
    subjects = [one.subject for one in letters(till, "billing/payment_failed")]
    assert subjects[0].startswith("A payment") and subjects[-1].startswith("Last reminder")
    [taken] = letters(till, "billing/access_ended")
    assert "API Free" in taken.text and "http" in taken.text
    a_day(till, 8)
    assert templates(till)[-1] == "ended"
    assert templates(till).count("ended") == 1


def test_paying_after_all_brings_it_back_with_a_letter_and_a_receipt(till, alice):
    fail(till, alice)
    a_day(till, 4)
    card(till, alice, "pm_card_visa")
    for invoice in till.sandbox.v1.invoices.list({"customer": till.customer(alice), "status": "open"}).data:
        till.sandbox.v1.invoices.pay(invoice.id)
    till.deliver()
    assert till.held(alice, "api") == "api-pro"
    assert templates(till)[-2:] in (["receipt", "access_restored"], ["access_restored", "receipt"])


def test_changing_cancelling_and_coming_back_are_told(till, alice):
    till.change(alice, "api-team", "month")
    till.follow()
    till.change(alice, "api-pro", "month")
    till.follow()
    till.do(billing.resume, alice, "api", actor=ACTOR)
    till.do(billing.cancel, alice, "api", actor=ACTOR)
    till.follow()
    till.do(billing.resume, alice, "api", actor=ACTOR)
    till.follow()
    assert [name for name in templates(till) if name != "receipt"] == [
        "changed",
        "change_scheduled",
        "cancelled",
        "resumed",
    ]


def test_only_those_who_look_after_payments_are_written_to(till):
    alice = till.accounts[0]
    with till.database() as session, unit(session):
        for name, role in (("Bob", "billing"), ("Dora", "developer")):
            person = accounts.find_or_add(session, f"{name.lower()}@example.com", now=clock.now())
            person.verified_at = clock.now()
            session.add(Member(account_id=alice, person_id=person.id, role=role, joined_at=clock.now()))
    buy(till, alice)
    assert sorted(one.to for one in letters(till, "billing/receipt")) == [
        "alice@example.com",
        "bob@example.com",
    ]


def test_a_card_that_ends_is_told_of(till):
    till.checkout(till.accounts[0], "api-pro", "month")
    till.sandbox.pay(till.pages[-1], expiry=f"{clock.now():%m / %y}")
    till.deliver()
    till.duties()
    [letter] = letters(till, "billing/card_expiring")
    assert "4242" in letter.text


def test_a_second_subscription_is_told_with_its_refund(till, alice):
    [first] = till.at_stripe(alice).subscriptions
    items = [{"price": first["items"].data[0].price.id}]
    till.sandbox.v1.subscriptions.create(
        {
            "customer": till.customer(alice),
            "items": items,
            "default_payment_method": first.default_payment_method,
        }
    )
    till.deliver()
    [letter] = letters(till, "billing/second_ended")
    assert "$19.00" in letter.text
    assert len(letters(till, "billing/refunded")) == 1


def test_what_staff_set_up_is_asked_for_and_made_ready_by_letter(till):
    alice = till.accounts[0]
    with till.database() as session, unit(session):
        accounts.add_staff(session, "oscar@example.com", "operator", actor=ACTOR, now=clock.now())
        asked = billing.ask_for(session, alice, "hosting-pro", "month", actor=ACTOR, now=clock.now())
    till.follow()
    [letter] = letters(till, "billing/plan_asked")
    assert letter.to == "oscar@example.com" and "Hosting Pro" in letter.subject
    with till.database() as session, unit(session):
        billing.fulfil(session, asked.id, actor=ACTOR, now=clock.now())
    till.follow()
    [letter] = letters(till, "billing/plan_ready")
    assert "/subscription/preview?plan=hosting-pro&interval=month" in letter.text


def test_a_dispute_is_told_to_the_operators(till):
    with till.database() as session, unit(session):
        accounts.add_staff(session, "oscar@example.com", "operator", actor=ACTOR, now=clock.now())
    till.checkout(till.accounts[0], "api-pro", "month")
    till.sandbox.pay(till.pages[-1], "pm_card_createDispute")
    till.advance("1h")
    till.deliver()
    assert [one.to for one in letters(till, "billing/disputed")] == ["oscar@example.com"]


def test_who_closes_the_account_is_charged_nothing_more(till, alice):
    with till.database() as session, unit(session):
        owner = accounts.owners(session, alice)[0]
        accounts.close(session, alice, "Alice's", actor=accounts.actor(owner), now=clock.now())
    till.follow()
    assert [one.status for one in till.at_stripe(alice).subscriptions] == ["canceled"]
    till.advance("1 month")
    till.advance("2h")
    till.deliver()
    assert len(till.at_stripe(alice).invoices) == 1


def test_until_stripe_answers_the_end_of_an_account_is_told_again(till, alice):
    till.stripe.lose = "before"
    fact = accounts.AccountClosed(alice)
    with till.database() as session, unit(session):
        owner = accounts.owners(session, alice)[0]
        accounts.close(session, alice, "Alice's", actor=accounts.actor(owner), now=clock.now())
    with till.database() as session, unit(session):
        occasion = type("Occasion", (), {"house": till.house, "now": clock.now()})
        with pytest.raises(ConnectionError):
            reactions.stop_charging(session, fact, occasion)
        reactions.stop_charging(session, fact, occasion)
    assert [one.status for one in till.at_stripe(alice).subscriptions] == ["canceled"]


def test_a_grant_is_still_told_as_before(till):
    with till.database() as session, unit(session):
        plans.grant(session, till.accounts[1], "api-pro", ACTOR, clock.now())
    till.follow()
    assert len(letters(till, "plans/changed")) == 1
