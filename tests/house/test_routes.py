"""Laws of the routes: each has its guard, no form is taken unasked, nobody reaches what is a stranger's."""

from pathlib import Path

import pytest

from tests.house.site import routes

ROUTES = routes()
GUARDS = Path(__file__).with_name("guards.txt")
FILLED = {"role": "viewer", "name": "A name", "reason": "A reason."}  # so that the id alone is wrong
WITHOUT_FORMS = {
    "POST /v1/events",  # machines with a service key, and no cookie
    "POST /hooks/github-secret-scanning",  # GitHub, likewise
    "POST /hooks/stripe",  # Stripe, by its signature over the body
    "POST /letters/unsubscribe/<token>",  # mail programs, by the signed token alone
}
POSTS = [route for route in ROUTES if route.method == "POST"]
FORMS = [route for route in POSTS if str(route) not in WITHOUT_FORMS]
STAFFS = [route for route in ROUTES if route.guard in ("staff", "operator")]


def test_every_guard_was_decided():
    """A new route, or one that opens wider, belongs into guards.txt, by hand."""
    assert [f"{route.guard:<24} {route}" for route in ROUTES] == GUARDS.read_text().splitlines()


@pytest.mark.parametrize("forged", [{}, {"csrf_token": "forged"}], ids=["missing", "forged"])
def test_a_form_without_its_token_is_refused(forged, enter, town):
    clients = {True: enter("oscar")[0], False: enter("alice")[0]}

    def refused(route):
        sent = {**FILLED, "account": town.alices, **forged}
        answer = clients[route in STAFFS].post(route.fill(town.ids), data=sent)
        return answer.status_code == 400 and "Open the page again" in answer.text

    assert [str(route) for route in FORMS if not refused(route)] == []


def test_a_token_of_another_visitor_is_refused(enter, town):
    client, _ = enter("alice")
    _, charlies = enter("charlie")
    sent = {"csrf_token": charlies, "account": town.alices, "name": "Mallory"}
    assert client.post("/settings/name", data=sent).status_code == 400


@pytest.mark.parametrize("drawn_for", ["another", "none"])
def test_a_form_drawn_for_another_account_is_refused(drawn_for, enter, town):
    client, token = enter("alice")
    account = {"account": town.charlies} if drawn_for == "another" else {}
    sent = {**FILLED, "csrf_token": token, **account}
    answers = {
        str(route): client.post(route.fill(town.ids), data=sent).status_code
        for route in POSTS
        if route.guard.startswith("member:")
    }
    assert answers and {name: status for name, status in answers.items() if status != 409} == {}


def test_what_is_a_strangers_is_not_there(enter, town):
    client, token = enter("charlie")
    sent = {"csrf_token": token, "account": town.charlies}
    answers = {
        str(route): ask(client, route, town, sent)
        for route in ROUTES
        if route.arguments and route not in STAFFS
    }
    assert answers and {name: status for name, status in answers.items() if status != 404} == {}


@pytest.mark.parametrize("name", ["alice", "sue"])
def test_staff_pages_are_not_there_for_others(name, enter, town):
    client, token = enter(name)
    closed = [route for route in STAFFS if name == "alice" or route.guard == "operator"]
    answers = {str(route): ask(client, route, town, {"csrf_token": token}) for route in closed}
    assert answers and {name: status for name, status in answers.items() if status != 404} == {}


def test_who_is_not_signed_in_is_sent_to_sign_in(client, town):
    for route in ROUTES:
        if route.guard != "public" and route.method == "GET":
            answer = client.get(route.fill(town.ids))
            assert answer.status_code == 303 and answer.location.startswith("/login"), route


def ask(client, route, town, sent):
    """The status of the answer."""
    path = route.fill(town.ids)
    answer = client.post(path, data={**FILLED, **sent}) if route.method == "POST" else client.get(path)
    return answer.status_code
