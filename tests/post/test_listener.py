"""The listener, spoken to by real SMTP: what it keeps, whom it turns away, and when it says 250."""

import smtplib
import socket
import ssl
import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import select
from sqlalchemy.orm import undefer

from portal.kit import db, received
from portal.kit.received import InboundLetter
from portal.post.limits import SIZE_MOST, Limits
from tests.kit.test_smtp import certificate  # noqa: F401 - a fixture
from tests.post.listening import ADDRESS, Listening, letter


@pytest.fixture
def listening(settings, database):
    with Listening(settings, database) as running:
        yield running


def kept(database):
    with database() as session:
        everything = select(InboundLetter).options(undefer(InboundLetter.raw)).order_by(InboundLetter.id)
        return session.scalars(everything).all()


def test_an_answer_is_kept_as_it_came_before_its_sender_hears_of_it(listening, database):
    raw = letter("Grüße\n.a dot\n").as_bytes().replace(b"\n", b"\r\n")
    with listening.line() as line:
        line.mail("alice@example.com")
        line.rcpt(listening.address())
        code, answer = line.data(raw)
        assert code == 250
        [row] = kept(database)
    assert answer.decode().endswith(row.id)
    assert row.raw == raw and row.size == len(raw)
    assert (row.sender, row.recipient, row.peer) == ("alice@example.com", listening.address(), "127.0.0.1")
    assert row.state == "waiting"


def test_case_does_not_matter_in_an_address(listening, database):
    listening.send(letter(), to=listening.address().upper())
    assert len(kept(database)) == 1


@pytest.mark.parametrize(
    "address",
    [
        str(ADDRESS),
        f"reply+@{ADDRESS.domain}",
        f"reply+short@{ADDRESS.domain}",
        f"reply+{'0' * 46}@{ADDRESS.domain}",
        f"other+{'0' * 46}@{ADDRESS.domain}",
        "alice@elsewhere.example",
    ],
)
def test_an_address_that_cannot_be_ours_is_refused_at_the_door(listening, database, address):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        listening.send(letter(), to=address)
    [(code, _)] = refused.value.recipients.values()
    assert code == 550 and kept(database) == []


def test_a_token_that_was_sealed_with_another_secret_is_refused_at_the_door(listening, database):
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        listening.send(letter(), to=listening.address(secret="another secret, as long as ours was once"))
    assert kept(database) == []


def test_a_token_with_one_letter_changed_is_refused_at_the_door(listening, database):
    local, _, domain = listening.address().partition("@")
    for place in (6, 20, 35, 45, len(local) - 1):
        changed = local[:place] + ("z" if local[place] != "z" else "y") + local[place + 1 :]
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            listening.send(letter(), to=f"{changed}@{domain}")
    assert kept(database) == []


def test_a_notice_of_a_mail_server_is_refused_because_nothing_is_sent_from_there(listening, database):
    with listening.line() as line:
        line.mail("<>")
        assert line.rcpt(listening.address())[0] == 550
    assert kept(database) == []


def test_a_letter_has_one_recipient(listening):
    with listening.line() as line:
        line.mail("alice@example.com")
        assert line.rcpt(listening.address())[0] == 250
        assert line.rcpt(listening.address(reader_id="per_" + "2" * 26))[0] == 452


def test_a_letter_that_is_too_large_is_refused(listening, database):
    with listening.line() as line:
        assert line.esmtp_features["size"] == str(SIZE_MOST)
        assert line.mail("alice@example.com", [f"size={SIZE_MOST + 1}"])[0] == 552
    assert kept(database) == []


def test_without_certificates_no_tls_is_offered_and_nobody_can_sign_in(listening):
    with listening.line() as line:
        assert not line.has_extn("starttls") and not line.has_extn("auth")


def test_with_certificates_tls_is_offered(settings, database, certificate, tmp_path_factory):  # noqa: F811
    folder = next(path for path in tmp_path_factory.getbasetemp().glob("certificate*") if path.is_dir())
    files = {"certificate": folder / "cert.pem", "key": folder / "key.pem"}
    with Listening(settings, database, **files) as listening, listening.line("localhost") as line:
        line.starttls(context=ssl.create_default_context(cafile=files["certificate"]))
        line.sendmail("alice@example.com", [listening.address()], letter().as_bytes())
    assert len(kept(database)) == 1


def test_a_database_that_is_away_leaves_the_letter_with_its_sender(settings):
    away = db.sessions(db.engine("postgresql://nobody@127.0.0.1:9/none"))
    with Listening(settings, away) as listening, listening.line() as line:
        line.mail("alice@example.com")
        line.rcpt(listening.address())
        assert line.data(letter().as_bytes())[0] == 451


