"""Words: how numbers, moments and money are written on pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from markupsafe import Markup

from portal import plans
from portal.kit.money import Money, small
from portal.kit.text import to_html


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


def size(count: int) -> str:
    """`1.4 MiB`, `12 KiB`, `300 bytes`."""
    if count >= 2**20:
        return f"{count / 2**20:.1f} MiB"
    return f"{round(count / 2**10)} KiB" if count >= 2**10 else f"{count} bytes"


def prose(source: str) -> Markup:
    """Markdown that somebody wrote, as HTML that is safe to show."""
    return Markup(to_html(source))  # noqa: S704 - cleaned there


def month(at: datetime) -> str:
    """`December 2026`."""
    return f"{at.astimezone(UTC):%B %Y}"


def last_month(ends_at: datetime) -> str:
    """The last month of what ends at a month's first moment: `November 2026`."""
    return month(ends_at - timedelta(days=1))


def cash(row: Any) -> str:
    """The amount of a row that has one, with its currency: `$19.00`."""
    return Money(row.amount, row.currency).exact


def minor(amount: int, currency: str) -> str:
    """Minor units of a currency: `$19`, `$19.50`."""
    return str(Money(amount, currency))


def init(app: Flask) -> None:
    """Give the templates these filters."""
    app.jinja_env.filters.update(
        number=number,
        day=day,
        moment=moment,
        minor=minor,
        small=small,
        month=month,
        last_month=last_month,
        cash=cash,
        size=size,
        prose=prose,
        promises=plans.promises,
    )
