"""The letters' pages: the operator's alone, and the link by which a reader turns letters off."""

import re
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from portal import accounts
from portal.kit import clock, mail, sending
from portal.kit.db import unit
from portal.kit.letterhead import Letterhead, Rendered
from portal.web import create_app
from tests.plans.people import someone
from tests.web.sites import site_of

CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
PLACE = accounts.Browser("192.0.2.7", "tests")
ROLES = {"alice": None, "bob": None, "charlie": None, "sue": "support", "oscar": "operator"}
HTML = "<p style='color:red'>Hello <script>alert(1)</script></p>"


@pytest.fixture
def app(settings):
    return site_of(settings)


@pytest.fixture
def town(database, redis):
    """Alice and Bob are customers, Charlie a stranger; Sue helps, Oscar runs the platform."""
    now, town = clock.now(), SimpleNamespace(people={}, cookies={})
    with database() as session, unit(session):
        for name, role in ROLES.items():
            person = someone(session, name, now)
            person.staff_role = role
            accounts.open_account(session, f"{name}'s", person, now=now)
            town.people[name] = person.id
            town.cookies[name] = accounts.begin(session, person, PLACE, now=now)
        town.letter = mail.write(
            session,
            "test",
            Rendered("keys/created", "A <b>new</b> key", "See https://example.com/x?a=1&b=2 & <b>", HTML),
            to="alice@example.com",
            now=now,
        )
    return town


@pytest.fixture
def enter(app, town):
    """`enter("oscar")`: his browser, whose forms carry their token."""

    def browser(name):
        client = app.test_client()
        if name:
            client.set_cookie("upkeep", town.cookies[name])
        token = CSRF.search(client.get("/pricing" if not name else "/settings").text)
        hidden = {"csrf_token": token.group(1) if token else ""}
        return SimpleNamespace(
            get=client.get, post=lambda path, **form: client.post(path, data={**hidden, **form})
        )

    return browser


def change(database, verb, *rest):
    with database() as session, unit(session):
        return verb(session, *rest, now=clock.now())


def state(database, letter_id):
    with database() as session:
        return mail.get(session, letter_id).state


@pytest.mark.parametrize("path", ["", "/{letter}", "/{letter}/html"])
def test_letters_are_the_operators_alone(enter, town, path):
    path = "/operator/letters" + path.format(letter=town.letter)
    assert enter("oscar").get(path).status_code == 200
    for name in ("alice", "bob", "charlie", "sue"):
        assert enter(name).get(path).status_code == 404
    assert enter(None).get(path).status_code == 303


def test_sending_again_is_the_operators_alone(enter, town, database):
    change(database, sending.keep_waiting)
    for name in ("alice", "sue", None):
        assert enter(name).post(f"/operator/letters/{town.letter}/sending").status_code in (303, 404)
        assert state(database, town.letter) == "kept"


def test_the_list_shows_letters_and_finds_them(enter, town):
    page = enter("oscar").get("/operator/letters").text
    assert "A &lt;b&gt;new&lt;/b&gt; key" in page and "alice@example.com" in page and "Waiting" in page
    for query, count in (
        ("q=ALICE", 1),
        ("q=nobody", 0),
        ("q=new&state=waiting", 1),
        ("state=in+doubt", 0),
        ("state=nonsense", 1),
        ("page=7", 1),
        ("page=x", 1),
    ):
        assert enter("oscar").get(f"/operator/letters?{query}").text.count(town.letter) == count, query


def test_a_letter_is_shown_as_text_with_links_that_work(enter, town):
    page = enter("oscar").get(f"/operator/letters/{town.letter}").text
    assert '<a href="https://example.com/x?a=1&amp;b=2"' in page
    assert "&amp; &lt;b&gt;" in page
    assert "<script>alert" not in page
    assert re.search(rf'<iframe[^>]+src="/operator/letters/{town.letter}/html"[^>]*\ssandbox\s', page)


def test_a_letter_as_html_can_do_nothing(enter, town):
    answer = enter("oscar").get(f"/operator/letters/{town.letter}/html")
    assert answer.text == HTML
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "sandbox", "frame-ancestors 'self'", "form-action 'none'"} <= set(policy)
    assert not any(part.startswith("script-src") for part in policy)


