"""Answers by mail: through the listener into their ticket, once, and what nothing can be made of is kept."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import accounts, support
from portal.accounts.models import Person
from portal.kit import clock, mail, received, smtp
from portal.kit.db import unit
from portal.kit.received import InboundLetter
from portal.support import rules
from portal.support.models import Attachment
from tests.kit.post_office import Opening
from tests.post.listening import ADDRESS, Listening, letter
from tests.support.desk import set_up
from tests.worker.stage import follow, letters
from worker.letters import send_due
from worker.post import read_received

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Office:
    """Alice's ticket, the listener, and whoever reads what it keeps."""

    def __init__(self, house, listening):
        self.house = replace(house, settings=listening.settings)
        self.listening = listening
        with self.session() as session, unit(session):
            self.desk = set_up(session, now=clock.now() - 2 * HOUR)
            self.ticket = self.desk.open(session, now=clock.now() - HOUR)
        follow(self.house)
        self.own = listening.address(self.ticket.id, self.desk.alice.person_id)

    def session(self):
        return self.house.sessions()

    def send(self, message=None, to=None, **envelope):
        self.listening.send(message or letter(), to=to or self.own, **envelope)

    def read(self):
        read_received(self.house)
        follow(self.house)

    def write(self, message=None, to=None, **envelope):
        self.send(message, to, **envelope)
        self.read()

    def said(self):
        with self.session() as session:
            return support.conversation(session, self.ticket.id, notes=True)[1:]

    def kept(self):
        with self.session() as session:
            return session.scalars(select(InboundLetter).order_by(InboundLetter.id)).all()

    def close(self, ago):
        with self.session() as session, unit(session):
            self.desk.close(session, self.ticket, clock.now() - ago)


@pytest.fixture
def office(house):
    with Listening(house.settings, house.sessions) as listening:
        yield Office(house, listening)


def left(office):
    """The reason why the one letter was left, and that nothing else came of it."""
    [row] = office.kept()
    assert (row.state, office.said()) == ("left", [])
    return row.reason


def test_an_answer_stands_in_its_ticket_without_what_it_quotes(office):
    office.write(letter("It works.\n\nOn Mon, 1 Dec 2026 at 10:00, Sue <s@x.org> wrote:\n> Try this.\n"))
    [said] = office.said()
    assert (said.message.body, said.message.via, said.author.name) == ("It works.", "mail", "Alice")
    [row] = office.kept()
    assert (row.state, row.about, row.author) == ("taken", office.ticket.id, "alice@example.com")
    assert [one.to for one in letters(office.house, "support/customer_answered")] == [
        "sam@example.com",
        "sue@example.com",
    ]


def test_a_letter_of_ours_is_answered_from_where_it_arrived_and_threads(office, settings):
    """The whole way: staff answer, Alice's program answers the letter as it came."""
    with Opening() as outside, office.session() as session:
        with unit(session):
            office.desk.reply(session, office.ticket, clock.now())
            second = office.desk.reply(session, office.ticket, clock.now())
        follow(office.house)
        house = replace(office.house, settings=replace(office.house.settings, smtp_url=outside.url))
        send_due(house)
        came = [message for [to], message in outside.taken if to == "alice@example.com"]
        came = [message for message in came if message["References"]]
        assert second and len(came) == 3, "that it was opened, and two answers"
        roots = {message["References"] for message in came} | {message["In-Reply-To"] for message in came}
        assert roots == {f"<{office.ticket.id}@{smtp.domain_of(office.house.settings.mail_from)}>"}
        assert "Answer this letter" in came[0].get_body(("plain",)).get_content()
        assert came[0]["Reply-To"] == office.own
        office.write(letter("Thanks."), to=came[0]["Reply-To"])
        [_, _, said] = office.said()
        assert said.message.body == "Thanks."
        staff = [message for [to], message in outside.taken if to == "sue@example.com"]
        assert all(message["Reply-To"] is None for message in staff), "staff answer on the page"


