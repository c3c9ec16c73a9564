"""The only clock: everything that needs the time is handed it, and it comes from here."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
