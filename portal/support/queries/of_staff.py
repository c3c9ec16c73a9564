"""Tickets, as staff see them: the queue in the order of what is due, and how much there is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from portal import accounts
from portal.kit import paging
from portal.kit.errors import Missing
from portal.support import rules
from portal.support.models import Ticket
from portal.support.values import Counts, Filters, Queued

NOBODY = "nobody"
RANK = case({tier: -rank for rank, tier in enumerate(rules.TIERS)}, value=Ticket.tier)
FIRST_THINGS_FIRST = (
    Ticket.next_due_at.asc().nulls_last(),  # overdue ones first by this, then what is due next
    RANK,
    Ticket.unanswered_since.asc().nulls_last(),
    Ticket.opened_at,
    Ticket.id,
)
LAST_CLOSED_FIRST = (Ticket.closed_at.desc(), Ticket.id)


def staff_ticket(session: Session, ticket_id: str) -> Ticket:
    """A ticket by its id; Missing when there is none."""
    if (found := session.get(Ticket, ticket_id)) is None:
        raise Missing("There is no such ticket.")
    return found


def queue(
    session: Session, filters: Filters, *, now: datetime, page: int = 1, size: int = 25
) -> accounts.Page[Queued]:
    """One page of the tickets that staff ask for.

    Overdue ones first, the longest overdue at the top; then what is due next; then by tier, then by
    how long the customer has waited. Closed ones, where they alone are asked for, last closed first.
    """
    where = _where(filters)
    total = session.scalar(select(func.count()).select_from(Ticket).where(*where)) or 0
    page, pages = paging.numbers(page, size, total)
    order: Sequence[Any] = LAST_CLOSED_FIRST if filters.state == "closed" else FIRST_THINGS_FIRST
    statement = (
        select(Ticket, accounts.Account.name, accounts.Person.name)
        .join(accounts.Account, accounts.Account.id == Ticket.account_id)
        .outerjoin(accounts.Person, accounts.Person.id == Ticket.assigned_to)
        .where(*where)
        .order_by(*order)
        .limit(size)
        .offset((page - 1) * size)
    )
    rows = [
        Queued(ticket, account, assignee, ticket.next_due_at is not None and ticket.next_due_at <= now)
        for ticket, account, assignee in session.execute(statement).all()
    ]
    return accounts.Page(rows, page, pages, total)


def counts(session: Session, now: datetime) -> Counts:
    """How many open tickets there are, and how many of them want what."""
    is_open = Ticket.closed_at.is_(None)
    statement = select(
        func.count(),
        func.count().filter(Ticket.next_due_at <= now),
        func.count().filter(Ticket.assigned_to.is_(None)),
        func.count().filter(Ticket.unanswered_since.is_not(None)),
    ).where(is_open)
    by_assignee = (
        select(Ticket.assigned_to, func.count())
        .where(is_open, Ticket.assigned_to.is_not(None))
        .group_by(Ticket.assigned_to)
    )
    found = {who: many for who, many in session.execute(by_assignee) if who is not None}
    return Counts(*session.execute(statement).one(), found)


def _where(filters: Filters) -> list[Any]:
    where: list[Any] = []
    if filters.state != "all":
        where.append(Ticket.closed_at.is_(None) if filters.state == "open" else Ticket.closed_at.is_not(None))
    if filters.assigned_to is not None:
        nobody = filters.assigned_to == NOBODY
        where.append(Ticket.assigned_to.is_(None) if nobody else Ticket.assigned_to == filters.assigned_to)
    if filters.waiting is not None:
        us = filters.waiting == "us"
        where.append(Ticket.unanswered_since.is_not(None) if us else Ticket.unanswered_since.is_(None))
    for column, value in (
        (Ticket.tier, filters.tier),
        (Ticket.priority, filters.priority),
        (Ticket.kind, filters.kind),
        (Ticket.account_id, filters.account_id),
    ):
        if value is not None:
            where.append(column == value)
    if filters.tag is not None:
        where.append(Ticket.tags.contains([filters.tag]))
    return where + _matches(filters.words.strip())


def _matches(words: str) -> list[Any]:
    if not words:
        return []
    named = select(accounts.Account.id).where(accounts.Account.name.icontains(words, autoescape=True))
    either = [
        Ticket.subject.icontains(words, autoescape=True),
        Ticket.id == words,
        Ticket.account_id == words,
        Ticket.account_id.in_(named),
    ]
    if (number := words.removeprefix("#")).isascii() and number.isdigit() and len(number) < 10:
        either.append(Ticket.number == int(number))
    return [or_(*either)]