def test_without_an_address_for_answers_nothing_of_it_is_in_a_letter(office, house):
    with office.session() as session, unit(session):
        office.desk.reply(session, office.ticket, clock.now())
    follow(house)
    [written] = letters(house, "support/answered")
    assert written.reply_token is None and "Answer this letter" not in written.text
    assert read_received(house) == 0


def test_the_same_letter_twice_is_heard_once(office):
    office.send()
    office.send()
    office.read()
    office.write()
    assert len(office.said()) == 1
    assert {row.state for row in office.kept()} == {"taken"}


def test_two_letters_that_say_different_things_are_both_heard_whatever_their_ids_say(office):
    office.write(letter("One."))
    office.write(letter("Two."))
    assert [said.message.body for said in office.said()] == ["One.", "Two."]


def test_a_letter_without_an_id_is_heard_once(office):
    for _ in range(2):
        office.write(letter(Message_ID=None))
    assert len(office.said()) == 1


def test_files_come_along_and_what_may_not_is_said(office):
    message = letter("See here.")
    message.add_attachment("a log\n", filename="app.log")
    message.add_attachment(b"<svg/>", maintype="image", subtype="svg+xml", filename="evil.svg")
    for number in range(6):
        message.add_attachment(f"{number}\n", filename=f"{number}.txt")
    office.write(message)
    [said] = office.said()
    assert {file.name for file in said.files} == {"app.log", "0.txt", "1.txt", "2.txt", "3.txt"}
    assert said.message.body.startswith("See here.\n\n_Not taken from the letter: evil.svg is of a kind")
    assert "Attach at most 5 files" in said.message.body


def test_a_letter_of_files_alone_is_heard(office):
    message = letter("")
    message.add_attachment("a log\n", filename="app.log")
    office.write(message)
    [said] = office.said()
    assert "what is attached" in said.message.body


def test_a_letter_longer_than_a_message_keeps_its_beginning_and_says_so(office):
    office.write(letter("word " * 12_000))
    [said] = office.said()
    assert said.message.body.startswith("word word") and "was too long" in said.message.body


def test_a_forged_author_is_not_heard_and_gets_no_answer(office):
    office.write(letter(author="Mallory <mallory@example.com>"), sender="mallory@example.com")
    assert "not from alice@example.com" in left(office)
    assert letters(office.house, "support/too_late") == []


def test_a_token_is_of_no_use_to_another_member(office):
    office.write(letter(author="Bob <bob@example.com>"), sender="bob@example.com")
    assert "not from alice@example.com" in left(office)


def test_a_strangers_token_leads_nowhere(office):
    """Sealed by us for a person who was never in the account."""
    address = office.listening.address(office.ticket.id, office.desk.charlie.person_id)
    office.write(letter(author="Charlie <charlie@example.com>"), to=address)
    assert "does not belong to the account" in left(office)


def test_who_left_the_team_is_not_heard_any_more(office):
    address = office.listening.address(office.ticket.id, office.desk.bob.person_id)
    office.write(letter(author="Bob <bob@example.com>"), to=address)
    assert len(office.said()) == 1
    with office.session() as session, unit(session):
        accounts.remove(session, office.desk.account, office.desk.bob.person_id, **as_alice(office))
    office.write(letter("Still me.", author="Bob <bob@example.com>"), to=address)
    assert len(office.said()) == 1
    assert "does not belong" in office.kept()[1].reason


def as_alice(office):
    return {"actor": office.desk.alice, "now": clock.now()}


def test_a_ticket_that_is_not_there_is_nobodys(office):
    office.write(to=office.listening.address("tkt_" + "z" * 26, office.desk.alice.person_id))
    assert "not one that we gave out" in left(office)


