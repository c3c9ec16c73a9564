"""Letters on their way, through a real mail server."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal import accounts
from portal.kit import clock, mail, sending, smtp
from portal.kit.db import unit
from portal.kit.letterhead import Rendered
from portal.kit.smtp import Fate
from tests.kit.post_office import Opening
from tests.worker.stage import NOW, letters, someone, told
from worker.letters import send_due


@pytest.fixture
def office():
    with Opening() as office:
        yield office


@pytest.fixture
def posting(house, office):
    """The house, with a mail server."""
    return replace(house, settings=replace(house.settings, smtp_url=office.url))


def write(house, *names, now=None, **more):
    """Letters to people of these names, due now."""
    with house.sessions() as session, unit(session):
        return [
            mail.write(
                session,
                f"test {name}",
                Rendered("keys/created", f"To {name}", "text", "<p>html</p>"),
                to=f"{name.lower()}@example.com",
                now=now or clock.now(),
                **more,
            )
            for name in names
        ]


def later(house, letter_id, wait):
    """The letter's moments as if they had been that long ago."""
    with house.sessions() as session, unit(session):
        letter = mail.get(session, letter_id)
        for moment in ("written_at", "due_at", "claimed_at"):
            if getattr(letter, moment) is not None:
                setattr(letter, moment, getattr(letter, moment) - wait)


def states(house):
    return [letter.state for letter in letters(house)]


def test_letters_are_sent_and_marked(posting, office):
    write(posting, "Ada", "Bob")
    assert send_due(posting) == 2
    assert states(posting) == ["sent", "sent"]
    assert [recipients for recipients, _ in office.taken] == [["ada@example.com"], ["bob@example.com"]]
    assert send_due(posting) == 0
    assert len(office.taken) == 2


def test_a_letter_with_a_secret_link_is_forgotten_once_it_is_sent(posting, office):
    with posting.sessions() as session, unit(session):
        alice = someone(session, "Alice")
    told(posting, accounts.ResetAsked(alice.id))
    [letter] = letters(posting)
    assert "/reset/" in letter.text
    send_due(posting)
    [letter] = letters(posting)
    assert (letter.state, letter.text, letter.html) == ("sent", None, None)
    assert "/reset/" in office.taken[0][1].get_body(("plain",)).get_content()


def test_without_a_mail_server_letters_are_kept_and_never_sent_by_themselves(house, posting, office):
    [letter_id] = write(house, "Ada")
    assert send_due(house) == 0
    assert states(house) == ["kept"]
    assert send_due(posting) == 0
    with posting.sessions() as session, unit(session):
        mail.send_again(session, letter_id, now=clock.now())
    assert send_due(posting) == 1
    assert states(posting) == ["sent"]


def test_a_refused_letter_has_failed_with_the_reason_and_holds_up_no_other(posting, office):
    office.answers["RCPT"] = "550 5.1.1 no such mailbox"
    write(posting, "Ada", "Bob")
    assert send_due(posting) == 2
    assert states(posting) == ["failed", "failed"]
    assert "550 5.1.1 no such mailbox" in letters(posting)[0].failure
    office.answers.clear()
    assert send_due(posting) == 0


def test_a_letter_put_off_is_tried_again_after_growing_waits(posting, office):
    office.answers["END"] = "451 greylisted"
    [letter_id] = write(posting, "Ada")
    for minutes in (1, 2, 4):
        assert send_due(posting) == 1
        assert send_due(posting) == 0
        assert states(posting) == ["waiting"]
        later(posting, letter_id, timedelta(minutes=minutes, seconds=1))
    office.answers.clear()
    assert send_due(posting) == 1
    assert states(posting) == ["sent"]
    assert letters(posting)[0].failure is None
    assert len(office.taken) == 1


def test_a_letter_is_given_up_after_three_days(posting, office):
    office.answers["END"] = "451 greylisted"
    [letter_id] = write(posting, "Ada", now=clock.now() - timedelta(days=3))
    send_due(posting)
    later(posting, letter_id, timedelta(minutes=2))
    send_due(posting)
    [letter] = letters(posting)
    assert letter.state == "failed"
    assert "Given up after 2 attempts" in letter.failure and "451 greylisted" in letter.failure


def test_a_mail_server_that_is_away_is_asked_once_a_run(house):
    with Opening() as office:
        url = office.url
    posting = replace(house, settings=replace(house.settings, smtp_url=url))
    write(posting, "Ada", "Bob", "Cleo")
    assert send_due(posting) == 1
    assert states(posting) == ["waiting"] * 3


def test_a_connection_cut_after_the_letter_leaves_it_in_doubt_and_unsent(posting, office):
    office.answers["END"] = None
    [letter_id] = write(posting, "Ada")
    send_due(posting)
    assert states(posting) == ["in doubt"]
    office.answers.clear()
    later(posting, letter_id, timedelta(days=1))
    assert send_due(posting) == 0
    assert len(office.taken) == 1


class Killed(BaseException):
    """The process ends here."""


def test_a_sender_killed_before_it_sends_leaves_a_doubt_and_no_second_letter(posting, office):
    def killed(url, message):
        raise Killed

    [letter_id] = write(posting, "Ada")
    with pytest.raises(Killed):
        send_due(posting, killed)
    assert states(posting) == ["being sent"]
    assert send_due(posting) == 0
    later(posting, letter_id, sending.CLAIM_LASTS)
    assert send_due(posting) == 0
    assert states(posting) == ["in doubt"]
    assert office.taken == []


def test_a_sender_killed_after_it_sent_never_sends_twice_by_itself(posting, office):
    def killed(url, message):
        assert smtp.deliver(url, message).fate is Fate.SENT
        raise Killed

    [letter_id] = write(posting, "Ada")
    with pytest.raises(Killed):
        send_due(posting, killed)
    for _ in range(3):
        later(posting, letter_id, sending.CLAIM_LASTS)
        send_due(posting)
    assert states(posting) == ["in doubt"]
    assert len(office.taken) == 1


def test_sent_again_a_letter_keeps_its_message_id(posting, office):
    office.answers["END"] = None
    [letter_id] = write(posting, "Ada")
    send_due(posting)
    office.answers.clear()
    with posting.sessions() as session, unit(session):
        mail.send_again(session, letter_id, now=clock.now())
    send_due(posting)
    assert states(posting) == ["sent"]
    first, second = (message["Message-ID"] for _, message in office.taken)
    assert first == second and letter_id in first


def test_two_senders_at_once_send_each_letter_once(posting, office):
    write(posting, "Ada", "Bob")
    inner = []

    def meanwhile(url, message):
        inner.append(send_due(posting))
        return smtp.deliver(url, message)

    assert send_due(posting, meanwhile) == 2
    assert inner == [0, 0]
    assert len(office.taken) == 2


def test_two_claims_at_once_get_two_letters(house):
    first, second = write(house, "Ada", "Bob")
    with house.sessions() as one, house.sessions() as other, unit(one), unit(other):
        now = clock.now()
        claimed = [sending.claim(one, now=now), sending.claim(other, now=now), sending.claim(other, now=now)]
        assert [letter.id if letter else None for letter in claimed] == [first, second, None]


def test_clean_forgets_secrets_that_have_expired_and_letters_of_half_a_year_ago(house):
    write(house, "Ada", now=NOW, secret_until=NOW + timedelta(hours=1))
    write(house, "Bob", now=NOW - mail.KEPT)
    with house.sessions() as session, unit(session):
        assert mail.clean(session, now=NOW + timedelta(hours=1)) == 1
    [letter] = letters(house)
    assert (letter.to, letter.text, letter.html) == ("ada@example.com", None, None)
