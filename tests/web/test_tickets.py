"""Tickets, as customers open, read, answer, close and reopen them."""

import io
import re
from datetime import timedelta

import pytest

from portal import accounts, support
from portal.kit.db import unit
from tests.web.talk import PICTURE
from tests.web.till import Browser

NEW = "/tickets/new"
ASKED = {"subject": "It is slow", "body": "Why is **everything** slow?"}


@pytest.fixture
def alice(desk):
    return desk.browser("alice")


def ask(desk, name="alice", **more):
    """A ticket that somebody opened, and its path."""
    answer = desk.browser(name).press(NEW, "Open ticket", **{**ASKED, **more})
    assert answer.status_code == 303, answer.text
    return answer.location


def ticket_of(desk, path, name="alice"):
    with desk.database() as session:
        return support.ticket(session, desk.ids[name], int(path.rpartition("/")[2]))


def reply(desk, ticket, **more):
    """Sue answers."""
    with desk.database() as session, unit(session):
        actor = accounts.actor(accounts.person(session, desk.people["sue"]))
        words = {"nonce": f"sue-{more}", "actor": actor, "now": desk.now, **more}
        return support.reply(session, ticket.id, "Try it *again*.", **words)


def file(name="log.txt", content=b"slow"):
    return (io.BytesIO(content), name)


def test_without_tickets_the_page_says_what_they_are_for(alice):
    words = alice.words("/tickets")
    assert "Nothing is open." in words and "No open tickets" in words and "Open ticket" in words
    assert "No closed tickets" in alice.words("/tickets?state=closed")


def test_without_a_clock_it_is_said_plainly_and_help_comes_first(desk, alice):
    words = alice.words(NEW)
    assert "There is no clock on Support Community" in words and "without a deadline" in words
    assert "With Support Priority answers have a deadline" in words and "The forum" not in words
    brand = desk.settings.brand.__class__(forum_url="https://forum.example")
    page = desk.browser("alice", brand=brand).get(NEW).text
    assert 'href="https://forum.example"' in page and 'href="/help"' in page


def test_with_priority_what_would_be_due_is_computed(desk, alice):
    desk.give("support-priority")
    words = alice.words(NEW)
    assert re.search(r"First answer due .+ UTC, in .+?\. Resolution due .+ UTC, in", words)
    assert "There is no clock" not in words


def test_a_ticket_is_opened_and_shown(desk, alice):
    desk.give("support-priority")
    path = ask(desk)
    assert path == "/tickets/1"
    words = alice.words(path)
    assert re.search(r"It is slow First answer due .+ UTC, in .+\. Close", words)
    assert "Why is everything slow?" in words and "Waiting for us" in words and "Support Priority" in words
    assert "<strong>everything</strong>" in alice.get(path).text
    listed = alice.words("/tickets")
    assert "One ticket is open." in listed and "It is slow #1" in listed and "First answer due" in listed


def test_a_double_click_opens_one_ticket_and_says_one_thing(desk, alice):
    action, fields = alice.form(NEW, "Open ticket")
    sent = [alice.client.post(action, data={**fields, **ASKED}).location for _ in range(2)]
    assert sent == ["/tickets/1", "/tickets/1"]
    action, fields = alice.form("/tickets/1", "Reply")
    said = [alice.client.post(action, data={**fields, "body": "More."}).location for _ in range(2)]
    assert said[0] == said[1] and alice.words("/tickets/1").count("More.") == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("subject", " ", "Say in a few words what it is about."),
        ("subject", "x" * 201, "Keep the subject within 200 characters."),
        ("body", "", "Write a message."),
        ("body", "x" * 20_001, "Keep the message within 20,000 characters"),
    ],
)
def test_a_ticket_that_will_not_do_comes_back_with_its_words(alice, field, value, said):
    answer = alice.press(NEW, "Open ticket", **{**ASKED, field: value})
    assert answer.status_code == 422 and said in answer.text and "There is a problem" in answer.text
    kept = {"subject": "It is slow", "body": "Why is **everything** slow?"}
    assert all(text in answer.text for name, text in kept.items() if name != field)
    assert "Nothing is open." in alice.words("/tickets")


