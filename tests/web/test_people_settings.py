"""Settings, as pages."""

import re
from datetime import timedelta

import pyotp
import pytest

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from portal.web import audit
from tests.web.people import PASSWORD, Visit
from tests.web.sites import site_of

NEW_PASSWORD = "a much longer one than before"
OPERATOR = accounts.Actor(None, "operator root")


@pytest.fixture
def alice(visit, world):
    """Alice, signed in."""
    world.enrol("Alice")
    visit.sign_in("alice@example.com")
    return visit


def test_a_name_is_changed(alice, world):
    assert alice.send("/settings/name", on="/settings", name="Alice Liddell").location == "/settings"
    assert world.person("alice@example.com").name == "Alice Liddell"


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "bell\x07"])
def test_a_name_that_will_not_do_comes_back(alice, name):
    answer = alice.send("/settings/name", on="/settings", name=name)
    assert answer.status_code == 422 and "There is a problem" in answer.text


def test_letters_are_turned_off_and_on(alice, world):
    alice.send("/settings/letters", on="/settings", kinds="quota")
    assert world.person("alice@example.com").letters_off == ["keys", "tickets"]
    alice.send("/settings/letters", on="/settings")
    assert world.person("alice@example.com").letters_off == ["keys", "quota", "tickets"]
    assert alice.send("/settings/letters", on="/settings", kinds="nonsense").status_code == 422


def test_browsers_are_listed_and_signed_out(alice, visit_elsewhere, world):
    visit_elsewhere.sign_in("alice@example.com")
    page = alice.get("/settings").text
    assert "Firefox on Linux" in page and "198.51.100.9" in page
    theirs = re.findall(r"/settings/sign-ins/(sin_\w+)/end", page)
    assert len(theirs) == 2
    assert alice.send("/settings/sign-ins/end-others", on="/settings").location == "/settings"
    assert visit_elsewhere.get("/settings").status_code == 303
    assert alice.get("/settings").status_code == 200


def test_one_browser_is_signed_out_at_once(alice, visit_elsewhere, world):
    visit_elsewhere.sign_in("alice@example.com")
    with world.database() as session:
        person = world.person("alice@example.com")
        rows = accounts.sign_ins(session, person.id, now=clock.now())
    other = next(row for row in rows if row.user_agent == "curl/8.5")
    mine = next(row for row in rows if row.user_agent != "curl/8.5")
    assert alice.send(f"/settings/sign-ins/{other.id}/end", on="/settings").location == "/settings"
    assert visit_elsewhere.get("/settings").status_code == 303
    assert alice.send(f"/settings/sign-ins/{mine.id}/end", on="/settings").location == "/login"
    assert alice.get("/settings").status_code == 303


def test_a_strangers_browser_cannot_be_signed_out(alice, visit_elsewhere, world):
    world.enrol("Charlie")
    visit_elsewhere.sign_in("charlie@example.com")
    with world.database() as session:
        charlies = accounts.sign_ins(session, world.person("charlie@example.com").id, now=clock.now())[0]
    for sign_in_id in (charlies.id, "sin_nonsense"):
        assert alice.send(f"/settings/sign-ins/{sign_in_id}/end", on="/settings").status_code == 404
    assert visit_elsewhere.get("/settings").status_code == 200


def test_a_new_password_signs_out_elsewhere_and_renews_this_cookie(alice, visit_elsewhere, world):
    visit_elsewhere.sign_in("alice@example.com")
    before = alice.cookie
    assert alice.send("/settings/password", password="short").status_code == 422
    assert alice.send("/settings/password", password="").status_code == 422
    assert alice.send("/settings/password", password=NEW_PASSWORD).location == "/settings"
    assert alice.cookie != before
    assert alice.get("/settings").status_code == 200
    assert visit_elsewhere.get("/settings").status_code == 303
    assert visit_elsewhere.sign_in("alice@example.com").status_code == 422
    assert visit_elsewhere.sign_in("alice@example.com", NEW_PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("page", "posts"),
    [
        ("/settings/password", ["/settings/password"]),
        ("/settings/email", ["/settings/email"]),
        ("/settings/close", ["/settings/close"]),
        (
            "/settings/codes",
            ["/settings/codes", "/settings/codes/confirm", "/settings/codes/recovery", "/settings/codes/off"],
        ),
    ],
)
def test_what_matters_asks_for_the_password_again_after_half_an_hour(alice, world, page, posts):
    world.move("alice@example.com", proven_at=clock.now() - timedelta(minutes=31))
    assert alice.get(page).location == f"/settings/proof?next={page}"
    for path in posts:
        answer = alice.send(path, on="/settings", password=NEW_PASSWORD, email="x@example.com", typed="Alice")
        assert (answer.status_code, answer.location) == (303, f"/settings/proof?next={page}")
    assert alice.send("/settings/proof", password="", next=page).status_code == 422
    assert alice.send("/settings/proof", password="wrong password", next=page).status_code == 422
    assert alice.send("/settings/proof", password=PASSWORD, next=page).location == page
    assert alice.get(page).status_code == 200
    assert alice.send("/settings/proof", password=PASSWORD, next="//evil.example").location == "/settings"


