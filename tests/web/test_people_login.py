"""Signing in and out, as pages."""

import re
from datetime import timedelta

import pytest
from flask_login import current_user

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from portal.web import create_app, site, visitor
from tests.web.people import PASSWORD, Visit
from tests.web.sites import site_of


def main(page):
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page.text.split("<main")[1].split("</main")[0])


def test_the_right_password_signs_in(visit, world):
    world.enrol("Alice")
    assert visit.sign_in("ALICE@example.com").location == "/dashboard"
    assert visit.get("/settings").status_code == 200
    cookie = visit.client.get_cookie("upkeep")
    assert cookie.http_only and cookie.same_site == "Lax" and cookie.max_age is None


def test_a_wrong_address_and_a_wrong_password_get_one_answer(visit, visit_elsewhere, world):
    world.enrol("Alice")
    known = visit.sign_in("alice@example.com", "wrong password")
    unknown = visit_elsewhere.sign_in("nobody@example.com", "wrong password")
    assert known.status_code == unknown.status_code == 422
    assert main(known) == main(unknown).replace("nobody@", "alice@")
    assert "The address or the password is not right." in known.text
    assert "wrong password" not in known.text


@pytest.mark.parametrize("path", ["/login", "/signup", "/forgot"])
def test_text_with_a_nul_is_not_taken(visit, world, path):
    fields = {"email": "a\x00b@example.com", "password": PASSWORD, "name": "Alice"}
    assert visit.send(path, **fields).status_code == 400
    assert visit.get("/verify/%00").status_code == 400


@pytest.mark.parametrize("given", [{"email": ""}, {"password": ""}, {"email": "x" * 5000}])
def test_a_form_that_is_not_filled_in_comes_back(visit, world, given):
    fields = {"email": "alice@example.com", "password": PASSWORD, **given}
    assert visit.send("/login", **fields).status_code == 422


def test_after_ten_tries_the_page_says_when_to_come_back(visit, world):
    world.enrol("Alice")
    for _ in range(10):
        assert visit.sign_in("alice@example.com", "wrong password").status_code == 422
    answer = visit.sign_in("alice@example.com")
    assert answer.status_code == 429 and "Wait 15 minutes" in answer.text


def test_failures_from_one_address_are_limited(settings, world):
    visit = Visit(create_app(settings, TESTING=True, RATELIMIT_ENABLED=True))
    statuses = [visit.sign_in(f"nobody{n}@example.com", "wrong password").status_code for n in range(41)]
    assert set(statuses[:40]) == {422} and statuses[40] == 429


@pytest.mark.parametrize(
    ("next_path", "lands"),
    [
        ("/settings?x=1", "/settings?x=1"),
        ("https://evil.example", "/dashboard"),
        ("//evil.example", "/dashboard"),
        ("/\\evil.example", "/dashboard"),
        ("/\t/evil.example", "/dashboard"),
        ("javascript:alert(1)", "/dashboard"),
    ],
)
def test_one_goes_on_to_where_one_was_but_never_to_another_site(visit, world, next_path, lands):
    world.enrol("Alice")
    assert visit.sign_in("alice@example.com", next=next_path).location == lands


def test_who_is_not_signed_in_is_led_back_after_signing_in(visit, world):
    world.enrol("Alice")
    answer = visit.get("/settings/audit?page=2")
    assert answer.status_code == 303 and answer.location.startswith("/login?next=")
    assert "/settings/audit?page=2" in visit.get(answer.location).text


def test_signing_in_gives_a_fresh_token_and_ends_the_one_before(visit, world):
    world.enrol("Alice")
    visit.sign_in("alice@example.com")
    first = visit.cookie
    visit.sign_in("alice@example.com")
    assert visit.cookie != first
    stolen = Visit(visit.client.application)
    stolen.client.set_cookie("upkeep", first)
    assert stolen.get("/settings").status_code == 303