def test_files_come_along_and_are_downloaded_never_shown(desk, alice):
    path = ask(desk, files=[file("notes ü.md", b"# Slow"), file("shot.png", PICTURE)])
    page = alice.get(path).text
    assert "notes ü.md" in page and "6 bytes" in page
    links = re.findall(r'href="(/tickets/1/files/\w+)"', page)
    assert {alice.get(link).data for link in links} == {b"# Slow", PICTURE}
    for answer in map(alice.get, links):
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.mimetype in ("text/markdown", "image/png")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("page.html", b"<script>", "of a kind that cannot be attached"),
        ("picture.svg", b"<svg/>", "of a kind that cannot be attached"),
        ("shot.png", b"no picture", "is not what its name says"),
        ("log.txt", b"\xff\xfe", "is not plain text"),
        ("log.txt", b"", "is empty"),
        ("log.txt", b"x" * (5 * 2**20 + 1), "is larger than 5 MiB"),
    ],
)
def test_a_file_that_may_not_come_along_is_refused_and_the_words_are_kept(alice, name, content, said):
    answer = alice.press(NEW, "Open ticket", **ASKED, files=[file(name, content)])
    assert answer.status_code == 422 and said in answer.text
    assert "It is slow" in answer.text and "Choose them again" in answer.text


def test_at_most_five_files_come_with_a_message(desk, alice):
    path = ask(desk)
    answer = alice.press(path, "Reply", body="Six.", files=[file(f"{n}.txt") for n in range(6)])
    assert answer.status_code == 422 and "at most 5 files" in answer.text and "Six." in answer.text


def test_large_forms_are_taken_only_where_files_are_and_only_of_people_signed_in(desk, alice):
    """Two files of 4 MiB pass here; the same bytes are refused elsewhere, and from nobody at all."""
    large = [file(f"{n}.txt", b"x" * 4 * 2**20) for n in range(2)]
    assert ask(desk, files=large) == "/tickets/1"
    assert alice.post("/settings/name", name="x" * 2 * 2**20).status_code == 413
    nobody = Browser(desk.app, lambda: None, None)
    sent = {**ASKED, "files": file("big.txt", b"x" * 2 * 2**20)}
    assert nobody.client.post(NEW, data=sent).status_code == 413


def test_the_conversation_goes_on(desk, alice):
    path = ask(desk)
    ticket = ticket_of(desk, path)
    reply(desk, ticket)
    words = alice.words(path)
    assert "Sue Support" in words and "Waiting for your answer" in words
    assert "<em>again</em>" in alice.get(path).text
    assert alice.press(path, "Reply", body="Still slow.").status_code == 303
    words = alice.words(path)
    assert "Still slow." in words and "Waiting for our answer" in words


def test_an_empty_answer_comes_back(desk, alice):
    path = ask(desk)
    answer = alice.press(path, "Reply", body=" ")
    assert answer.status_code == 422 and "Write a message." in answer.text


def test_internal_notes_and_their_files_are_no_customers(desk, alice):
    path = ask(desk)
    ticket = ticket_of(desk, path)
    with desk.database() as session, unit(session):
        actor = accounts.actor(accounts.person(session, desk.people["sue"]))
        note = support.note(
            session, ticket.id, "A secret.", files=[support.File("secret.txt", b"secret")], nonce="n",
            actor=actor, now=desk.now,
        )  # fmt: skip
        [kept] = [one for one in support.conversation(session, ticket.id, notes=True) if one.message is note]
    assert "secret" not in alice.words(path)
    assert alice.get(f"{path}/files/{kept.files[0].id}").status_code == 404


def test_a_customer_closes_and_reopens_within_thirty_days(desk, alice):
    path = ask(desk)
    assert alice.press(path, "Close").status_code == 303
    words = alice.words(path)
    assert "Closed. You can reopen it within 30 days." in words and "Reply and reopen" in words
    assert "It is slow" not in alice.words("/tickets") and "It is slow" in alice.words(
        "/tickets?state=closed"
    )
    assert alice.post(f"{path}/closure").status_code == 409
    assert alice.press(path, "Reopen").status_code == 303
    assert "Open again." in alice.words(path)
    assert alice.post(f"{path}/reopening").status_code == 409


def test_an_answer_to_a_closed_ticket_opens_it_again(desk, alice):
    path = ask(desk)
    alice.press(path, "Close")
    assert alice.press(path, "Reply and reopen", body="Slow again.").status_code == 303
    assert ticket_of(desk, path).closed_at is None


def test_what_was_closed_long_ago_leads_to_a_new_ticket(desk, alice):
    path = ask(desk)
    alice.press(path, "Close")
    with desk.database() as session, unit(session):
        support.ticket(session, desk.ids["alice"], 1).closed_at = desk.now - timedelta(days=31)
    words = alice.words(path)
    assert "Open a new ticket" in words and "Reply" not in words and "Reopen" not in words
    assert alice.post(f"{path}/reopening").status_code == 409
    late = alice.post(f"{path}/messages", body="Hello?", nonce="late")
    assert late.status_code == 422 and "closed more than 30 days ago" in late.text
    assert 'value="It is slow"' in alice.get("/tickets/new?subject=It+is+slow").text


def test_the_whole_team_sees_and_answers(desk):
    path = ask(desk)
    for name in ("bob", "vera"):
        assert "It is slow" in desk.browser(name).words(path)
        assert desk.browser(name).press(path, "Reply", body=f"Me too, says {name}.").status_code == 303
    assert "Me too, says vera." in desk.browser("alice").words(path)