def test_an_address_changes_through_the_new_one(alice, visit_elsewhere, world):
    assert alice.send("/settings/email", email="alice@new.example.com").location == "/settings"
    assert len(world.told(accounts.AddressChangeAsked)) == 1
    link = world.link("address", "alice@example.com", "alice@new.example.com")
    before = alice.cookie
    assert "alice@new.example.com" in alice.get(link).text
    assert world.person("alice@example.com")
    assert alice.send(link).location == "/settings"
    assert world.person("alice@new.example.com") and alice.cookie != before
    assert alice.get("/settings").status_code == 200
    assert len(world.told(accounts.AddressChanged)) == 1
    assert visit_elsewhere.get(link).status_code == 404


def test_the_click_of_an_addresss_owner_does_not_give_it_to_a_stranger_who_asked_for_it(
    alice, visit_elsewhere, world
):
    link = world.link("address", "alice@example.com", "victim@example.com")
    assert visit_elsewhere.get(link).location == f"/login?next={link}"
    assert visit_elsewhere.send(link, on="/login").location == f"/login?next={link}"
    assert world.person("victim@example.com") is None


def test_an_address_that_somebody_has_gets_the_same_answer(alice, world):
    world.enrol("Bob")
    answer = alice.send("/settings/email", email="bob@example.com")
    assert (answer.status_code, answer.location) == (303, "/settings")
    assert world.told(accounts.AddressChangeAsked) == []


@pytest.mark.parametrize("email", ["", "nonsense", "alice@example.com", "a@mailinator.com"])
def test_an_address_that_will_not_do_comes_back(alice, email):
    assert alice.send("/settings/email", email=email).status_code == 422


def test_an_authenticator_is_set_up_with_a_picture_and_recovery_codes(alice, world):
    assert alice.send("/settings/codes").location == "/settings/codes"
    page = alice.get("/settings/codes").text
    assert "<svg" in page and "style=" not in page.split("<main")[1]
    secret = re.search(r'class="breaks">([A-Z2-7 ]+)<', page).group(1).replace(" ", "")
    wrong = alice.send("/settings/codes/confirm", on="/settings/codes", code="12345x")
    assert wrong.status_code == 422 and "not right" in wrong.text and "<svg" in wrong.text
    before = alice.cookie
    shown = alice.send("/settings/codes/confirm", on="/settings/codes", code=pyotp.TOTP(secret).now())
    assert shown.status_code == 200 and alice.cookie != before
    codes = re.findall(r"(?:[a-z2-7]{4}-){5}[a-z2-7]{4}", shown.text)
    assert len(codes) == 8 and shown.headers["Cache-Control"] == "no-store"
    assert codes[0] not in alice.get("/settings/codes").text
    assert alice.send("/logout", on="/settings").location == "/login"
    alice.sign_in("alice@example.com")
    assert alice.send("/login/code", code=codes[0]).location == "/dashboard"
    assert "7 recovery codes left" in alice.get("/settings").text
    fresh = alice.send("/settings/codes/recovery", on="/settings/codes")
    assert fresh.status_code == 200 and codes[1] not in fresh.text
    assert alice.send("/settings/codes/off", on="/settings/codes").location == "/settings"
    assert world.person("alice@example.com").totp_secret is None


def test_the_page_after_the_recovery_codes_still_takes_forms(alice):
    """The cookie and the form's secret are renewed together."""
    alice.send("/settings/codes")
    secret = re.search(r'class="breaks">([A-Z2-7 ]+)<', alice.get("/settings/codes").text).group(1)
    totp = pyotp.TOTP(secret.replace(" ", ""))
    shown = alice.send("/settings/codes/confirm", on="/settings/codes", code=totp.now())
    token = re.search(r'csrf_token" value="([^"]+)"', shown.text).group(1)
    assert alice.post("/logout", csrf_token=token).status_code == 303


@pytest.mark.parametrize("path", ["confirm", "recovery", "off"])
def test_codes_that_are_not_on_cannot_be_used(alice, path):
    assert alice.send(f"/settings/codes/{path}", on="/settings", code="123456").status_code == 409


def test_an_account_gets_another_name(alice, world):
    answer = alice.send("/settings/account", on="/settings", organisation="Wonderland Ltd")
    assert answer.location == "/settings"
    assert world.account("alice@example.com").name == "Wonderland Ltd"
    assert alice.send("/settings/account", on="/settings", organisation="").status_code == 422
    assert alice.send("/settings/account", on="/settings", organisation="x" * 81).status_code == 422


