"""Messages, as said: once for each nonce, with what came along."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts
from portal.kit import ids
from portal.kit.errors import Conflict
from portal.support import rules
from portal.support.models import Attachment, Ticket, TicketMessage
from portal.support.values import File


def said(session: Session, account_id: str, nonce: str) -> TicketMessage | None:
    """What was said under a nonce already, or None."""
    where = TicketMessage.account_id == account_id, TicketMessage.nonce == nonce
    return session.scalars(select(TicketMessage).where(*where)).one_or_none()


def said_here(session: Session, ticket: Ticket, nonce: str) -> TicketMessage | None:
    """What was said under a nonce in this ticket already, or None; Conflict when it was in another."""
    message = said(session, ticket.account_id, nonce)
    if message is not None and message.ticket_id != ticket.id:
        raise Conflict("This was sent already, in another ticket.")
    return message


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
                digest=sha256(file.content).hexdigest(),
                content=file.content,
            )
        )
    session.flush()
    return message
