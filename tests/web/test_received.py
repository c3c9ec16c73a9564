"""What came in by mail, as pages: the operator's alone, with the reason and a way to read it again."""

import pytest
from sqlalchemy import select

from portal import accounts
from portal.kit import clock, received
from portal.kit.db import unit
from tests.web.desk import Desk

RAW = (
    b"From: <script>alert(1)</script> <mallory@example.com>\r\nSubject: Hello\r\n\r\nWords & <b>more</b>\r\n"
)
LIST = "/operator/letters/received"


@pytest.fixture
def desk(settings, database, redis, web_app):
    return Desk(settings, database, web_app)


@pytest.fixture
def letter_id(database, desk):
    with database() as session, unit(session):
        to = "reply+0@in.example.org"
        found = received.store(
            session, RAW, sender="m@example.com", recipient=to, peer="192.0.2.1", now=clock.now()
        )
        letter = received.get(session, found)
        letter.author, letter.subject = "mallory@example.com", "Hello <b>"
        received.leave(letter, "It is not from alice@example.com.", now=clock.now())
        return found


def test_they_are_the_operators_alone(desk, letter_id):
    for path in (LIST, f"{LIST}/{letter_id}"):
        assert desk.browser("oscar").get(path).status_code == 200
        for name in ("alice", "charlie", "sue"):
            assert desk.browser(name).get(path).status_code == 404
    assert desk.browser("sue").post(f"{LIST}/{letter_id}/reading").status_code == 404


def test_the_list_says_what_became_of_each_and_finds_them(desk, letter_id):
    oscar = desk.browser("oscar")
    words = oscar.words(LIST)
    assert "Hello <b>" in words and "It is not from alice@example.com." in words and "Left" in words
    assert "Nobody can answer by mail here" in words
    assert f'href="{LIST}"' in oscar.get("/operator/letters").text
    for query, count in (
        ("q=MALLORY", 1),
        ("q=nobody", 0),
        ("state=left", 1),
        ("state=taken", 0),
        ("page=9", 1),
    ):
        assert oscar.get(f"{LIST}?{query}").text.count(letter_id) == count, query


def test_a_letter_is_shown_as_it_came_and_harmless_and_who_looked_is_noted(desk, letter_id):
    page = desk.browser("oscar").get(f"{LIST}/{letter_id}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "<script>alert" not in page
    assert "It is not from alice@example.com." in page
    assert ("oscar", "letter.looked_at") in desk.noted()


def test_read_again_it_waits_to_be_read(desk, letter_id, database):
    oscar = desk.browser("oscar")
    answer = oscar.press(f"{LIST}/{letter_id}", "Read again")
    assert (answer.status_code, answer.location) == (303, f"{LIST}/{letter_id}")
    with database() as session:
        letter = session.scalars(select(received.InboundLetter)).one()
        assert (letter.state, letter.attempts) == ("waiting", 0)
    assert "Read again" not in oscar.words(f"{LIST}/{letter_id}")
    assert oscar.post(f"{LIST}/{letter_id}/reading").status_code == 409
    assert ("oscar", "letter.read_again") in desk.noted()


def test_a_letter_that_never_came_is_missing(desk):
    assert desk.browser("oscar").get(f"{LIST}/inl_none").status_code == 404
    assert desk.browser("oscar").post(f"{LIST}/inl_none/reading").status_code == 404
    assert accounts.LETTER_KINDS
