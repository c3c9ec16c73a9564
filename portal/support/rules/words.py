"""Words, as decided: what a subject, a message and a tag must be, and when something may still be said."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from portal.kit.errors import Conflict, Forbidden, Invalid

KINDS = ("help", "deployment")
PRIORITIES = ("low", "normal", "high", "urgent")
TIERS = ("free", "paid", "custom")
SUBJECT_LENGTH, BODY_LENGTH, TAG_LENGTH, TAGS = 200, 20_000, 40, 10
REOPENED_WITHIN = timedelta(days=30)
MAIL_LENGTH = BODY_LENGTH - 5_000  # room for what is said of its files
LETTERS_AN_HOUR, REFUSED_FILES_TOLD = 20, 8

_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def check_deed(allowed: bool) -> None:
    """Forbidden unless somebody may do what they are doing."""
    if not allowed:
        raise Forbidden("You may not do that in this ticket.")


def check_again(is_same: bool) -> None:
    """Conflict when what comes from a page that was sent before is something else: it must not be lost."""
    if not is_same:
        raise Conflict("Something else was sent from this page already. Look at it, then send this again.")


def check_kind(kind: str) -> None:
    """Invalid unless tickets of this kind exist."""
    if kind not in KINDS:
        raise Invalid("Choose what it is about.", field="kind")


def check_verified(verified: bool) -> None:
    """Forbidden while nobody could be written to."""
    if not verified:
        raise Forbidden("Confirm your e-mail address first: our answers are sent there.")


def clean_subject(subject: str) -> str:
    """A subject on one line; Invalid when empty or too long."""
    subject = " ".join(_UNSEEN.sub("", subject).split())
    if not subject:
        raise Invalid("Say in a few words what it is about.", field="subject")
    if len(subject) > SUBJECT_LENGTH:
        raise Invalid(f"Keep the subject within {SUBJECT_LENGTH} characters.", field="subject")
    return subject


def clean_body(body: str) -> str:
    """A message as it is kept; Invalid when empty or too long."""
    body = _UNSEEN.sub("", body.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not body:
        raise Invalid("Write a message.", field="body")
    if len(body) > BODY_LENGTH:
        raise Invalid(f"Keep the message within {BODY_LENGTH:,} characters; attach the rest.", field="body")
    return body


def clean_tags(tags: Sequence[str]) -> list[str]:
    """Tags in small letters, each once, in order; Invalid when too many or too long."""
    found = sorted({"-".join(tag.lower().split()) for tag in tags if tag.strip()})
    if len(found) > TAGS:
        raise Invalid(f"Use at most {TAGS} tags.", field="tags")
    if any(len(tag) > TAG_LENGTH or not tag.isprintable() or "," in tag for tag in found):
        raise Invalid(f"Keep each tag within {TAG_LENGTH} characters, without commas.", field="tags")
    return found


def check_priority(priority: str) -> None:
    """Invalid unless it is one of the priorities."""
    if priority not in PRIORITIES:
        raise Invalid("Choose one of the priorities.", field="priority")


def check_open(closed_at: datetime | None) -> None:
    """Conflict when the ticket is closed."""
    if closed_at is not None:
        raise Conflict("This ticket is closed.")


def check_reopened(closed_at: datetime | None, now: datetime) -> None:
    """Conflict when a customer may not open a ticket again: they open a new one."""
    if not may_reopen(closed_at, now):
        raise Conflict(
            f"This ticket was closed more than {REOPENED_WITHIN.days} days ago. Open a new one instead."
        )


def may_reopen(closed_at: datetime | None, now: datetime) -> bool:
    """Whether a customer may still open a ticket again."""
    return closed_at is None or now < closed_at + REOPENED_WITHIN
