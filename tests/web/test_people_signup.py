"""Signing up, as pages."""

import pytest

from portal import accounts
from portal.web import create_app
from tests.web.people import PASSWORD, Visit
from tests.web.sites import site_of

GOOD = {"name": "Alice", "email": "alice@example.com", "password": PASSWORD, "organisation": ""}


def test_somebody_signs_up_confirms_and_is_signed_in(visit, world):
    answer = visit.send("/signup", **GOOD)
    assert (answer.status_code, answer.location) == (303, "/signup/sent")
    assert "alice@example.com" in visit.get("/signup/sent").text
    assert world.told(accounts.AddressToVerify)
    link = world.link("verify", "alice@example.com")
    assert world.person("alice@example.com").verified_at is None
    assert visit.get(link).status_code == 200
    assert world.person("alice@example.com").verified_at is None
    answer = visit.send(link)
    assert (answer.status_code, answer.location) == (303, "/dashboard")
    assert world.person("alice@example.com").verified_at is not None
    assert visit.get("/settings").status_code == 200


def test_a_link_opened_elsewhere_asks_for_the_password_first(visit, visit_elsewhere, world):
    visit.send("/signup", **GOOD)
    link = world.link("verify", "alice@example.com")
    assert visit_elsewhere.get(link).location == f"/login?next={link}"
    assert visit_elsewhere.send(link, on="/login").location == f"/login?next={link}"
    assert world.person("alice@example.com").verified_at is None
    assert visit_elsewhere.sign_in("alice@example.com", next=link).location == link
    assert visit_elsewhere.send(link).location == "/dashboard"
    assert world.person("alice@example.com").verified_at is not None


def test_the_click_of_an_addresss_owner_proves_nothing_for_a_stranger_who_signed_up_with_it(
    visit, visit_elsewhere, world
):
    visit.send("/signup", **{**GOOD, "password": "what a stranger chose"})
    link = world.link("verify", "alice@example.com")
    alice = visit_elsewhere
    alice.send("/signup", **GOOD)
    assert alice.send(link, on="/login").location == f"/login?next={link}"
    assert alice.sign_in("alice@example.com").status_code == 422
    assert world.person("alice@example.com").verified_at is None and alice.cookie is None


def test_what_a_stranger_set_up_with_an_address_goes_to_its_owner_with_the_reset(
    visit, visit_elsewhere, world
):
    visit.send("/signup", **{**GOOD, "password": "what a stranger chose"})
    visit.sign_in("alice@example.com", password="what a stranger chose")
    assert visit.send("/settings/codes", on="/settings").status_code == 409
    assert "Confirm your e-mail address first" in visit.get("/settings/codes").text
    reset = world.link("reset", "alice@example.com")
    assert visit_elsewhere.send(reset, password=PASSWORD).location == "/login"
    assert visit.get("/settings").status_code == 303
    assert visit.sign_in("alice@example.com", password="what a stranger chose").status_code == 422
    assert visit_elsewhere.sign_in("alice@example.com").location == "/dashboard"
    assert world.person("alice@example.com").verified_at is not None


def test_a_known_address_gets_the_same_answer(visit, visit_elsewhere, world):
    world.enrol("Alice")
    unknown = visit.send("/signup", **{**GOOD, "email": "new@example.com"})
    known = visit_elsewhere.send("/signup", **GOOD)
    assert (known.status_code, known.location) == (unknown.status_code, unknown.location)
    shown = visit_elsewhere.get("/signup/sent").text.replace("alice@", "new@")
    assert (
        shown.split("<main")[1].split("</main")[0]
        == (visit.get("/signup/sent").text.split("<main")[1].split("</main")[0])
    )
    assert len(world.told(accounts.SignUpRepeated)) == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": ""}, "Give your name."),
        ({"name": "x" * 81}, "80"),
        ({"name": "bell\x07"}, "cannot be shown"),
        ({"email": ""}, "Enter your e-mail address."),
        ({"email": "nonsense"}, "such as ada@example.com"),
        ({"email": "a@mailinator.com"}, "do not last"),
        ({"password": ""}, "Choose a password."),
        ({"password": "short"}, "at least 8"),
        ({"password": "password123"}, "leaked"),
        ({"password": "x" * 129}, "at most 128"),
        ({"organisation": "x" * 81}, "80"),
    ],
)
def test_bad_input_comes_back_with_what_to_do(visit, world, given, sentence):
    answer = visit.send("/signup", **{**GOOD, **given})
    assert answer.status_code == 422
    assert sentence in answer.text and "There is a problem" in answer.text
    if "name" not in given:
        assert 'value="Alice"' in answer.text
    assert PASSWORD not in answer.text
    assert world.person("alice@example.com") is None