def test_a_token_of_an_earlier_secret_is_nobodys(office):
    """It was let in while the secret was another: the listener was started before it was changed."""
    office.send()
    settings = replace(office.house.settings, secret_key="the secret that holds from today on")
    read_received(replace(office.house, settings=settings))
    assert "not one that we gave out" in left(office)


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ({"Auto_Submitted": "auto-replied"}, "alice@example.com"),
        ({"Precedence": "bulk"}, "alice@example.com"),
        ({"List_Id": "<x.example.com>"}, "alice@example.com"),
        ({"X_Upkeep_Letter": "ltr_1"}, "alice@example.com"),
    ],
)
def test_machines_are_not_heard_and_not_answered(office, headers, sender):
    before = len(letters(office.house))
    office.write(letter("I am away.", **headers), sender=sender)
    assert left(office)
    assert len(letters(office.house)) == before


def test_our_own_letter_sent_back_starts_no_loop(office):
    with office.session() as session, unit(session):
        office.desk.reply(session, office.ticket, clock.now())
    follow(office.house)
    [written] = letters(office.house, "support/answered")
    own = smtp.compose(written, sender="alice@example.com", sender_name="Alice")
    office.write(own)
    [row] = office.kept()
    assert row.state == "left" and len(office.said()) == 1


def test_a_ticket_takes_so_many_letters_an_hour(office):
    for number in range(20):
        office.send(letter(f"Letter {number}"))
    office.read()
    office.write(letter("One too many."))
    assert len(office.said()) == 20
    assert "More than 20 letters" in office.kept()[-1].reason


def test_a_letter_opens_a_ticket_again_that_was_closed_not_long_ago(office):
    office.close(29 * DAY)
    office.write()
    with office.session() as session:
        assert support.staff_ticket(session, office.ticket.id).closed_at is None
    assert len(office.said()) == 1


def test_a_letter_that_comes_too_late_opens_nothing_and_is_answered_once(office):
    office.close(31 * DAY)
    office.write()
    office.write(letter("Hello?"))
    with office.session() as session:
        assert support.staff_ticket(session, office.ticket.id).closed_at is not None
    assert office.said() == []
    assert [row.state for row in office.kept()] == ["left", "left"]
    [written] = letters(office.house, "support/too_late")
    assert written.to == "alice@example.com" and "/tickets/new" in written.text


def test_a_letter_with_nothing_new_is_left(office):
    office.write(letter("On Mon, 1 Dec 2026 at 10:00, Sue <s@x.org> wrote:\n> Try this.\n"))
    assert "nothing new" in left(office)


def test_what_was_left_can_be_read_again(office):
    office.write(letter(author="Alice <alice@new.example>"))
    [row] = office.kept()
    with office.session() as session, unit(session):
        session.get_one(Person, office.desk.alice.person_id).email = "alice@new.example"
        received.read_again(session, row.id, now=clock.now())
    office.read()
    assert [row.state for row in office.kept()] == ["taken"]
    assert len(office.said()) == 1


class Stumbling:
    """Sessions that break in the middle of a reading, so often."""

    def __init__(self, sessions, kind, times):
        self.sessions, self.kind, self.times = sessions, kind, times

    def __call__(self):
        session = self.sessions()
        begin = session.begin_nested

        def stumble():
            self.times -= 1
            if self.times >= 0:
                raise self.kind
            return begin()

        session.begin_nested = stumble
        return session


class Killed(BaseException):
    """The process ends here."""


def test_a_reader_that_is_killed_leaves_the_letter_and_it_is_read_once(office):
    office.send()
    with pytest.raises(Killed):
        read_received(replace(office.house, sessions=Stumbling(office.house.sessions, Killed, 1)))
    assert office.said() == [] and office.kept()[0].state == "waiting"
    later(office, received.CLAIM_LASTS)
    office.read()
    assert len(office.said()) == 1 and office.kept()[0].state == "taken"


def test_a_letter_that_always_kills_its_reader_is_left_in_the_end_and_holds_up_no_other(office):
    office.send()
    for _ in range(received.ATTEMPTS):
        with pytest.raises(Killed):
            read_received(replace(office.house, sessions=Stumbling(office.house.sessions, Killed, 1)))
        later(office, received.CLAIM_LASTS)
    office.write(letter("The next one."))
    assert [row.state for row in office.kept()] == ["left", "taken"]
    assert "did not come back" in office.kept()[0].reason