class Cut:
    """In the place of sessions: once the letter is committed, the line is cut before it is answered."""

    def __init__(self, sessions):
        self.sessions, self.line = sessions, None

    @contextmanager
    def __call__(self):
        with self.sessions() as session:
            yield session
        self.line.sock.shutdown(socket.SHUT_RDWR)


def test_a_letter_that_was_kept_and_not_answered_comes_again_and_is_never_lost(settings, database):
    """Which of the two is heard is for who reads them."""
    cut = Cut(database)
    with Listening(settings, cut) as listening:
        cut.line = listening.line()
        cut.line.mail("alice@example.com")
        cut.line.rcpt(listening.address())
        with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
            cut.line.data(letter().as_bytes())
    with Listening(settings, database) as again:
        again.send(letter())
    assert len(kept(database)) == 2


def test_a_slow_client_holds_up_nobody(listening, database):
    slow = [socket.create_connection(("127.0.0.1", listening.port)) for _ in range(5)]
    for line in slow:
        assert line.recv(4) == b"220 "
        line.sendall(b"EHLO slow\r\n")
    talking = listening.line()
    talking.mail("alice@example.com")
    talking.rcpt(listening.address())
    talking.docmd("DATA")
    talking.send(b"Subject: never ended\r\n")
    listening.send(letter())
    assert len(kept(database)) == 1
    for line in (*slow, talking):
        line.close()


def test_many_write_at_once_and_every_letter_is_kept(listening, database):
    errors = []

    def write(number):
        try:
            listening.send(letter(f"Letter {number}", Message_ID=f"<{number}@client.example.com>"))
        except Exception as problem:
            errors.append(problem)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and len(kept(database)) == 8


def test_one_place_may_not_open_lines_without_end(settings, database):
    with Listening(settings, database, lines_of_one=2) as listening:
        first, second = listening.line(), listening.line()
        with pytest.raises((smtplib.SMTPConnectError, smtplib.SMTPServerDisconnected)) as refused:
            listening.line()
        assert getattr(refused.value, "smtp_code", 421) == 421
        first.quit()
        while True:  # the server hears of it a moment later
            try:
                listening.line().quit()
                break
            except smtplib.SMTPException:
                continue
        second.quit()


def test_one_place_may_not_write_without_end(settings, database):
    with Listening(settings, database, letters_a_minute=2) as listening:
        listening.send(letter())
        listening.send(letter())
        with pytest.raises(smtplib.SMTPDataError) as refused:
            listening.send(letter())
        assert refused.value.smtp_code == 450
        listening.seconds = 61
        listening.send(letter())
    assert len(kept(database)) == 3


def test_who_guesses_addresses_is_sent_away_for_a_while(settings, database):
    with Listening(settings, database, wrong_a_minute=3) as listening, listening.line() as line:
        line.mail("mallory@example.com")
        codes = [line.rcpt(f"reply+{'0' * 46}@{ADDRESS.domain}")[0] for _ in range(3)]
        assert codes == [550] * 3
        assert line.rcpt(listening.address())[0] == 421
        listening.seconds = 61
        assert line.rcpt(listening.address())[0] == 250


def test_more_letters_at_once_than_fit_into_memory_are_for_later(settings, database):
    with Listening(settings, database, bodies=1) as listening:
        one, other = listening.line(), listening.line()
        for line in (one, other):
            line.mail("alice@example.com")
            line.rcpt(listening.address())
        assert one.docmd("DATA")[0] == 354
        assert other.docmd("DATA")[0] == 450
        one.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
        assert one.getreply()[0] == 250
        assert other.docmd("DATA")[0] == 354
        one.close()
        other.close()


def test_limits_remember_only_who_was_there_last(settings):
    limits = Limits(lambda: 0.0, letters_a_minute=1)
    for number in range(10_050):
        assert limits.may_write(str(number))
    assert len(limits._letters._seen) <= 10_000
    assert limits.may_write("0") and not limits.may_write("10049")


def test_crooked_bytes_in_commands_are_refused_and_kept_out_of_the_database(listening, database):
    with listening.line() as line:
        for said in (b"MAIL FROM:<a\xff\xfe@example.com>\r\n", b"MAIL FROM:<a@example.com>\r\n"):
            line.sock.sendall(said)
            line.getreply()
        line.sock.sendall(b"RCPT TO:<\xff\x00@x>\r\n")
        assert line.getreply()[0] in (501, 550, 553)
    listening.send(letter())
    assert len(kept(database)) == 1


def test_what_was_kept_is_counted_by_state(listening, database):
    listening.send(letter())
    with database() as session:
        assert (received.count(session, "waiting"), received.count(session, "left")) == (1, 0)
