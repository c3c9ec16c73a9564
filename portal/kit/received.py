"""Letters that came in: stored as they came before anybody thinks about them, and read later.

A letter is stored and committed before its sender is told that it was taken, so none is lost; its
reading is one transaction with all that follows from it, so none is read twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Index, LargeBinary, and_, delete, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kit import ids, paging
from portal.kit.db import Base
from portal.kit.errors import Conflict, Missing

KEPT = timedelta(days=90)  # what nobody could take
TAKEN_KEPT = timedelta(days=14)  # what became something else is there
CLAIM_LASTS = timedelta(minutes=6)  # longer than any task may take
ATTEMPTS = 4
FIRST_WAIT = timedelta(minutes=1)


class InboundLetter(Base):
    """A letter as it came, and what became of it; see `state`.

    `sender` is what the envelope said ("" when it said nobody), `author` what the letter says. A letter
    is claimed, and the claim committed, before it is read: what ends its reader again and again is left.
    """

    __tablename__ = "inbound_letter"
    __table_args__ = (
        Index("ix_inbound_letter_due", "due_at", postgresql_where="taken_at IS NULL AND left_at IS NULL"),
        Index("ix_inbound_letter_about", "about", "taken_at", postgresql_where="taken_at IS NOT NULL"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
    peer: Mapped[str | None]
    sender: Mapped[str]
    recipient: Mapped[str]
    size: Mapped[int]
    raw: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    author: Mapped[str | None]
    subject: Mapped[str | None]
    about: Mapped[str | None]
    account_id: Mapped[str | None]
    taken_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    reason: Mapped[str | None]

    @property
    def state(self) -> str:
        """One of `STATES`."""
        if self.taken_at:
            return "taken"
        return "left" if self.left_at else "waiting"


STATES: dict[str, ColumnElement[bool]] = {
    "waiting": and_(InboundLetter.taken_at.is_(None), InboundLetter.left_at.is_(None)),
    "taken": InboundLetter.taken_at.is_not(None),
    "left": InboundLetter.left_at.is_not(None),
}


@dataclass(frozen=True)
class Found:
    """One page of letters that came in, counted from 1, of how many pages and letters."""

    rows: Sequence[InboundLetter]
    page: int
    pages: int
    total: int


def store(
    session: Session, raw: bytes, *, sender: str, recipient: str, peer: str | None, now: datetime
) -> str:
    """Keep a letter as it came; its id. Whoever commits this may say that it was taken."""
    letter = InboundLetter(
        id=ids.new("inl"),
        received_at=now,
        peer=peer,
        sender=sender,
        recipient=recipient,
        size=len(raw),
        raw=raw,
        due_at=now,
        attempts=0,
    )
    session.add(letter)
    session.flush()
    return letter.id


def claim(session: Session, *, now: datetime) -> str | None:
    """Claim the letter that has been due longest, for whoever commits this; its id, None when none is due."""
    due = select(InboundLetter).where(STATES["waiting"], InboundLetter.due_at <= now)
    letter = session.scalar(
        due.order_by(InboundLetter.due_at, InboundLetter.id).limit(1).with_for_update(skip_locked=True)
    )
    if letter is None:
        return None
    letter.attempts += 1
    letter.due_at = now + CLAIM_LASTS
    if letter.attempts > ATTEMPTS:  # its readers never came back
        leave(letter, letter.reason or "Whoever read it did not come back.", now=now)
    return letter.id


def open_claimed(session: Session, letter_id: str) -> InboundLetter | None:
    """A claimed letter, locked until the unit ends; None when it was dealt with meanwhile."""
    return session.scalar(
        select(InboundLetter)
        .where(InboundLetter.id == letter_id, STATES["waiting"])
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def take(letter: InboundLetter, *, now: datetime) -> None:
    """It became what it was meant to be."""
    letter.taken_at, letter.reason = now, None


def leave(letter: InboundLetter, reason: str, *, now: datetime) -> None:
    """Nothing was made of it, for this reason, and nothing will be unless somebody says so."""
    letter.left_at, letter.reason = now, reason


def put_off(session: Session, letter_id: str, reason: str, *, now: datetime) -> None:
    """Reading it went wrong: try again after a growing wait, and leave it in the end."""
    letter = get(session, letter_id)
    if letter.state != "waiting":
        return
    letter.reason = reason
    letter.due_at = now + FIRST_WAIT * (1 << max(letter.attempts - 1, 0))
    if letter.attempts >= ATTEMPTS:
        leave(letter, reason, now=now)


def get(session: Session, letter_id: str) -> InboundLetter:
    """One letter that came in; Missing when there is none of this id."""
    if (letter := session.get(InboundLetter, letter_id)) is None:
        raise Missing("There is no such letter.")
    return letter


def search(
    session: Session, *, state: str | None = None, words: str = "", page: int = 1, size: int = 50
) -> Found:
    """One page of what came in, in a state of `STATES` (None: any), with `words` in it; newest first."""
    wanted = [STATES[state]] if state else []
    if words:
        columns = (InboundLetter.author, InboundLetter.sender, InboundLetter.recipient, InboundLetter.subject)
        wanted.append(or_(*(column.icontains(words, autoescape=True) for column in columns)))
    total = session.scalar(select(func.count()).select_from(InboundLetter).where(*wanted)) or 0
    page, pages = paging.numbers(page, size, total)
    newest = (
        select(InboundLetter)
        .where(*wanted)
        .order_by(InboundLetter.received_at.desc(), InboundLetter.id.desc())
    )
    return Found(session.scalars(newest.limit(size).offset((page - 1) * size)).all(), page, pages, total)


def count(session: Session, state: str) -> int:
    """How many are in one of `STATES`."""
    return session.scalar(select(func.count()).select_from(InboundLetter).where(STATES[state])) or 0


def taken_since(session: Session, about: str, since: datetime) -> int:
    """How many letters about something were taken since a moment."""
    taken = and_(InboundLetter.about == about, InboundLetter.taken_at >= since)
    return session.scalar(select(func.count()).select_from(InboundLetter).where(taken)) or 0


def read_again(session: Session, letter_id: str, *, now: datetime) -> InboundLetter:
    """Let a letter that was left be read once more."""
    letter = session.scalar(select(InboundLetter).where(InboundLetter.id == letter_id).with_for_update())
    if letter is None:
        raise Missing("There is no such letter.")
    if letter.state != "left":
        raise Conflict("Only a letter that was left can be read again.")
    letter.left_at = letter.reason = None
    letter.attempts, letter.due_at = 0, now
    return letter


def clean(session: Session, *, now: datetime) -> int:
    """Delete what was taken two weeks ago and what was left three months ago; how many."""
    old = or_(InboundLetter.taken_at < now - TAKEN_KEPT, InboundLetter.left_at < now - KEPT)
    return len(session.scalars(delete(InboundLetter).where(old).returning(InboundLetter.id)).all())
