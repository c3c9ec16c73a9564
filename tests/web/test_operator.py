"""The operator's and the staff's pages: what is to be set up, and accounts as their helpers see them."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import accounts, keys, plans
from portal.accounts.models import AuditEntry
from portal.kit import clock
from portal.kit.db import unit
from tests.plans.people import OPERATOR, publish, someone
from tests.web.people import Visit
from tests.web.sites import site_of

PLACE = accounts.Browser("192.0.2.7", "tests")


class Office:
    """Alice's account with two keys, and the staff: Sue of the support, Oscar who runs the platform."""

    def __init__(self, settings, database):
        self.settings, self.database, self.now, self.pushed = settings, database, clock.now(), []
        with database() as session, unit(session):
            publish(session, self.now)
            self.people = {name: someone(session, name, self.now) for name in ("Alice", "Sue", "Oscar")}
            self.people["Sue"].staff_role, self.people["Oscar"].staff_role = "support", "operator"
            account = accounts.open_account(session, "Example Ltd", self.people["Alice"], now=self.now)
            self.account, self.tag = account.id, account.tag
            self.cookies = {
                name: accounts.begin(session, one, PLACE, now=self.now) for name, one in self.people.items()
            }
        self.key = self.mint("Ingest")
        self.path = f"/staff/accounts/{self.account}"

    def mint(self, name):
        stamp = keys.Stamp(self.settings.key_prefix, self.settings.key_peppers[0])
        with self.database() as session, unit(session):
            return keys.mint(session, self.account, name, stamp=stamp, actor=OPERATOR, now=self.now)

    def open(self, name, at=None):
        with self.database() as session, unit(session):
            owner = someone(session, name.replace(" ", "-"), self.now)
            return accounts.open_account(session, name, owner, now=at or self.now).id

    def visit(self, name, **changes):
        """A browser that somebody is signed in with, on a site with other settings."""
        settings = replace(self.settings, **changes)
        app = site_of(settings, push=self.pushed.append)
        browser = Visit(app)
        browser.client.set_cookie(
            "__Host-upkeep" if settings.secure_cookies else "upkeep", self.cookies[name]
        )
        return browser

    def words(self, name, path, **changes):
        answer = self.visit(name, **changes).get(path)
        assert answer.status_code == 200
        return text(answer)

    def audited(self):
        with self.database() as session:
            rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        return [(row.actor, row.action, row.account_id, row.reason) for row in rows if row.actor in STAFF]

    def state(self):
        with self.database() as session:
            return accounts.get(session, self.account)


STAFF = ("sue@example.com", "oscar@example.com")


@pytest.fixture
def office(settings, database, redis):
    return Office(settings, database)


def text(answer):
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def test_a_fresh_installation_says_what_is_to_be_set_up(office):
    words = office.words("Oscar", "/operator")
    assert "8 of 10 steps are left." in words
    for step in ("Name and logo", "Address", "Mail", "Terms and help", "Service key", "First call"):
        assert f"{step} To do" in words
    assert "Plans Done" in words and "Backups Yours to keep in mind" in words


def test_what_is_set_up_is_ticked(office):
    with office.database() as session, unit(session):
        stamp = keys.Stamp("upk", office.settings.key_peppers[0])
        keys.mint_service(session, "The API", stamp=stamp, actor=OPERATOR, now=office.now)
        keys.touch_used(session, {office.key.key_id: office.now})
    brand = replace(office.settings.brand, name="Memories", logo="https://memories.example/logo.svg")
    words = office.words("Oscar", "/operator", smtp_url="smtp://mail.example", brand=brand)
    for step in ("Name and logo", "Mail", "Plans", "Service key", "First call"):
        assert f"{step} Done" in words
    assert "4 of 10 steps are left" in words


def test_an_observing_installation_says_so(office):
    assert "nothing is refused" in office.words("Oscar", "/operator", gate_mode="observe")
    assert "nothing is refused" not in office.words("Oscar", "/operator")


@pytest.mark.parametrize("searched", ["example", "alice@", "ALICE@EXAMPLE.COM"])
def test_staff_find_an_account_by_its_name_and_its_people(office, searched):
    office.open("Another")
    words = office.words("Sue", f"/staff/accounts?q={searched}")
    assert "Example Ltd alice@example.com API Free 1 Open" in words


def test_staff_find_an_account_by_its_id_and_by_the_start_of_a_key(office):
    office.open("Another")
    for searched in (office.account, office.key.token[:20]):
        words = office.words("Sue", f"/staff/accounts?q={searched}")
        assert "1 found" in words and "Example Ltd" in words and "Another" not in words


def test_a_search_that_finds_nothing_says_how_to_search(office):
    words = office.words("Sue", "/staff/accounts?q=%25")
    assert "Nothing found" in words and "start of a key" in words


