"""Support: what customers ask, and by when they are answered."""

from portal.support.actions.answering import answer, note, reply
from portal.support.actions.ending import close, close_all, reopen
from portal.support.actions.opening import open_ticket
from portal.support.actions.rebasing import rebase
from portal.support.actions.sorting import assign, prioritise, release, tag, take
from portal.support.actions.watching import watch
from portal.support.events import (
    CustomerAnswered,
    TicketAnswered,
    TicketAssigned,
    TicketBreached,
    TicketClosed,
    TicketDueSoon,
    TicketOpened,
    TicketReopened,
)
from portal.support.models import Attachment, Ticket, TicketMessage
from portal.support.queries import (
    attachment,
    clocks,
    conversation,
    counts,
    open_of,
    queue,
    staff_ticket,
    ticket,
    tickets,
)
from portal.support.rules import FILE_BYTES, FILES, KNOWN_FILES, PRIORITIES, TIERS, sentence
from portal.support.values import Clock, Counts, File, Filters, Queued, Said

__all__ = [
    "FILES",
    "FILE_BYTES",
    "KNOWN_FILES",
    "PRIORITIES",
    "TIERS",
    "Attachment",
    "Clock",
    "Counts",
    "CustomerAnswered",
    "File",
    "Filters",
    "Queued",
    "Said",
    "Ticket",
    "TicketAnswered",
    "TicketAssigned",
    "TicketBreached",
    "TicketClosed",
    "TicketDueSoon",
    "TicketMessage",
    "TicketOpened",
    "TicketReopened",
    "answer",
    "assign",
    "attachment",
    "clocks",
    "close",
    "close_all",
    "conversation",
    "counts",
    "note",
    "open_of",
    "open_ticket",
    "prioritise",
    "queue",
    "rebase",
    "release",
    "reopen",
    "reply",
    "sentence",
    "staff_ticket",
    "tag",
    "take",
    "ticket",
    "tickets",
    "watch",
]
