"""Letters: e-mails as rows, written once under a business id and sent by the worker."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kit import ids
from portal.kit.db import Base


class Letter(Base):
    """One letter. Its state is read from its moments: written, claimed, sent or failed."""

    __tablename__ = "letter"
    __table_args__ = (Index("ix_letter_due", "written_at", postgresql_where="sent_at IS NULL"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    business_id: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[str | None]
    person_id: Mapped[str | None]
    to: Mapped[str] = mapped_column("to_address")
    template: Mapped[str]
    context: Mapped[dict[str, Any]]
    subject: Mapped[str | None]
    text: Mapped[str | None]
    html: Mapped[str | None]
    written_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None]


def write(
    session: Session,
    business_id: str,
    *,
    to: str,
    template: str,
    context: dict[str, Any],
    now: datetime,
    account_id: str | None = None,
    person_id: str | None = None,
) -> str | None:
    """Write a letter once; its id, or None when one with this business id stands already."""
    statement = (
        insert(Letter)
        .values(
            id=ids.new("ltr"),
            business_id=business_id,
            to_address=to,
            template=template,
            context=context,
            account_id=account_id,
            person_id=person_id,
            written_at=now,
            due_at=now,
            attempts=0,
        )
        .on_conflict_do_nothing(index_elements=["business_id"])
        .returning(Letter.id)
    )
    return session.execute(statement).scalar_one_or_none()
