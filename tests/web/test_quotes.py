"""Custom deployments, as people see them: asked for, quoted, accepted, invoiced, paid."""

import re
import threading
from dataclasses import replace

import pytest

from portal import accounts, billing, support
from portal.kit.db import unit
from portal.kit.outbox import ToldFact
from tests.web.sites import site_of
from tests.web.till import settle, working_till_of
from tests.worker.stage import follow, letters
from worker import relay
from worker.quotes import invoice_quote

ASKED = {"what": "Your API on our cluster.", "where": "AWS, eu-central-1", "by": "March", "budget": "1500"}
NEW = "/tickets/new?kind=deployment"


@pytest.fixture
def till(settings, database, redis, tmp_path):
    with working_till_of(settings, database, tmp_path / "stripe") as till:
        yield till


@pytest.fixture
def alice(till):
    return till.browser("alice")


@pytest.fixture
def sue(till):
    return till.browser("sue")


def ask(till, **changes):
    """Alice asks for a quote; the paths of her ticket for her and for staff."""
    answer = till.browser("alice").press(NEW, "Ask for a quote", **{**ASKED, **changes})
    assert answer.status_code == 303, answer.text
    with till.database() as session:
        number = int(answer.location.rpartition("/")[2])
        ticket = support.ticket(session, till.ids["alice"], number)
    return answer.location, f"/staff/tickets/{ticket.id}"


def offer(till, path, **changes):
    given = {"amount": "800", "text": "One cluster, *handed over*.", "valid_days": "14", **changes}
    return till.browser("sue").press(f"{path}/quote", "Offer", **given)


def quote_of(till):
    with till.database() as session:
        [ticket] = support.tickets(session, till.ids["alice"]).rows
        return support.quotes(session, ticket.id)[0]


def to(till, template):
    return [letter.to.partition("@")[0] for letter in letters(till.house, f"support/{template}")]


def test_what_was_withdrawn_before_anybody_was_written_to_is_offered_to_nobody(till, alice, sue):
    _, desk = ask(till)
    offer(till, desk)
    sue.post(f"{desk}/quote/withdrawal", quote=quote_of(till).id)
    follow(till.house)
    assert quote_of(till).withdrawn_at is not None
    assert to(till, "quote_offered") == []
    assert sorted(to(till, "quote_withdrawn")) == ["alice", "bob"]


def test_from_asking_to_paid(till, alice, sue):
    page, desk = ask(till)
    words = alice.words(page)
    assert "Custom deployment: AWS, eu-central-1" in words and "Up to $1,500" in words
    assert "Quote" not in words and "Offer a quote" in sue.words(desk)
    assert offer(till, desk).status_code == 303
    follow(till.house)
    assert sorted(to(till, "quote_offered")) == ["alice", "bob"], "whoever may spend the account's money"
    words = alice.words(page)
    assert "$800.00 once Offered" in words and "Sue offers the work" in words and "handed over" in words
    assert "Accept" not in till.browser("dora").words(page)

    assert alice.press(page, "Accept $800.00").location == f"{page}#quote"
    assert "Accepted, the invoice is on its way" in alice.words(page)
    settle(till)
    assert sorted(to(till, "quote_accepted")) == ["oscar", "sue"]
    assert sorted(to(till, "quote_invoiced")) == ["alice", "bob"]
    with till.database() as session:
        sold = billing.one_off(session, quote_of(till).id)
    html = alice.get(page).text
    assert "To be paid" in html and f'href="{sold.url}"' in html
    assert sold.url in letters(till.house, "support/quote_invoiced")[0].text
    assert "is due by" in sue.words(desk) and "Pay $800.00" not in till.browser("dora").words(page)
    assert "Custom deployment: AWS, eu-central-1 (ticket 1)" in alice.words("/billing")

    assert till.sandbox.post(sold.url, action="pay", card="pm_card_visa").status == 303
    settle(till)
    assert "once Paid Paid on" in alice.words(page) and "once Paid" in sue.words(desk)
    assert sorted(to(till, "quote_paid")) == ["oscar", "sue"]
    [receipt] = [one for one in letters(till.house, "billing/receipt") if one.to.startswith("alice")]
    assert receipt.subject == "Receipt: $800.00 for Custom deployment: AWS, eu-central-1 (ticket 1)"
    assert "a month" not in receipt.text and "Paid: $800.00" in receipt.text
    assert till.held().plan == "api-free", "it bought work, and no plan"
    refused = sue.post(f"{desk}/quote/withdrawal", quote=quote_of(till).id)
    assert refused.status_code == 409 and "is paid" in refused.text


