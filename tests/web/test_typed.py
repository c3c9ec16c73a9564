"""What somebody wrote is shown back wherever the form was refused before anything could keep it."""

import re
from html import unescape

import pytest

from portal.kit.errors import Exhausted
from portal.web import create_app
from tests.web.people import PASSWORD, Visit

OURS = "http://localhost"
WORDS = "Since Tuesday the import fails.\nWhy <b>so</b>?"
TICKET = {"subject": "The import fails", "body": WORDS}


@pytest.fixture
def alice(world, visit):
    """She is signed in, with a browser that says where its forms come from."""
    world.enrol("Alice")
    visit.sign_in("alice@example.com")
    visit.options["headers"]["Origin"] = OURS
    return visit


def shown(answer):
    """The texts that the page shows back."""
    return [unescape(text) for text in re.findall(r"readonly>\n(.*?)</textarea>", answer.text, re.S)]


def test_whose_sign_in_has_ended_reads_what_they_wrote(alice):
    alice.client.delete_cookie("upkeep")
    page = alice.get("/login")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text).group(1)
    answer = alice.post("/tickets/new", csrf_token=token, **TICKET)
    assert (
        answer.status_code == 401 and "You are signed out" in answer.text and 'href="/login"' in answer.text
    )
    assert shown(answer) == ["The import fails", WORDS]


def test_who_wrote_nothing_is_sent_to_the_door(visit):
    visit.options["headers"]["Origin"] = OURS
    answer = visit.send("/keys", on="/login", name="mine")
    assert (answer.status_code, answer.location) == (303, "/login")


def test_a_form_that_is_too_old_or_of_another_account_gives_the_words_back(alice):
    answer = alice.post("/tickets/new", **TICKET)
    assert answer.status_code == 400 and WORDS in shown(answer)
    answer = alice.send("/tickets/new", account="acc_another", **TICKET)
    assert answer.status_code == 409 and WORDS in shown(answer)


def test_who_is_slowed_down_reads_what_they_wrote(settings, world):
    app = create_app(settings, TESTING=True)

    def slow():
        raise Exhausted("Ten an hour are taken. Wait a little.")

    slow.guard = app.view_functions["home.index"].guard
    app.add_url_rule("/slow", view_func=slow, methods=["POST"])
    visitor = Visit(app)
    visitor.options["headers"]["Origin"] = OURS
    answer = visitor.send("/slow", on="/login", body=WORDS, name="one", password="not two words")
    assert answer.status_code == 429 and "Ten an hour" in answer.text
    assert shown(answer) == [WORDS], "neither single words nor what is secret"


def test_with_a_fault_of_ours_the_words_and_the_reference_are_shown(settings, world):
    app = create_app(settings, TESTING=True, PROPAGATE_EXCEPTIONS=False)

    def fail():
        raise RuntimeError

    fail.guard = app.view_functions["home.index"].guard
    app.add_url_rule("/fail", view_func=fail, methods=["POST"])
    visitor = Visit(app)
    visitor.options["headers"]["Origin"] = OURS
    answer = visitor.send("/fail", on="/login", body=WORDS)
    assert answer.status_code == 500 and shown(answer) == [WORDS]
    assert "with this reference" in answer.text


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
def test_another_site_puts_no_words_into_our_mouth(visit, origin):
    if origin:
        visit.options["headers"]["Origin"] = origin
    answer = visit.post("/tickets/new", body="Call this number now.")
    assert "Call this number" not in answer.text and answer.status_code == 400


def test_more_than_can_be_read_is_refused_and_told_how_much_is_taken(alice):
    answer = alice.post("/settings/name", name=f"A {PASSWORD} " * 200_000)
    assert answer.status_code == 413 and shown(answer) == []
    assert "larger than the 1 MB" in answer.text and "Go back: what you typed" in answer.text


def test_one_text_that_is_too_long_is_refused_in_other_words(alice):
    alice.options["content_type"] = "multipart/form-data"
    answer = alice.post("/settings/name", name="A long name " * 50_000)
    assert answer.status_code == 413 and "longer than is taken here" in answer.text


def test_who_is_refused_before_the_view_still_sees_their_own_pages(alice):
    for answer in (alice.post("/tickets/new", **TICKET), alice.get("/nowhere")):
        assert "Sign out" in answer.text and "Go to the dashboard" in answer.text
