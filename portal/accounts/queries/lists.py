"""Lists that go on for pages: the audit, and accounts as staff look for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from portal.accounts.models import Account, AuditEntry, Member, Person
from portal.kit import paging

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list, counted from 1, how many pages there are, and how many rows in all."""

    rows: Sequence[Row]
    page: int
    pages: int
    total: int


@dataclass(frozen=True)
class Found:
    """An account as staff see it in a list: the address of its first owner, and how many people are in it."""

    account: Account
    owner: str | None
    members: int


def audit(session: Session, account_id: str, *, page: int = 1, size: int = 50) -> Page[AuditEntry]:
    """One page of what was done to or looked at in an account, newest first."""
    total = session.scalar(select(func.count()).where(AuditEntry.account_id == account_id)) or 0
    page, pages = paging.numbers(page, size, total)
    statement = (
        select(AuditEntry)
        .where(AuditEntry.account_id == account_id)
        .order_by(AuditEntry.id.desc())
        .limit(size)
        .offset((page - 1) * size)
    )
    return Page(list(session.scalars(statement)), page, pages, total)


def search(session: Session, words: str = "", *, page: int = 1, size: int = 25) -> Page[Found]:
    """One page of accounts, newest first, closed ones too.

    `words` is a part of a name or of a member's address, an account's id, or the start of a key;
    nothing finds all.
    """
    where = _matches(words.strip()) if words.strip() else []
    total = session.scalar(select(func.count()).select_from(Account).where(*where)) or 0
    page, pages = paging.numbers(page, size, total)
    mine = Member.account_id == Account.id
    owner = (
        select(Person.email)
        .join(Member, Member.person_id == Person.id)
        .where(mine, Member.role == "owner")
        .order_by(Member.joined_at)
        .limit(1)
        .scalar_subquery()
    )
    people = select(func.count()).where(mine).scalar_subquery()
    statement = (
        select(Account, owner, people)
        .where(*where)
        .order_by(Account.id.desc())
        .limit(size)
        .offset((page - 1) * size)
    )
    return Page([Found(*row) for row in session.execute(statement)], page, pages, total)


def observed(session: Session) -> Sequence[Account]:
    """The accounts that are observed one by one, the longest first."""
    statement = select(Account).where(Account.observed_at.is_not(None), Account.closed_at.is_(None))
    return session.scalars(statement.order_by(Account.observed_at, Account.id)).all()


def _matches(words: str) -> list[ColumnElement[bool]]:
    of_member = (
        select(Member.account_id)
        .join(Person, Person.id == Member.person_id)
        .where(Person.email.icontains(words, autoescape=True))
    )
    body = words.rpartition("_")[2]
    return [
        or_(
            Account.name.icontains(words, autoescape=True),
            Account.id == words,
            Account.tag == body[:8],
            Account.id.in_(of_member),
        )
    ]