def test_who_looked_at_a_letter_is_noted(enter, town, database):
    enter("oscar").get(f"/operator/letters/{town.letter}")
    with database() as session:
        entry = accounts.AuditEntry
        [noted] = session.scalars(select(entry).where(entry.action == "letter.looked_at")).all()
    assert (noted.subject, noted.actor_id) == (town.letter, town.people["oscar"])


@pytest.mark.parametrize("path", ["/operator/letters/ltr_none", "/operator/letters/ltr_none/html"])
def test_a_letter_that_is_not_there_is_missing(enter, path):
    assert enter("oscar").get(path).status_code == 404


def test_sending_again_a_letter_that_is_not_there_is_missing(enter):
    assert enter("oscar").post("/operator/letters/ltr_none/sending").status_code == 404


def test_a_letter_in_doubt_says_why_and_can_be_sent_again(enter, town, database, settings, app):
    change(database, sending.claim)
    change(database, sending.mark_doubtful, town.letter, "The line was cut.")
    oscar = enter("oscar")
    page = oscar.get(f"/operator/letters/{town.letter}").text
    assert "In doubt" in page and "The line was cut." in page
    assert "One letter is in doubt" in oscar.get("/operator/letters").text
    answer = oscar.post(f"/operator/letters/{town.letter}/sending")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/operator/letters/{town.letter}")
    assert state(database, town.letter) == "waiting"


def test_the_button_is_there_when_sending_can_help(settings, database, town):
    change(database, sending.claim)
    change(database, sending.mark_failed, town.letter, "550 no such mailbox")
    for smtp_url, shown in ((None, False), ("smtp://127.0.0.1:1", True)):
        client = create_app(replaced(settings, smtp_url=smtp_url), TESTING=True).test_client()
        client.set_cookie("upkeep", town.cookies["oscar"])
        page = client.get(f"/operator/letters/{town.letter}").text
        assert "550 no such mailbox" in page
        assert ("Send again" in page) == shown


def replaced(settings, **changes):
    return type(settings)(**{**vars(settings), **changes})


def test_a_letter_that_was_sent_is_not_sent_again(enter, town, database):
    change(database, sending.claim)
    change(database, sending.mark_sent, town.letter)
    assert enter("oscar").post(f"/operator/letters/{town.letter}/sending").status_code == 409


def token(settings, person_id, kind="keys"):
    return Letterhead(settings.brand, settings.public_url, settings.secret_key).unsubscribe_token(
        person_id, kind
    )


def off(database, person_id):
    with database() as session:
        return accounts.person(session, person_id).letters_off


def test_following_the_link_asks_and_changes_nothing(enter, town, database, settings):
    page = enter(None).get(f"/letters/unsubscribe/{token(settings, town.people['alice'])}")
    assert page.status_code == 200 and "Turn off" in page.text
    assert accounts.LETTER_KINDS["keys"] in page.text
    assert off(database, town.people["alice"]) == []


def test_the_button_turns_off_one_kind_for_one_person(enter, town, database, settings):
    path = f"/letters/unsubscribe/{token(settings, town.people['alice'])}"
    answer = enter(None).post(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert off(database, town.people["alice"]) == ["keys"]
    assert off(database, town.people["bob"]) == []
    assert "These letters are off" in enter(None).get(path).text
    enter(None).post(f"/letters/unsubscribe/{token(settings, town.people['alice'], 'quota')}")
    assert off(database, town.people["alice"]) == ["keys", "quota"]


def test_a_mail_program_turns_letters_off_by_one_post_without_a_redirect(app, town, database, settings):
    path = f"/letters/unsubscribe/{token(settings, town.people['alice'])}"
    answer = app.test_client().post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert off(database, town.people["alice"]) == ["keys"]


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_link_that_was_not_signed_here_is_nothing(enter, town, database, settings, method):
    whole = token(settings, town.people["alice"])
    for crooked in (whole[:-1], "x" + whole, "x.y", "x", token(settings, town.people["alice"], "security")):
        assert getattr(enter(None), method)(f"/letters/unsubscribe/{crooked}").status_code == 404
    assert off(database, town.people["alice"]) == []