def test_signing_out_makes_every_copy_of_the_cookie_worthless(visit, world):
    world.enrol("Alice")
    visit.sign_in("alice@example.com")
    copy = Visit(visit.client.application)
    copy.client.set_cookie("upkeep", visit.cookie)
    assert copy.get("/settings").status_code == 200
    assert visit.send("/logout", on="/settings").location == "/login"
    assert visit.cookie is None
    assert copy.get("/settings").status_code == 303


def test_signing_out_twice_is_no_fault(visit, world):
    assert visit.send("/logout", on="/login").location == "/login"


def test_of_two_clicks_at_once_the_second_finds_the_sign_in_ended_and_is_no_fault(visit, world, web_app):
    world.enrol("Alice")
    visit.sign_in("alice@example.com")
    with web_app.test_request_context("/", headers={"Cookie": f"upkeep={visit.cookie}"}):
        assert current_user.is_authenticated
        world.move("alice@example.com", ended_at=clock.now())
        with unit(site.session()):
            visitor.end_this(now=clock.now())


def test_to_be_remembered_is_asked_for(visit, world):
    world.enrol("Alice")
    visit.sign_in("alice@example.com", remember="y")
    assert visit.client.get_cookie("upkeep").max_age == 90 * 86_400


def test_over_tls_the_cookies_are_bound_to_the_host(settings, world):
    secure = settings.__class__(**{**settings.__dict__, "public_url": "https://portal.example.com"})
    app = site_of(secure)
    world.enrol("Alice")
    answer = Visit(app).get("/login")
    assert "__Host-session=" in answer.headers["Set-Cookie"]
    client = app.test_client()
    token = re.search(
        r'csrf_token" value="([^"]+)"', client.get("/login", base_url=secure.public_url).text
    ).group(1)
    fields = {"csrf_token": token, "email": "alice@example.com", "password": PASSWORD}
    answer = client.post("/login", data=fields, base_url=secure.public_url)
    cookie = next(one for one in answer.headers.getlist("Set-Cookie") if one.startswith("__Host-upkeep="))
    assert "Secure" in cookie and "HttpOnly" in cookie and "Path=/" in cookie and "Domain" not in cookie


def test_a_sign_in_from_a_new_place_is_told(visit, visit_elsewhere, world):
    world.enrol("Alice")
    visit.sign_in("alice@example.com")
    assert world.told(accounts.SignedInFromNewPlace) == []
    visit_elsewhere.sign_in("alice@example.com")
    assert len(world.told(accounts.SignedInFromNewPlace)) == 1


def test_with_an_authenticator_the_password_alone_opens_nothing(visit, world, settings):
    world.enrol("Alice")
    authenticator, _ = world.turn_codes_on("alice@example.com", settings)
    answer = visit.sign_in("alice@example.com", next="/team")
    assert answer.location.startswith("/login/code")
    assert visit.cookie is None and visit.get("/settings").status_code == 303
    assert visit.send(answer.location, code="").status_code == 422
    wrong = visit.send(answer.location, code="000000x")
    assert wrong.status_code == 422 and "not right" in wrong.text
    soon = clock.now() + timedelta(seconds=30)
    assert visit.send(answer.location, code=authenticator.at(soon), next="/team").location == "/team"
    assert visit.get("/settings").status_code == 200


def test_a_recovery_code_signs_in_once(visit, visit_elsewhere, world, settings):
    world.enrol("Alice")
    _, recovery = world.turn_codes_on("alice@example.com", settings)
    visit.sign_in("alice@example.com")
    assert visit.send("/login/code", code=recovery[0]).location == "/dashboard"
    visit_elsewhere.sign_in("alice@example.com")
    assert visit_elsewhere.send("/login/code", code=recovery[0]).status_code == 422


def test_the_second_half_needs_the_first(visit, world):
    assert visit.get("/login/code").location == "/login"
    assert visit.send("/login/code", on="/login", code="123456").location == "/login"