def test_a_fault_of_ours_is_tried_again_later_and_kept_in_the_end(office):
    office.send()
    faulty = replace(office.house, sessions=Stumbling(office.house.sessions, ValueError, 99))
    for _ in range(received.ATTEMPTS):
        read_received(faulty)
        later(office, DAY)
    [row] = office.kept()
    assert row.state == "left" and "ValueError" in row.reason
    with office.session() as session, unit(session):
        received.read_again(session, row.id, now=clock.now())
    office.read()
    assert len(office.said()) == 1


def test_two_readers_at_once_hear_each_letter_once(office):
    for number in range(4):
        office.send(letter(f"Letter {number}"))
    with office.session() as one, office.session() as other, unit(one), unit(other):
        first = received.claim(one, now=clock.now())
        second = received.claim(other, now=clock.now())
        assert first != second
    later(office, received.CLAIM_LASTS)
    office.read()
    assert len(office.said()) == 4


def test_old_letters_are_forgotten(office):
    office.write()
    office.write(letter(author="Mallory <mallory@example.com>"))
    with office.session() as session, unit(session):
        assert received.clean(session, now=clock.now() + received.TAKEN_KEPT + HOUR) == 1
        assert received.clean(session, now=clock.now() + received.KEPT + HOUR) == 1


def later(office, wait):
    """Letters that wait as if they had waited that long."""
    with office.session() as session, unit(session):
        for row in session.scalars(select(InboundLetter)):
            row.due_at -= wait


def test_an_address_is_given_in_letters_about_tickets_alone(office):
    assert ADDRESS.token_of(office.own)
    about = {one.template.partition("/")[0] for one in letters(office.house) if one.reply_token}
    assert about <= {"support"}
    assert mail.Letter.reply_token is not None


def with_files(*contents):
    message = letter("See here.")
    for number, content in enumerate(contents):
        message.add_attachment(content, filename=f"{number}.txt")
    return message


def leave_room(office, size):
    """As if the account had attached so much today that only this much is left."""
    with office.session() as session, unit(session):
        [kept] = session.scalars(select(Attachment)).all()
        kept.size = rules.FILE_BYTES_A_DAY - size


def test_what_is_more_than_an_account_may_attach_a_day_is_left_out_and_the_words_are_kept(office):
    office.write(with_files("a"))
    leave_room(office, 5)
    office.write(with_files("four", "two"))
    said = office.said()[-1]
    assert [file.name for file in said.files] == ["1.txt"], "what has room comes along"
    assert said.message.body.startswith("See here.\n\n_Not taken from the letter: Your account has attached")


def test_the_same_letter_again_is_heard_once_also_when_there_is_no_room_any_more(office):
    office.write(with_files("a"))
    leave_room(office, 0)
    office.write(with_files("a"))
    assert len(office.said()) == 1
    assert {row.state for row in office.kept()} == {"taken"}


def test_two_readers_of_two_copies_at_once_hear_one(office):
    for _ in range(6):
        office.send()
    with ThreadPoolExecutor(3) as pool:
        for one in [pool.submit(read_received, office.house) for _ in range(3)]:
            one.result()
    follow(office.house)
    assert len(office.said()) == 1 and {row.state for row in office.kept()} == {"taken"}


def test_an_answer_that_comes_while_the_ticket_is_closed_is_said_and_owed_or_said_and_closed(office):
    for number in range(4):
        office.send(letter(f"Letter {number}"))
        with ThreadPoolExecutor(2) as pool:
            reading = pool.submit(read_received, office.house)
            closing = pool.submit(office.close, timedelta(0))
            reading.result(), closing.result()
        follow(office.house)
        with office.session() as session, unit(session):
            ticket = support.staff_ticket(session, office.ticket.id)
            running = [one.kind for one in support.clocks(session, ticket.id) if one.runs]
            assert bool(running) == (ticket.closed_at is None)
            assert ticket.unanswered_since is not None, "it was not answered, whatever came first"
            if ticket.closed_at is not None:
                office.desk.reopen(session, ticket, clock.now())
    assert len(office.said()) == 4