@pytest.mark.parametrize("token", ["nonsense", "x" * 900, "%20"])
def test_a_link_that_was_never_made_is_not_there(visit, world, token):
    for path in ("/verify", "/reset", "/signin", "/invitations", "/settings/address"):
        assert visit.get(f"{path}/{token}").status_code == 404
        assert visit.send(f"{path}/{token}", on="/login").status_code == 404


def test_a_link_works_once(visit, world):
    world.enrol("Alice", verified=False)
    visit.sign_in("alice@example.com")
    link = world.link("verify", "alice@example.com")
    assert visit.send(link).status_code == 303
    assert visit.get(link).status_code == 404


def test_a_letter_that_is_not_sent_is_not_promised(visit, world):
    world.enrol("Alice", verified=False)
    visit.sign_in("alice@example.com")
    said = []
    for _ in range(6):
        visit.send("/verification", on="/settings")
        shown = visit.get("/settings").text
        said.append("A letter is on its way" in shown)
    assert len(world.told(accounts.AddressToVerify)) == 5, "the first one came with signing up"
    assert said == [True] * 4 + [False] * 2
    assert "wait an hour" in shown


def test_the_letter_can_be_sent_again(visit, world):
    world.enrol("Alice", verified=False)
    visit.sign_in("alice@example.com")
    assert "is not confirmed" in visit.get("/settings").text
    assert visit.send("/verification", on="/settings").location == "/settings"
    assert len(world.told(accounts.AddressToVerify)) == 2


def test_terms_are_accepted_with_their_version(settings, world, database):
    brand = settings.brand.__class__(terms_url="https://example.com/terms/3")
    app = site_of(_with(settings, brand=brand))
    visit = Visit(app)
    refused = visit.send("/signup", **GOOD)
    assert refused.status_code == 422 and "Accept the terms" in refused.text
    assert visit.send("/signup", **GOOD, terms="y").status_code == 303
    person = world.person("alice@example.com")
    assert person.terms_version == "https://example.com/terms/3" and person.terms_accepted_at


def test_sign_ups_from_one_address_are_limited(settings, world):
    app = create_app(settings, TESTING=True, RATELIMIT_ENABLED=True)
    visit, other = Visit(app), Visit(app, address="192.0.2.99")
    statuses = {visit.send("/signup", **{**GOOD, "name": ""}).status_code for _ in range(31)}
    assert statuses == {422, 429}
    assert other.send("/signup", **GOOD).status_code == 303


def test_sign_ups_from_one_network_of_ipv6_are_limited_together(settings, world):
    app = create_app(settings, TESTING=True, RATELIMIT_ENABLED=True)
    neighbours = [Visit(app, address=f"2001:db8::{n:x}") for n in range(1, 32)]
    statuses = [one.send("/signup", **{**GOOD, "name": ""}).status_code for one in neighbours]
    assert statuses == [422] * 30 + [429]
    assert Visit(app, address="2001:db8:0:1::1").send("/signup", **GOOD).status_code == 303


def test_a_further_account_is_opened_and_looked_at(visit, world):
    world.enrol("Alice")
    visit.sign_in("alice@example.com")
    assert visit.send("/accounts", on="/accounts/new", organisation=" ").status_code == 422
    assert visit.send("/accounts", on="/accounts/new", organisation="Second Ltd").location == "/dashboard"
    page = visit.get("/settings").text
    assert "Second Ltd" in page and 'value="Second Ltd"' in page


def test_the_switcher_changes_the_account_of_this_browser(visit, world):
    world.enrol("Alice")
    first = world.account("alice@example.com")
    visit.sign_in("alice@example.com")
    visit.send("/accounts", on="/accounts/new", organisation="Second Ltd")
    assert 'action="/account/switch"' in visit.get("/settings").text
    assert visit.send("/account/switch", on="/settings", to=first.id).status_code == 303
    assert f'name="account" value="{first.id}"' in visit.get("/settings").text


def test_a_strangers_account_cannot_be_switched_to(visit, world):
    world.enrol("Alice")
    world.enrol("Charlie")
    visit.sign_in("alice@example.com")
    for account_id in (world.account("charlie@example.com").id, "acc_nonsense", ""):
        assert visit.send("/account/switch", on="/settings", to=account_id).status_code == 404


def _with(settings, **changes):
    return settings.__class__(**{**settings.__dict__, **changes})
