"""Messages, as said: once for each nonce, with what came along."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import accounts
from portal.kit import ids
from portal.kit.errors import Conflict
from portal.support import rules
from portal.support.actions import holding
from portal.support.models import Attachment, Ticket, TicketMessage
from portal.support.values import File


def said(session: Session, account_id: str, nonce: str) -> TicketMessage | None:
    """What was said under a nonce already, or None."""
    where = TicketMessage.account_id == account_id, TicketMessage.nonce == nonce
    return session.scalars(select(TicketMessage).where(*where)).one_or_none()


def said_here(
    session: Session,
    ticket: Ticket,
    nonce: str,
    body: str,
    files: Sequence[File],
    actor: accounts.Actor,
    *,
    kind: str = "message",
) -> TicketMessage | None:
    """What was said under a nonce in this ticket already, or None.

    Conflict when it was something else: who came back to a page that they had sent must not lose words.
    """
    message = said(session, ticket.account_id, nonce)
    if message is None:
        return None
    if message.ticket_id != ticket.id:
        raise Conflict("This was sent already, in another ticket.")
    check_same(session, message, body, files, actor, kind)
    return message


def check_same(
    session: Session,
    message: TicketMessage,
    body: str,
    files: Sequence[File],
    actor: accounts.Actor,
    kind: str = "message",
) -> None:
    """Conflict unless somebody says again what they said before, with the same files."""
    rules.check_again(
        (message.author, message.kind, message.body) == (actor.of_person, kind, rules.clean_body(body))
    )
    came = select(Attachment.name, Attachment.digest).where(Attachment.message_id == message.id)
    names = [name for name, _ in rules.check_files(files)]
    comes = [(name, _digest(file)) for name, file in zip(names, files, strict=True)]
    rules.check_again(sorted((name, digest) for name, digest in session.execute(came)) == sorted(comes))


def room(session: Session, account_id: str, *, now: datetime) -> int:
    """How many bytes of files an account's people may still attach today; others wait until the unit ends."""
    holding.queue_with_files(session, account_id)
    statement = (
        select(func.coalesce(func.sum(Attachment.size), 0))
        .join(TicketMessage, TicketMessage.id == Attachment.message_id)
        .where(
            TicketMessage.account_id == account_id,
            TicketMessage.side == "customer",
            TicketMessage.said_at > now - rules.DAY,
        )
    )
    return max(0, rules.FILE_BYTES_A_DAY - int(session.scalar(statement) or 0))


def say(
    session: Session,
    ticket: Ticket,
    body: str,
    files: Sequence[File],
    nonce: str,
    actor: accounts.Actor,
    *,
    side: str,
    kind: str = "message",
    via: str = "web",
    now: datetime,
) -> TicketMessage:
    """Add a message to a ticket that is held; Invalid for a body or a file that will not do."""
    kept = rules.check_files(files)
    if files and side == "customer":
        rules.check_room(sum(len(file.content) for file in files), room(session, ticket.account_id, now=now))
    message = TicketMessage(
        id=ids.new("msg"),
        ticket_id=ticket.id,
        account_id=ticket.account_id,
        author=actor.of_person,
        side=side,
        kind=kind,
        body=rules.clean_body(body),
        said_at=now,
        via=via,
        nonce=nonce,
    )
    session.add(message)
    session.flush()
    for file, (name, content_type) in zip(files, kept, strict=True):
        session.add(
            Attachment(
                id=ids.new("att"),
                message_id=message.id,
                ticket_id=ticket.id,
                account_id=ticket.account_id,
                name=name,
                content_type=content_type,
                size=len(file.content),
                digest=_digest(file),
                content=file.content,
            )
        )
    session.flush()
    return message


def _digest(file: File) -> str:
    return sha256(file.content).hexdigest()
