"""Quotes, as asked: by whoever sees their ticket."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.kit.errors import Missing
from portal.support.models import Quote


def quotes(session: Session, ticket_id: str) -> Sequence[Quote]:
    """The quotes of a ticket, the newest first."""
    statement = select(Quote).where(Quote.ticket_id == ticket_id)
    return session.scalars(statement.order_by(Quote.offered_at.desc(), Quote.id.desc())).all()


def quote(session: Session, quote_id: str) -> Quote:
    """A quote by its id; Missing when there is none."""
    if (found := session.get(Quote, quote_id)) is None:
        raise Missing("There is no such quote.")
    return found
