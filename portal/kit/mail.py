"""Letters: e-mails as rows, written once under a business id and sent by the worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Index, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kit import ids, paging
from portal.kit.db import Base
from portal.kit.errors import Conflict, Missing
from portal.kit.letterhead import Rendered
from portal.kit.logs import request_id

KEPT = timedelta(days=180)


class Letter(Base):
    """One letter. Its state is read from its moments; see `state`.

    `kind` names the switch by which its reader can turn such letters off; an essential letter has
    none. `secret_until` is set when the text holds a link that proves who reads it: the text is
    forgotten once the letter is sent, or that moment is past. Letters of one `thread`, an id, stand
    together in mail programs, and one with a `reply_token` can be answered by mail.
    """

    __tablename__ = "letter"
    __table_args__ = (
        Index(
            "ix_letter_claimed_at",
            "claimed_at",
            postgresql_where=(
                "claimed_at IS NOT NULL AND sent_at IS NULL AND failed_at IS NULL AND kept_at IS NULL"
            ),
        ),
        Index(
            "ix_letter_due",
            "due_at",
            postgresql_where=(
                "claimed_at IS NULL AND sent_at IS NULL AND failed_at IS NULL AND kept_at IS NULL"
            ),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    business_id: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[str | None]
    person_id: Mapped[str | None]
    to: Mapped[str] = mapped_column("to_address")
    template: Mapped[str]
    kind: Mapped[str | None]
    subject: Mapped[str]
    text: Mapped[str | None]
    html: Mapped[str | None]
    unsubscribe_url: Mapped[str | None]
    secret_until: Mapped[datetime | None]
    thread: Mapped[str | None]
    reply_token: Mapped[str | None]
    request_id: Mapped[str | None]
    written_at: Mapped[datetime] = mapped_column(index=True)
    due_at: Mapped[datetime]
    attempts: Mapped[int]
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    doubted_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None]
    kept_at: Mapped[datetime | None]

    @property
    def state(self) -> str:
        """One of `STATES`."""
        if self.sent_at:
            return "sent"
        if self.failed_at:
            return "failed"
        if self.kept_at:
            return "kept"
        if self.doubted_at:
            return "in doubt"
        return "being sent" if self.claimed_at else "waiting"


_OPEN = and_(Letter.sent_at.is_(None), Letter.failed_at.is_(None), Letter.kept_at.is_(None))
STATES: dict[str, ColumnElement[bool]] = {
    "waiting": and_(_OPEN, Letter.claimed_at.is_(None)),
    "being sent": and_(_OPEN, Letter.claimed_at.is_not(None), Letter.doubted_at.is_(None)),
    "sent": Letter.sent_at.is_not(None),
    "in doubt": and_(_OPEN, Letter.claimed_at.is_not(None), Letter.doubted_at.is_not(None)),
    "failed": and_(Letter.sent_at.is_(None), Letter.failed_at.is_not(None)),
    "kept": and_(Letter.sent_at.is_(None), Letter.failed_at.is_(None), Letter.kept_at.is_not(None)),
}


@dataclass(frozen=True)
class Found:
    """One page of letters, counted from 1, of how many pages and letters."""

    rows: Sequence[Letter]
    page: int
    pages: int
    total: int


def write(
    session: Session,
    business_id: str,
    rendered: Rendered,
    *,
    to: str,
    now: datetime,
    account_id: str | None = None,
    person_id: str | None = None,
    secret_until: datetime | None = None,
    thread: str | None = None,
    reply_token: str | None = None,
) -> str | None:
    """Write a letter once; its id, or None when one with this business id stands already."""
    statement = (
        insert(Letter)
        .values(
            id=ids.new("ltr"),
            business_id=business_id,
            to_address=to,
            template=rendered.template,
            kind=rendered.kind,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            unsubscribe_url=rendered.unsubscribe_url,
            account_id=account_id,
            person_id=person_id,
            secret_until=secret_until,
            thread=thread,
            reply_token=reply_token,
            request_id=request_id.get(),
            written_at=now,
            due_at=now,
            attempts=0,
        )
        .on_conflict_do_nothing(index_elements=["business_id"])
        .returning(Letter.id)
    )
    return session.scalar(statement)


def get(session: Session, letter_id: str) -> Letter:
    """One letter; Missing when there is none of this id."""
    if (letter := session.get(Letter, letter_id)) is None:
        raise Missing("There is no such letter.")
    return letter


def search(
    session: Session, *, state: str | None = None, words: str = "", page: int = 1, size: int = 50
) -> Found:
    """One page of the letters in a state of `STATES` (None: in any) and to or about `words`, newest first."""
    wanted = [STATES[state]] if state else []
    if words:
        wanted.append(
            or_(*(column.icontains(words, autoescape=True) for column in (Letter.to, Letter.subject)))
        )
    total = session.scalar(select(func.count()).select_from(Letter).where(*wanted)) or 0
    page, pages = paging.numbers(page, size, total)
    newest = select(Letter).where(*wanted).order_by(Letter.written_at.desc(), Letter.id.desc())
    return Found(session.scalars(newest.limit(size).offset((page - 1) * size)).all(), page, pages, total)


def count(session: Session, state: str) -> int:
    """How many letters are in one of `STATES`."""
    return session.scalar(select(func.count()).select_from(Letter).where(STATES[state])) or 0


def send_again(session: Session, letter_id: str, *, now: datetime) -> Letter:
    """Let a letter that is in doubt, failed or kept be sent once more, under the same Message-ID."""
    letter = session.scalar(select(Letter).where(Letter.id == letter_id).with_for_update())
    if letter is None:
        raise Missing("There is no such letter.")
    if letter.state not in ("in doubt", "failed", "kept"):
        raise Conflict(f"This letter is {letter.state}: there is nothing to send again.")
    if letter.text is None:
        raise Conflict("The link in this letter has expired: whoever needs it can ask for a new one.")
    letter.claimed_at = letter.doubted_at = letter.failed_at = letter.kept_at = None
    letter.failure, letter.due_at, letter.attempts = None, now, 0
    return letter


def clean(session: Session, *, now: datetime) -> int:
    """Delete letters of half a year ago, and forget texts whose secret has expired; how many deleted."""
    expired = and_(Letter.secret_until <= now, or_(Letter.text.is_not(None), Letter.html.is_not(None)))
    session.execute(update(Letter).where(expired).values(text=None, html=None))
    old = delete(Letter).where(Letter.written_at < now - KEPT).returning(Letter.id)
    return len(session.scalars(old).all())
