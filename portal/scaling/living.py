"""A suggestion's life, as decided: in which state it is, and what may be done in each."""

from datetime import datetime, timedelta
from typing import Protocol

from portal.kit.errors import Conflict

MEASURED_DAYS = 14
SNOOZE = timedelta(days=30)
SILENT = timedelta(days=60)
"""For how long a subject is left alone after its suggestion was dismissed."""

STATES = {
    "open": "Open",
    "rejected": "Not suggested",
    "snoozed": "Later",
    "accepted": "Accepted",
    "applied": "Applied",
    "measuring": "Being measured",
    "realised": "Realised",
    "reverted": "Undone",
    "dismissed": "Dismissed",
    "expired": "Expired",
}
MAY = {
    "accept": ("open", "snoozed"),
    "snooze": ("open",),
    "dismiss": ("open", "snoozed", "accepted"),
    "apply": ("open", "snoozed", "accepted"),
    "revert": ("applied", "measuring"),
}


class Lived(Protocol):
    """What a state is read from."""

    @property
    def is_rejected(self) -> bool:
        """Whether it says what not to do."""

    accepted_at: datetime | None
    applied_at: datetime | None
    reverted_at: datetime | None
    dismissed_at: datetime | None
    snoozed_until: datetime | None
    realised_at: datetime | None
    expired_at: datetime | None
    measured_days: int


def state(one: Lived, now: datetime) -> str:
    """One of STATES: the last thing that happened to it."""
    ends = (
        ("expired", one.expired_at),
        ("dismissed", one.dismissed_at),
        ("reverted", one.reverted_at),
        ("realised", one.realised_at),
    )
    for name, at in ends:
        if at is not None:
            return name
    if one.is_rejected:
        return "rejected"
    if one.applied_at is not None:
        return "measuring" if one.measured_days else "applied"
    if one.accepted_at is not None:
        return "accepted"
    return "snoozed" if one.snoozed_until is not None and one.snoozed_until > now else "open"


def may(deed: str, state: str) -> bool:
    """Whether a deed of MAY can be done in a state."""
    return state in MAY[deed]


def check(deed: str, state: str) -> None:
    """Conflict, when it cannot."""
    if not may(deed, state):
        raise Conflict(f"This suggestion is {STATES[state].lower()}: that cannot be done with it any more.")
