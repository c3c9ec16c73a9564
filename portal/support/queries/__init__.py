"""Support, as asked: by customers of their account's tickets, by staff of all."""

from portal.support.queries.due import due, expected, promised
from portal.support.queries.of_accounts import (
    attachment,
    clocks,
    conversation,
    open_of,
    ticket,
    tickets,
)
from portal.support.queries.of_quotes import quote, quotes
from portal.support.queries.of_staff import counts, queue, staff_ticket

__all__ = [
    "attachment",
    "clocks",
    "conversation",
    "counts",
    "due",
    "expected",
    "open_of",
    "promised",
    "queue",
    "quote",
    "quotes",
    "staff_ticket",
    "ticket",
    "tickets",
]
