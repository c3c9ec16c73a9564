"""What staff do for an account beside its tickets: extra units, and the letter that proves an address."""

import pytest

from portal import accounts, metering
from portal.kit.db import unit
from portal.kit.outbox import ToldFact
from tests.web.sites import site_of
from tests.web.till import Browser

GIVEN = {"units": "500", "meter": "calls", "why": "For the outage on Tuesday."}


@pytest.fixture
def path(desk):
    return f"/staff/accounts/{desk.ids['alice']}"


@pytest.fixture
def sue(desk, settings):
    app = site_of(settings, push=desk.pushed.append)
    return Browser(app, lambda: desk.cookies["sue"], None)


def test_staff_give_extra_units_and_the_customer_sees_them(desk, sue, path):
    assert sue.press(path, "Give extra units", **GIVEN).status_code == 303
    words = sue.words(path)
    assert "500 units are given for this billing month." in words
    assert "500 calls" in words and "For the outage on Tuesday." in words and "0 of 1,500" in words
    with desk.database() as session:
        assert desk.pushed == [accounts.tag(session, desk.ids["alice"])]
    assert ("sue", "credit.given") in desk.noted()
    usage = desk.browser("alice").words("/usage")
    assert "0 of 1,500 calls used" in usage
    assert "500 of them were given to you on top of your plan, for this billing month." in usage


def test_a_double_click_gives_once(sue, path):
    action, fields = sue.form(path, "Give extra units")
    for _ in range(2):
        assert sue.client.post(action, data={**fields, **GIVEN}).status_code == 303
    assert "0 of 1,500" in sue.words(path)


def test_other_units_from_a_page_that_was_sent_come_back_and_are_given_when_sent_again(sue, path):
    action, fields = sue.form(path, "Give extra units")
    sue.client.post(action, data={**fields, **GIVEN})
    refused = sue.client.post(action, data={**fields, **GIVEN, "units": "7"})
    assert refused.status_code == 422 and "Something else was sent from this page" in refused.text
    assert 'value="7"' in refused.text and GIVEN["why"] in refused.text
    assert fields["nonce"] not in refused.text and "0 of 1,500" in sue.words(path)


def test_what_a_closed_account_is_refused_comes_back(desk, sue, path):
    action, fields = sue.form(path, "Give extra units")
    with desk.database() as session, unit(session):
        accounts.get(session, desk.ids["alice"]).closed_at = desk.now
    refused = sue.client.post(action, data={**fields, **GIVEN})
    assert refused.status_code == 422 and "This account is closed." in refused.text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"units": ""}, "Say how many units"),
        ({"units": "0"}, "Give 1 to 1,000,000,000,000 units."),
        ({"units": "many"}, "Not a valid integer value."),
        ({"why": " "}, "Say why"),
        ({"why": "x" * 301}, "Say why, in 1 to 300 characters"),
        ({"meter": "tea"}, "Not a valid choice."),
    ],
)
def test_what_will_not_do_comes_back_with_the_rest_kept(sue, path, changed, said):
    answer = sue.press(path, "Give extra units", **{**GIVEN, **changed})
    assert answer.status_code == 422 and said in answer.text and "There is a problem" in answer.text
    kept = {name: value for name, value in GIVEN.items() if name not in changed and name != "meter"}
    assert all(value in answer.text for value in kept.values())
    assert "0 of 1,000" in sue.words(path)


def test_the_letter_that_proves_an_address_is_sent_again(desk, sue, path):
    with desk.database() as session, unit(session):
        accounts.person(session, desk.people["bob"]).verified_at = None
    assert sue.press(path, "Send the letter again").status_code == 303
    assert "A letter is on its way to bob@example.com" in sue.words(path)
    with desk.database() as session:
        assert session.query(ToldFact).filter_by(name=accounts.AddressToVerify.name).count() == 1
    assert ("sue", "verification.sent_again") in desk.noted()


def test_nothing_is_sent_to_who_is_proven_or_not_of_the_account(desk, sue, path):
    def send(name):
        return sue.post(f"{path}/members/{desk.people[name]}/verification").status_code

    assert (send("alice"), send("charlie")) == (409, 404)
    assert sue.post(f"{path}/members/per_none/verification").status_code == 404


def test_customers_give_themselves_nothing(desk, path):
    alice = desk.browser("alice")
    assert alice.post(f"{path}/credits", **GIVEN, nonce="n").status_code == 404
    assert alice.post(f"{path}/members/{desk.people['bob']}/verification").status_code == 404
    with desk.database() as session:
        assert session.query(metering.Credit).count() == 0


def test_an_account_that_is_not_there_is_404(sue):
    assert sue.post("/staff/accounts/acc_none/credits", **GIVEN, nonce="n").status_code == 404
