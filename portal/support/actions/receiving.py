"""Answers by mail: from a letter that came in to a message in its ticket, or to the reason why not.

The letter is taken or left in the caller's unit, together with all that follows from it. Nothing is
answered to a sender but once: to who writes in a ticket that was closed too long ago.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy.orm import Session

from portal import accounts
from portal.kit import received, replies
from portal.kit.errors import Invalid, Refusal
from portal.kit.opening import Enclosed, Opened, Unreadable, open_letter
from portal.kit.outbox import tell
from portal.kit.received import InboundLetter
from portal.kit.replies import ReplyAddress
from portal.support import rules
from portal.support.actions import answering, holding, saying
from portal.support.events import AnswerCameTooLate
from portal.support.models import Ticket
from portal.support.values import File

HOUR = timedelta(hours=1)


def receive(
    session: Session, letter_id: str, address: ReplyAddress, secret_key: str, *, domain: str, now: datetime
) -> None:
    """Read a letter that was claimed; nothing when somebody dealt with it meanwhile.

    `address` is what answers come to, `domain` where our own letters are from. A letter that nothing
    can be made of is left with the reason; faults are raised, and leave it as it was.
    """
    letter = received.open_claimed(session, letter_id)
    if letter is None:
        return
    try:
        opened = open_letter(letter.raw, letter.sender, domain=domain)
    except Unreadable as problem:
        received.leave(letter, f"It could not be opened ({problem}).", now=now)
        return
    letter.author, letter.subject = opened.author or None, opened.subject or None
    slip = replies.read(secret_key, address.token_of(letter.recipient) or "")
    ticket = session.get(Ticket, f"tkt_{slip.thread}") if slip is not None else None
    if slip is None or ticket is None:
        received.leave(letter, "Its address is not one that we gave out.", now=now)
        return
    letter.about, letter.account_id = ticket.id, ticket.account_id
    person = _reader(session, ticket, slip.reader)
    if (reason := _objection(session, letter, ticket, person, opened, now)) is not None:
        received.leave(letter, reason, now=now)
        return
    assert person is not None
    _answer(session, letter, ticket, person, opened, now=now)


def _reader(session: Session, ticket: Ticket, mark: str) -> accounts.Person | None:
    """Who was written to with this mark, while they belong to the account."""
    found = [
        member.person
        for member in accounts.members(session, ticket.account_id)
        if replies.mark(member.person.id) == mark
    ]
    return found[0] if len(found) == 1 else None


def _objection(
    session: Session,
    letter: InboundLetter,
    ticket: Ticket,
    person: accounts.Person | None,
    opened: Opened,
    now: datetime,
) -> str | None:
    if opened.machine is not None:
        return opened.machine
    if person is None or person.closed_at is not None:
        return "Whom we wrote to with this address does not belong to the account any more."
    author = accounts.by_email(session, opened.author) if opened.author else None
    if author is None or author.id != person.id:
        return f"It is not from {person.email}, to whom this address was given."
    if received.taken_since(session, ticket.id, now - HOUR) >= rules.LETTERS_AN_HOUR:
        return f"More than {rules.LETTERS_AN_HOUR} letters came to this ticket within an hour."
    return None


def _answer(
    session: Session,
    letter: InboundLetter,
    ticket: Ticket,
    person: accounts.Person,
    opened: Opened,
    *,
    now: datetime,
) -> None:
    holding.hold(session, ticket.id)  # of two copies that are read at once the second sees the first
    nonce = _nonce(letter, ticket, opened)
    if saying.said(session, ticket.account_id, nonce) is not None:
        received.take(letter, now=now)  # what came of it may differ: of its files others had room then
        return
    files, body = _files_and_body(opened, saying.room(session, ticket.account_id, now=now))
    if not body:
        received.leave(letter, "There is nothing new in it.", now=now)
        return
    try:
        with session.begin_nested():
            answering.answer(
                session,
                ticket.account_id,
                ticket.number,
                body,
                files=files,
                nonce=nonce,
                actor=accounts.actor(person),
                via="mail",
                now=now,
            )
    except Refusal as refusal:
        session.refresh(ticket)
        if not rules.may_reopen(ticket.closed_at, now):
            tell(session, AnswerCameTooLate(ticket.account_id, ticket.id, person.id))
        received.leave(letter, refusal.sentence, now=now)
        return
    received.take(letter, now=now)


def _nonce(letter: InboundLetter, ticket: Ticket, opened: Opened) -> str:
    """The same for two letters that are one: programs send the same id again with other words in it."""
    marks = [ticket.id, opened.message_id or sha256(letter.raw).hexdigest(), opened.text]
    marks += [f"{one.name} {sha256(one.content).hexdigest()}" for one in opened.files]
    digest = sha256("\0".join(marks).encode()).hexdigest()
    return f"mail {digest}"


def _files_and_body(opened: Opened, room: int) -> tuple[list[File], str]:
    """The files that may come along, and the words, with what was not taken said below them."""
    files, refused = _sorted(opened.files, room)
    body = opened.text.strip()
    if len(body) > rules.MAIL_LENGTH:
        body = body[: rules.MAIL_LENGTH]
        refused = ["The letter was too long: the rest of it was left out.", *refused]
    if not body and files:
        body = "(No words: see what is attached.)"
    if not body and refused:
        body = "(No words.)"
    return files, "\n\n".join([body, *(f"_Not taken from the letter: {one}_" for one in refused)]).strip()


def _sorted(enclosed: Sequence[Enclosed], room: int) -> tuple[list[File], list[str]]:
    files: list[File] = []
    refused: list[str] = []
    for one in enclosed:
        file = File(one.name, one.content)
        try:
            rules.check_files([*files, file])
            rules.check_room(sum(len(one.content) for one in [*files, file]), room)
        except Invalid as refusal:
            refused.append(refusal.sentence.replace("_", r"\_"))
        else:
            files.append(file)
    return files, refused[: rules.REFUSED_FILES_TOLD]
