"""Sending: a letter is claimed, and the claim committed, before it is sent, and marked after.

SMTP knows no transactions. What stands claimed and unmarked is in doubt: it may have gone, and is
not sent again unless somebody says so.
"""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.kit.mail import STATES, Letter, get

CLAIM_LASTS = timedelta(minutes=5)  # longer than any one sending can take
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=4)
GIVEN_UP_AFTER = timedelta(days=3)


def claim(session: Session, *, now: datetime) -> Letter | None:
    """Claim the letter that has been due longest, for whoever commits this; None when none is due."""
    due = select(Letter).where(STATES["waiting"], Letter.due_at <= now).order_by(Letter.due_at)
    letter = session.scalar(due.limit(1).with_for_update(skip_locked=True))
    if letter is not None:
        letter.claimed_at, letter.attempts = now, letter.attempts + 1
        letter.failure = None
    return letter


def mark_sent(session: Session, letter_id: str, *, now: datetime) -> None:
    """The mail server took it."""
    letter = get(session, letter_id)
    letter.sent_at, letter.doubted_at, letter.failure = now, None, None
    if letter.secret_until is not None:
        letter.text = letter.html = None


def mark_failed(session: Session, letter_id: str, reason: str, *, now: datetime) -> None:
    """The mail server refused it for good."""
    letter = get(session, letter_id)
    letter.failed_at, letter.failure = now, reason


def mark_doubtful(session: Session, letter_id: str, reason: str, *, now: datetime) -> None:
    """It was handed over and nobody knows whether it was taken."""
    letter = get(session, letter_id)
    letter.doubted_at, letter.failure = now, reason


def put_off(session: Session, letter_id: str, reason: str, *, now: datetime) -> None:
    """It was certainly not taken, and may be later: due again after a growing wait, for three days."""
    letter = get(session, letter_id)
    if now - letter.written_at >= GIVEN_UP_AFTER and letter.attempts > 1:
        mark_failed(session, letter_id, f"Given up after {letter.attempts} attempts: {reason}", now=now)
        return
    letter.claimed_at, letter.failure = None, reason
    letter.due_at = now + wait(letter.attempts)


def wait(attempts: int) -> timedelta:
    """How long after that many attempts the next one is made: doubling from a minute to four hours."""
    return min(FIRST_WAIT * (1 << min(attempts - 1, 10)), LONGEST_WAIT)


def keep_waiting(session: Session, *, now: datetime) -> int:
    """Keep all waiting letters here, because no mail server is named; how many."""
    kept = update(Letter).where(STATES["waiting"]).values(kept_at=now).returning(Letter.id)
    return len(session.scalars(kept).all())


def doubt_abandoned(session: Session, *, now: datetime) -> int:
    """Put in doubt what was claimed by a sender that never came back; how many."""
    abandoned = (
        update(Letter)
        .where(STATES["being sent"], Letter.claimed_at <= now - CLAIM_LASTS)
        .values(doubted_at=now, failure="The sender stopped before it knew whether the letter was taken.")
        .returning(Letter.id)
    )
    return len(session.scalars(abandoned).all())