def test_a_stranger_finds_nothing(desk):
    path = ask(desk, files=[file()])
    link = re.search(r"/tickets/1/files/\w+", desk.browser("alice").get(path).text)[0]
    charlie = desk.browser("charlie")
    assert [charlie.get(one).status_code for one in (path, link)] == [404, 404]
    for deed in ("messages", "closure", "reopening"):
        assert charlie.post(f"{path}/{deed}", body="Hello.", nonce="x").status_code == 404
    assert "It is slow" not in charlie.words("/tickets")


def test_a_file_is_not_reached_through_a_ticket_of_ones_own(desk):
    path = ask(desk, files=[file()])
    link = re.search(r"/tickets/1/files/(\w+)", desk.browser("alice").get(path).text)[1]
    ask(desk, name="charlie")
    assert desk.browser("charlie").get(f"/tickets/1/files/{link}").status_code == 404


def test_a_form_drawn_for_another_account_opens_nothing(desk, alice):
    action, fields = alice.form(NEW, "Open ticket")
    sent = {**fields, **ASKED, "account": desk.ids["charlie"]}
    assert alice.client.post(action, data=sent).status_code == 409
    assert "Nothing is open." in alice.words("/tickets")


def test_nobody_can_be_answered_who_has_proven_no_address(desk, alice):
    with desk.database() as session, unit(session):
        accounts.person(session, desk.people["alice"]).verified_at = None
    assert "Confirm your e-mail address first" in alice.words(NEW)
    answer = alice.press(NEW, "Open ticket", **ASKED)
    assert answer.status_code == 422 and "Confirm your e-mail address first" in answer.text


def test_many_tickets_go_on_for_pages(desk, alice):
    with desk.database() as session, unit(session):
        actor = accounts.actor(accounts.person(session, desk.people["alice"]))
        for n in range(26):
            support.open_ticket(
                session, desk.ids["alice"], f"Number {n}", "?", nonce=str(n), actor=actor,
                now=desk.now + timedelta(seconds=n),
            )  # fmt: skip
    assert "Number 25 " in alice.words("/tickets") and "Page 1 of 2" in alice.words("/tickets")
    assert "Number 0 " in alice.words("/tickets?state=open&page=2")


@pytest.mark.parametrize(
    "body", ["<script>alert(1)</script>", "[x](javascript:alert(1))", "![](http://x/p.png)"]
)
def test_nothing_that_is_written_runs_or_is_fetched(desk, alice, body):
    page = alice.get(ask(desk, body=body)).text.partition("<main")[2]
    assert "<script>" not in page and 'href="javascript' not in page and "<img" not in page


AGAIN = "Something else was sent from this page already"


def test_other_words_from_a_page_that_was_sent_come_back_and_can_be_sent_again(alice):
    path = alice.press(NEW, "Open ticket", **ASKED).location
    action, fields = alice.form(path, "Reply")
    assert alice.client.post(action, data={**fields, "body": "First."}).status_code == 303
    refused = alice.client.post(action, data={**fields, "body": "Second."})
    assert refused.status_code == 422 and AGAIN in refused.text and "Second.</textarea>" in refused.text
    fresh = re.search(r'name="nonce"[^>]* value="([^"]+)"', refused.text)[1]
    assert fresh != fields["nonce"]
    sent = alice.client.post(action, data={**fields, "nonce": fresh, "body": "Second."})
    assert sent.status_code == 303
    assert "First." in alice.words(path) and "Second." in alice.words(path)


def test_another_ticket_from_a_page_that_was_sent_comes_back_and_can_be_opened(alice):
    action, fields = alice.form(NEW, "Open ticket")
    assert alice.client.post(action, data={**fields, **ASKED}).location == "/tickets/1"
    other = {"subject": "Another matter", "body": "Other words."}
    refused = alice.client.post(action, data={**fields, **other})
    assert refused.status_code == 422 and AGAIN in refused.text
    assert "Other words.</textarea>" in refused.text and 'value="Another matter"' in refused.text
    fresh = re.search(r'name="nonce"[^>]* value="([^"]+)"', refused.text)[1]
    assert alice.client.post(action, data={**fields, **other, "nonce": fresh}).location == "/tickets/2"


def test_a_number_that_no_ticket_has_is_not_there_however_large(desk, alice):
    desk.app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    try:
        page = alice.get(f"/tickets/{10**20}")
        assert page.status_code == 404 and "request broke" not in page.text
        said = alice.post(f"/tickets/{10**20}/messages", body="Hello.", nonce="x")
        assert said.status_code in (400, 404) and "Nothing was changed" in said.text
    finally:
        desk.app.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=None)
