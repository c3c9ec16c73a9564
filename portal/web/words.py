"""Words: how numbers, moments and money are written on pages."""

from datetime import UTC, datetime

from flask import Flask

from portal import plans


def number(value: int) -> str:
    """`12,345`."""
    return f"{value:,}"


def day(moment: datetime) -> str:
    """`1 December 2026`."""
    at = moment.astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


def moment(at: datetime | None, otherwise: str = "never") -> str:
    """`22 Nov 2026, 14:05 UTC`."""
    if at is None:
        return otherwise
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def init(app: Flask) -> None:
    """Give the templates these filters."""
    app.jinja_env.filters.update(number=number, day=day, moment=moment, promises=plans.promises)
