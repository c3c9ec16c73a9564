"""Laws of the routes: each has its guard, no form is taken unasked, nobody reaches what is a stranger's."""

from pathlib import Path

import pytest

from tests.house.site import routes

ROUTES = routes()
POSTS = [route for route in ROUTES if route.method == "POST"]
MEMBERS = [route for route in POSTS if route.guard.startswith("member:")]
OWNED = [route for route in ROUTES if route.arguments and route.guard not in ("staff", "operator")]
STAFFS = [route for route in ROUTES if route.guard in ("staff", "operator")]
CLOSED = [route for route in ROUTES if route.guard != "public" and route.method == "GET"]
GUARDS = Path(__file__).with_name("guards.txt")
WITHOUT_FORMS = {"POST /v1/events"}  # machines with a service key, and no cookie


def test_every_guard_was_decided():
    """A new or newly public route belongs into guards.txt, by hand."""
    assert [f"{route.guard:<24} {route}" for route in ROUTES] == GUARDS.read_text().splitlines()


@pytest.mark.parametrize("route", [route for route in POSTS if str(route) not in WITHOUT_FORMS], ids=str)
@pytest.mark.parametrize("token", [None, "forged"])
def test_a_form_without_its_token_is_refused(route, token, enter, town):
    client, _ = enter("oscar" if route in STAFFS else "alice")
    sent = {"account": town.alices, **({"csrf_token": token} if token else {})}
    answer = client.post(route.fill(town.ids), data=sent)
    assert answer.status_code == 400
    assert "Open the page again" in answer.text


@pytest.mark.parametrize("route", MEMBERS, ids=str)
@pytest.mark.parametrize("drawn_for", ["another", "none"])
def test_a_form_drawn_for_another_account_is_refused(route, drawn_for, enter, town):
    client, token = enter("alice")
    sent = {"csrf_token": token, **({"account": town.charlies} if drawn_for == "another" else {})}
    assert client.post(route.fill(town.ids), data=sent).status_code == 409


@pytest.mark.parametrize("route", OWNED, ids=str)
def test_what_is_a_strangers_is_not_there(route, enter, town):
    client, token = enter("charlie")
    answer = ask(client, route, town, {"csrf_token": token, "account": town.charlies})
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("route", STAFFS, ids=str)
def test_staff_pages_are_not_there_for_others(route, enter, town):
    client, token = enter("alice")
    assert ask(client, route, town, {"csrf_token": token, "account": town.alices}).status_code == 404


@pytest.mark.parametrize("route", [route for route in STAFFS if route.guard == "operator"], ids=str)
def test_operator_pages_are_not_there_for_support_staff(route, enter, town):
    client, token = enter("sue")
    assert ask(client, route, town, {"csrf_token": token}).status_code == 404


@pytest.mark.parametrize("route", CLOSED, ids=str)
def test_who_is_not_signed_in_is_sent_to_sign_in(route, client, town):
    answer = client.get(route.fill(town.ids))
    assert answer.status_code == 303 and answer.location.startswith("/login")


def ask(client, route, town, sent):
    path = route.fill(town.ids)
    return client.post(path, data=sent) if route.method == "POST" else client.get(path)