def test_a_double_click_on_accept_makes_one_invoice(till, alice):
    page, desk = ask(till)
    offer(till, desk)
    action, fields = alice.form(page, "Accept $800.00")
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(_fresh(till, alice).post(action, data=fields)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [303, 303]
    settle(till)
    assert len(till.sandbox.v1.invoices.list().data) == 1
    assert to(till, "quote_invoiced").count("alice") == 1


def _fresh(till, browser):
    """Another window of the same browser."""
    client = till.app.test_client()
    client._cookies = dict(browser.client._cookies)
    return client


def test_declined_it_is_over_and_staff_may_offer_another(till, alice, sue):
    page, desk = ask(till)
    offer(till, desk)
    assert "Offer a quote" not in sue.words(desk)
    alice.press(page, "Decline")
    settle(till)
    assert "Declined" in alice.words(page) and "declined by Alice" in sue.words(desk)
    assert sorted(to(till, "quote_declined")) == ["oscar", "sue"]
    assert offer(till, desk, amount="700").status_code == 303
    assert "$700.00" in alice.words(page) and "$800.00" not in alice.words(page)
    assert till.sandbox.v1.invoices.list().data == []


def test_withdrawn_before_it_is_paid_its_invoice_is_void(till, alice, sue):
    page, desk = ask(till)
    offer(till, desk)
    alice.press(page, "Accept $800.00")
    settle(till)
    assert sue.press(desk, "Withdraw").status_code == 303
    settle(till)
    [invoice] = till.sandbox.v1.invoices.list().data
    assert invoice.status == "void"
    assert "Withdrawn" in alice.words(page) and "Nothing is charged" in alice.words(page)
    [letter] = [one for one in letters(till.house, "support/quote_withdrawn") if one.to.startswith("alice")]
    assert "do not pay it" in letter.text


def test_withdrawn_while_the_invoice_is_not_written_yet_it_never_can_be_paid(till, alice, sue):
    page, desk = ask(till)
    offer(till, desk)
    alice.press(page, "Accept $800.00")
    sue.press(desk, "Withdraw")
    settle(till)
    assert [one.status for one in till.sandbox.v1.invoices.list().data] in ([], ["void"])
    assert to(till, "quote_invoiced") == []


def test_accepting_too_late_is_refused_with_a_sentence(till, alice, sue):
    page, desk = ask(till)
    offer(till, desk, valid_days="1")
    action, fields = alice.form(page, "Accept $800.00")
    till.pass_time("25h")
    assert "Expired" in alice.words(page) and "Accept" not in alice.words(page)
    refused = alice.client.post(action, data=fields)
    assert refused.status_code == 409 and "could be accepted until" in refused.text
    other, second = ask(till)
    offer(till, second)
    action, fields = alice.form(other, "Accept $800.00")
    sue.press(second, "Withdraw")
    refused = alice.client.post(action, data=fields)
    assert refused.status_code == 409 and "was withdrawn" in refused.text


def test_stripe_away_the_invoice_comes_when_it_is_back(till, alice):
    page, desk = ask(till)
    offer(till, desk)
    alice.press(page, "Accept $800.00")
    nowhere = replace(till.settings.payments, api_base="http://127.0.0.1:9")
    away = replace(till.house, stripe=billing.Stripe(nowhere))
    with pytest.raises(ConnectionError):
        follow(away)
    assert "the invoice is on its way" in alice.words(page)
    till.sandbox.advance("1m")  # the relay hands out again what was not done
    settle(till)
    assert "To be paid" in alice.words(page)


def test_without_payments_accepting_says_so_and_staff_write_the_invoice(till, alice):
    page, desk = ask(till)
    offer(till, desk)
    app = site_of(replace(till.settings, payments=None))
    client = till.browser("alice", app)
    client.press(page, "Accept $800.00")
    assert "We write the invoice by hand" in client.words(page)
    follow(replace(till.house, stripe=None, settings=replace(till.settings, payments=None)))
    assert "write the invoice yourself" in letters(till.house, "support/quote_accepted")[0].text
    settle(till)
    assert "We write the invoice by hand" in alice.words(page), "also when payments are set up later"
    assert "Write the invoice by hand." in till.browser("sue").words(desk)
    assert to(till, "quote_invoiced") == to(till, "quote_not_invoiced") == []


def test_an_amount_outside_of_the_catalogues_asks_for_a_reason_and_keeps_what_was_typed(till, sue):
    _, desk = ask(till)
    refused = offer(till, desk, amount="3000")
    assert refused.status_code == 422 and "names $500 to $2,000" in refused.text
    assert 'value="3000"' in refused.text and "One cluster, *handed over*." in refused.text
    assert offer(till, desk, amount="3000", reason="Three regions.").status_code == 303
    assert "Three regions." in sue.words(desk)
    assert "Three regions." not in till.browser("alice").words("/tickets/1")


def test_crooked_quotes_and_wishes_come_back_with_a_sentence(till, alice):
    _, desk = ask(till)
    for changes, sentence in (
        ({"amount": ""}, "Say what it costs."),
        ({"amount": "much"}, "Not a valid decimal value"),
        ({"amount": "1e99"}, "Give an amount."),
        ({"text": " "}, "Write a message."),
        ({"valid_days": "200"}, "Let it stand for 1 to 90 days."),
    ):
        refused = offer(till, desk, **changes)
        assert refused.status_code == 422 and sentence in refused.text, changes
    for changes, sentence in (
        ({"what": " "}, "Say what to deploy."),
        ({"where": ""}, "Say where it should run"),
        ({"budget": "100"}, "Such work costs $500 to $2,000"),
        ({"budget": "lots"}, "Not a valid integer value"),
    ):
        refused = alice.press(NEW, "Ask for a quote", **{**ASKED, **changes})
        assert refused.status_code == 422 and sentence in refused.text, changes
        assert "what" in changes or "Your API on our cluster." in refused.text


def test_a_strangers_quote_is_not_there(till):
    page, desk = ask(till)
    offer(till, desk)
    charlie, quote = till.browser("charlie"), quote_of(till).id
    for path in ("acceptance", "refusal"):
        assert charlie.post(f"{page}/quote/{path}", quote=quote).status_code == 404
    for path in ("quote", "quote/withdrawal"):
        assert charlie.post(f"{desk}/{path}", quote=quote).status_code == 404
    assert quote_of(till).state(till.now) == "offered"


def test_the_way_to_the_form_is_on_the_pages_that_name_it(alice):
    assert NEW in alice.get("/pricing").text
    assert re.search(r'href="/tickets/new\?kind=deployment"', alice.get("/tickets/new").text)


def test_another_offer_from_a_page_that_was_sent_comes_back(till, sue):
    _, desk = ask(till)
    action, fields = sue.form(f"{desk}/quote", "Offer")
    given = {**fields, "amount": "800", "text": "One cluster.", "valid_days": "14"}
    assert [sue.client.post(action, data=given).status_code for _ in range(2)] == [303, 303]
    refused = sue.client.post(action, data={**given, "amount": "900"})
    assert refused.status_code == 422 and "Something else was sent from this page" in refused.text
    assert 'value="900"' in refused.text and "One cluster.</textarea>" in refused.text
    assert fields["nonce"] not in refused.text


def test_another_quote_is_refused_while_the_accepted_one_is_to_be_paid(till, alice, sue):
    page, desk = ask(till)
    offer(till, desk)
    alice.press(page, "Accept $800.00")
    settle(till)
    refused = offer(till, desk, amount="900", text="More of it.")
    assert refused.status_code == 422 and "accepted and is not paid yet" in refused.text
    assert "More of it.</textarea>" in refused.text
    with till.database() as session:
        sold = billing.one_off(session, quote_of(till).id)
    till.sandbox.post(sold.url, action="pay", card="pm_card_visa")
    settle(till)
    assert "Offer a quote" in sue.words(desk)
    assert offer(till, desk, amount="900", text="More of it.").status_code == 303


def test_staff_are_told_of_a_quote_also_when_whoever_had_the_ticket_has_left(till, alice, sue):
    page, desk = ask(till)
    sue.post(f"{desk}/assignment", do="take")
    offer(till, desk)
    with till.database() as session, unit(session):
        accounts.by_email(session, "sue@example.com").staff_role = None
    alice.press(page, "Decline")
    follow(till.house)
    assert to(till, "quote_declined") == ["oscar"]


def test_a_worker_that_ends_between_the_invoice_and_its_letter_leaves_one_of_each(till, alice):
    page, desk = ask(till)
    offer(till, desk)
    alice.press(page, "Accept $800.00")
    with till.database() as session:
        told = session.query(ToldFact).filter_by(name=support.QuoteAccepted.name).one()

    def find(fact, reaction):
        def ends(session, fact, occasion):
            invoice_quote(session, fact, occasion)
            raise KeyboardInterrupt

        return ends

    with pytest.raises(KeyboardInterrupt):
        relay.react(till.house, told.id, "invoice_quote", find=find)
    assert to(till, "quote_invoiced") == [] and len(till.sandbox.v1.invoices.list().data) == 1
    settle(till)
    assert sorted(to(till, "quote_invoiced")) == ["alice", "bob"]
    assert len(till.sandbox.v1.invoices.list().data) == 1