def test_a_search_is_noted(office):
    office.words("Sue", "/staff/accounts?q=example")
    assert ("sue@example.com", "accounts.searched", None, None) in office.audited()


def test_a_long_list_has_pages(office):
    for number in range(30):
        office.open(f"Company {number:02}")
    first, second = office.words("Sue", "/staff/accounts"), office.words("Sue", "/staff/accounts?page=2")
    assert "31 in all" in first and "Company 29" in first and "Example Ltd" not in first
    assert "Page 2 of 2" in second and "Example Ltd" in second


def test_staff_see_the_account_its_people_and_the_health_of_its_keys(office):
    old = office.mint("Laptop")
    with office.database() as session, unit(session):
        keys.revoke(session, office.account, old.key_id, actor=OPERATOR, now=office.now)
        plans.grant(session, office.account, "api-pro", OPERATOR, office.now - timedelta(seconds=1))
    words = office.words("Sue", office.path)
    assert "API Pro" in words and "Given by the operator" in words
    assert re.search(r"Laptop upk_live_\S+… Live Revoked Not yet", words)
    assert re.search(r"Ingest upk_live_\S+… Live Live Not yet Never", words)
    assert "Alice alice@example.com Owner" in words


def test_no_page_of_the_staff_shows_a_key(office):
    assert office.key.token not in office.visit("Sue").get(office.path).text


def test_each_look_at_an_account_is_noted(office):
    office.words("Sue", office.path)
    assert ("sue@example.com", "account.looked_at", office.account, None) in office.audited()
    assert "Looked at the account, as staff" in office.words("Sue", office.path)


def test_staff_suspend_with_a_reason_that_is_noted(office):
    browser = office.visit("Sue")
    answer = browser.send(f"{office.path}/suspension", on=office.path, reason="Sends spam.")
    assert (answer.status_code, answer.location) == (303, office.path)
    assert office.state().suspended_at is not None and office.state().suspension_reason == "Sends spam."
    assert ("sue@example.com", "account.suspended", office.account, "Sends spam.") in office.audited()
    assert office.pushed == [office.tag]
    assert "Suspended" in text(browser.get(office.path)) and "Sends spam." in text(browser.get(office.path))


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301])
def test_a_suspension_without_a_fit_reason_is_refused_and_kept_in_the_form(office, reason):
    answer = office.visit("Sue").send(f"{office.path}/suspension", on=office.path, reason=reason)
    assert answer.status_code == 422
    assert "There is a problem" in answer.text and reason.strip() in answer.text
    assert office.state().suspended_at is None and office.pushed == []


def test_what_is_suspended_is_not_suspended_again(office):
    browser = office.visit("Sue")
    page = office.path
    first = browser.send(f"{page}/suspension", on=page, reason="Sends spam.")
    again = browser.send(f"{page}/suspension", on=page, reason="Another reason.")
    assert (first.status_code, again.status_code) == (303, 422)
    assert "The account is suspended already." in again.text
    assert office.state().suspension_reason == "Sends spam."


def test_staff_resume_what_was_suspended(office):
    browser = office.visit("Sue")
    browser.send(f"{office.path}/suspension", on=office.path, reason="Sends spam.")
    answer = browser.send(f"{office.path}/resumption", on=office.path)
    assert answer.status_code == 303 and office.state().suspended_at is None
    assert ("sue@example.com", "account.resumed", office.account, None) in office.audited()
    assert office.pushed == [office.tag, office.tag]
    assert browser.send(f"{office.path}/resumption", on=office.path).status_code == 409


def test_only_the_operator_observes(office):
    assert "Its limits do not hold" not in office.words("Sue", office.path)
    browser = office.visit("Oscar")
    assert browser.send(f"{office.path}/observation", on=office.path, observe="on").status_code == 303
    assert office.state().observed_at is not None
    assert "none is refused" in text(browser.get(office.path))
    assert browser.send(f"{office.path}/observation", on=office.path, observe="off").status_code == 303
    assert office.state().observed_at is None
    noted = [(action, account) for actor, action, account, _ in office.audited() if actor == STAFF[1]]
    assert ("account.observed", office.account) in noted and ("account.enforced", office.account) in noted
    assert office.pushed == [office.tag, office.tag]


@pytest.mark.parametrize("deed", ["", "/suspension", "/resumption", "/observation"])
def test_an_account_that_is_not_there_is_404(office, deed):
    browser = office.visit("Oscar")
    path = f"/staff/accounts/acc_nothing{deed}"
    answer = browser.send(path, on="/operator", reason="A reason.") if deed else browser.get(path)
    assert answer.status_code == 404


def test_beyond_this_machine_staff_need_a_second_factor_first(office):
    answer = office.visit("Oscar", public_url="https://portal.example.com").get("/operator")
    assert answer.status_code == 303 and "/settings/codes" in answer.location
