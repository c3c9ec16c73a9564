from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from portal.kit import mail, sending
from portal.kit.db import unit
from portal.kit.errors import Conflict, Missing
from portal.kit.letterhead import Rendered

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WORDS = Rendered("keys/created", "A subject", "text", "<p>html</p>")


@pytest.fixture
def unit_of(session):
    with unit(session):
        yield session


def write(session, business_id="one", **more):
    return mail.write(session, business_id, WORDS, to="ada@example.com", now=NOW, **more)


def test_a_letter_is_written_once(unit_of):
    first = write(unit_of)
    assert first is not None
    assert write(unit_of) is None
    assert write(unit_of, "another") not in (None, first)


@pytest.mark.parametrize(
    ("marks", "state"),
    [
        ({}, "waiting"),
        ({"claimed_at": NOW}, "being sent"),
        ({"claimed_at": NOW, "doubted_at": NOW}, "in doubt"),
        ({"claimed_at": NOW, "sent_at": NOW}, "sent"),
        ({"claimed_at": NOW, "doubted_at": NOW, "sent_at": NOW}, "sent"),
        ({"claimed_at": NOW, "failed_at": NOW}, "failed"),
        ({"kept_at": NOW}, "kept"),
    ],
)
def test_the_state_of_a_letter_follows_from_its_moments_and_is_found_by_it(unit_of, marks, state):
    letter = mail.get(unit_of, write(unit_of))
    for moment, at in marks.items():
        setattr(letter, moment, at)
    unit_of.flush()
    assert letter.state == state
    assert {name: mail.count(unit_of, name) for name in mail.STATES} == {
        name: int(name == state) for name in mail.STATES
    }
    assert mail.search(unit_of, state=state).rows == [letter]


def test_letters_are_found_by_address_and_subject_and_in_pages(unit_of):
    for number in range(5):
        mail.write(
            unit_of, f"{number}", WORDS, to=f"n{number}@example.com", now=NOW + timedelta(minutes=number)
        )
    found = mail.search(unit_of, words="N3@EXAMPLE")
    assert [letter.to for letter in found.rows] == ["n3@example.com"]
    assert mail.search(unit_of, words="subject").total == 5
    assert mail.search(unit_of, words="%").total == 0
    last = mail.search(unit_of, page=3, size=2)
    assert ([letter.to for letter in last.rows], last.pages) == (["n0@example.com"], 3)
    assert mail.search(unit_of, page=99, size=2).page == 3


def test_only_letters_that_ended_without_being_sent_are_sent_again(unit_of):
    letter_id = write(unit_of)
    letter = mail.get(unit_of, letter_id)
    with pytest.raises(Conflict):
        mail.send_again(unit_of, letter_id, now=NOW)
    sending.claim(unit_of, now=NOW)
    with pytest.raises(Conflict):
        mail.send_again(unit_of, letter_id, now=NOW)
    sending.mark_doubtful(unit_of, letter_id, "cut", now=NOW)
    assert mail.send_again(unit_of, letter_id, now=NOW).state == "waiting"
    sending.claim(unit_of, now=NOW)
    sending.mark_sent(unit_of, letter_id, now=NOW)
    assert letter.state == "sent"
    with pytest.raises(Conflict):
        mail.send_again(unit_of, letter_id, now=NOW)


def test_a_letter_whose_words_are_forgotten_is_not_sent_again(unit_of):
    letter_id = write(unit_of, secret_until=NOW)
    sending.keep_waiting(unit_of, now=NOW)
    mail.clean(unit_of, now=NOW)
    with pytest.raises(Conflict):
        mail.send_again(unit_of, letter_id, now=NOW)


def test_there_is_no_letter_without_an_id_of_one(unit_of):
    with pytest.raises(Missing):
        mail.get(unit_of, "ltr_none")
    with pytest.raises(Missing):
        mail.send_again(unit_of, "ltr_none", now=NOW)


def test_waits_double_from_a_minute_to_four_hours():
    minutes = [sending.wait(attempts) / timedelta(minutes=1) for attempts in range(1, 12)]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240]
    assert sending.wait(10_000) == timedelta(hours=4)


@pytest.mark.parametrize("state", ["waiting", "being sent", "in doubt"])
def test_what_is_on_its_way_is_found_without_reading_every_letter(session, state):
    """It is asked for every two seconds, and letters are kept for half a year."""
    session.execute(text("SET LOCAL enable_seqscan = off"))
    asked = select(mail.Letter.id).where(mail.STATES[state])
    words = asked.compile(session.connection(), compile_kwargs={"literal_binds": True})
    plan = "\n".join(session.scalars(text(f"EXPLAIN {words}")))
    assert "ix_letter_" in plan