def test_an_account_is_closed_by_its_owner_who_types_its_name(settings, database, world):
    pushed = []
    alice = Visit(site_of(settings, push=pushed.append))
    world.enrol("Alice")
    tag = world.account("alice@example.com").tag
    alice.sign_in("alice@example.com")
    for typed in ("", "alice"):
        assert alice.send("/settings/close", typed=typed).status_code == 422
    assert pushed == []
    assert alice.send("/settings/close", typed="Alice").location == "/login"
    assert pushed == [tag]
    assert alice.get("/settings").status_code == 303
    assert alice.sign_in("alice@example.com").status_code == 422
    assert len(world.told(accounts.AccountClosed)) == 1


def test_who_has_another_account_stays_signed_in_after_closing_one(alice):
    alice.send("/accounts", on="/accounts/new", organisation="Second Ltd")
    assert alice.send("/settings/close", typed="Second Ltd").location == "/dashboard"
    assert 'value="Alice"' in alice.get("/settings").text


@pytest.mark.parametrize("role", ["admin", "developer", "billing", "viewer"])
def test_only_an_owner_renames_or_closes_the_account(visit, world, role):
    world.enrol("Alice")
    world.join("alice@example.com", "Bob", role)
    visit.sign_in("bob@example.com")
    assert "Close account" not in visit.get("/settings").text
    assert visit.get("/settings/close").status_code == 403
    assert visit.send("/settings/close", on="/settings", typed="Alice").status_code == 403
    assert visit.send("/settings/account", on="/settings", organisation="Bob's").status_code == 403


@pytest.mark.parametrize(
    ("role", "status"), [("admin", 200), ("developer", 403), ("billing", 403), ("viewer", 403)]
)
def test_owners_and_admins_read_the_audit(visit, world, role, status):
    world.enrol("Alice")
    world.join("alice@example.com", "Bob", role)
    visit.sign_in("bob@example.com")
    assert visit.get("/settings/audit").status_code == status


def test_the_audit_does_not_say_where_staff_sat(alice, world):
    account = world.account("alice@example.com")
    staff = accounts.Actor(None, "sam@example.com", "198.51.100.200")
    with world.database() as session, session.begin():
        accounts.record(session, staff, "account.looked_at", account_id=account.id, now=clock.now())
    page = alice.get("/settings/audit").text
    assert "sam@example.com" in page and "198.51.100.200" not in page


@pytest.mark.parametrize("deed", ["plan.fulfilled", "billing.grace", "ticket.quote_offered", "tea.poured"])
def test_whatever_staff_do_the_audit_does_not_say_where_they_sat(alice, world, deed):
    account, now = world.account("alice@example.com"), clock.now()
    with world.database() as session, unit(session):
        sue = accounts.add_staff(session, "sue@example.com", "support", actor=OPERATOR, now=now)
        actor = accounts.actor(sue, "192.0.2.99")
        accounts.record(session, actor, deed, account_id=account.id, now=now)
    page = alice.get("/settings/audit").text
    assert "sue@example.com" in page and "192.0.2.99" not in page
    assert alice.options["environ_base"]["REMOTE_ADDR"] in page


def test_the_audit_is_written_in_words_and_has_pages(alice, world):
    account = world.account("alice@example.com")
    with world.database() as session, session.begin():
        for n in range(60):
            accounts.record(
                session,
                accounts.Actor(None, "Zed"),
                "key.minted" if n % 2 else "tea.poured",
                account_id=account.id,
                subject=f"key_{n}",
                data={"name": "Laptop"},
                reason="Because.",
                now=clock.now(),
            )
    page = alice.get("/settings/audit")
    assert page.status_code == 200
    assert "Created a key" in page.text and "Tea poured" in page.text
    assert "name: Laptop" in page.text and "Because." in page.text
    assert "Page 1 of 2" in page.text
    assert "Signed in" in alice.get("/settings/audit?page=2").text
    for odd in ("0", "-1", "999", "nonsense"):
        assert alice.get(f"/settings/audit?page={odd}").status_code == 200


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "yes"),
        (False, "no"),
        ("2026-11-30T12:42:04.763163+00:00", "30 Nov 2026, 12:42 UTC"),
        ("2026-11-30", "2026-11-30"),
        (4, "4"),
    ],
)
def test_what_an_entry_of_the_audit_holds_is_read_by_people(value, words):
    row = accounts.AuditEntry(action="key.rotated", subject="key_1", data={"retires_at": value})
    assert audit.details(row, {}) == f"key_1; retires at: {words}"


def test_a_stranger_sees_nothing_of_the_audit(alice, visit_elsewhere, world):
    world.enrol("Charlie")
    visit_elsewhere.sign_in("charlie@example.com")
    assert "alice@example.com" not in visit_elsewhere.get("/settings/audit").text


def test_pages_of_people_are_not_kept_by_caches(alice):
    for path in ("/settings", "/team", "/settings/audit"):
        assert alice.get(path).headers["Cache-Control"] == "no-store"