def test_half_a_sign_in_does_not_outlive_a_change_of_the_password(visit, visit_elsewhere, world, settings):
    world.enrol("Alice")
    _, recovery = world.turn_codes_on("alice@example.com", settings)
    visit.sign_in("alice@example.com")
    visit_elsewhere.send(world.link("reset", "alice@example.com"), password="a much longer one")
    assert visit.get("/login/code").location == "/login"
    assert visit.send("/login/code", on="/login", code=recovery[0]).location == "/login"


def test_a_sign_in_link_asks_for_a_click_and_works_once(visit, visit_elsewhere, world):
    world.enrol("Alice")
    link = world.link("sign_in", "alice@example.com")
    assert "alice@example.com" in visit.get(link).text
    assert visit.cookie is None
    assert visit.send(link).location == "/dashboard"
    assert visit_elsewhere.get(link).status_code == 404


def test_a_sign_in_link_does_not_replace_the_authenticator(visit, world, settings):
    world.enrol("Alice")
    world.turn_codes_on("alice@example.com", settings)
    assert visit.send(world.link("sign_in", "alice@example.com")).location == "/login/code"
    assert visit.cookie is None


@pytest.mark.parametrize(("role", "lands"), [("operator", "/operator"), ("support", "/staff/queue")])
def test_staff_begin_on_their_own_pages(visit, world, role, lands):
    world.make_staff("oscar@example.com", role)
    assert visit.send(world.link("sign_in", "oscar@example.com")).location == lands


def test_beyond_this_machine_staff_set_up_codes_first(settings, world):
    public = settings.__class__(**{**settings.__dict__, "public_url": "http://portal.example.com"})
    visit = Visit(site_of(public))
    world.make_staff("oscar@example.com", "operator")
    visit.send(world.link("sign_in", "oscar@example.com"))
    for path in ("/operator", "/staff/accounts", "/operator/letters"):
        assert visit.get(path).location == "/settings/codes?compulsory=1"
    assert "once you have set up" in visit.get("/settings/codes?compulsory=1").text
    world.turn_codes_on("oscar@example.com", settings)
    assert visit.get("/operator").status_code == 200


def test_a_sign_in_that_is_over_leads_to_the_door(visit, world):
    world.enrol("Alice")
    visit.sign_in("alice@example.com")
    world.move("alice@example.com", seen_at=clock.now() - timedelta(hours=13))
    assert visit.get("/settings").status_code == 303


def test_a_forgotten_password_is_chosen_anew(visit, visit_elsewhere, world):
    world.enrol("Alice")
    visit.sign_in("alice@example.com")
    known = visit_elsewhere.send("/forgot", email="alice@example.com")
    unknown = visit_elsewhere.send("/forgot", email="nobody@example.com")
    assert (
        (known.status_code, known.location)
        == (unknown.status_code, unknown.location)
        == (303, "/forgot/sent")
    )
    assert len(world.told(accounts.ResetAsked)) == 1
    link = world.link("reset", "alice@example.com")
    assert visit_elsewhere.send(link, password="short").status_code == 422
    assert visit_elsewhere.send(link, password="").status_code == 422
    assert visit_elsewhere.send(link, password="a much longer one").location == "/login"
    assert visit_elsewhere.cookie is None, "a reset signs nobody in"
    assert visit.get("/settings").status_code == 303, "other browsers are signed out"
    assert visit_elsewhere.get(link).status_code == 404
    assert visit_elsewhere.sign_in("alice@example.com", "a much longer one").location == "/dashboard"


def test_an_empty_forgot_form_comes_back(visit, world):
    assert visit.send("/forgot", email="").status_code == 422


def test_a_reset_does_not_replace_the_authenticator(visit, world, settings):
    world.enrol("Alice")
    world.turn_codes_on("alice@example.com", settings)
    visit.send(world.link("reset", "alice@example.com"), password="a much longer one")
    assert visit.sign_in("alice@example.com", "a much longer one").location.startswith("/login/code")
