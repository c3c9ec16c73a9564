"""A ticket, held: whoever changes one has it for themselves until their unit ends."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal import accounts
from portal.kit.errors import Missing
from portal.support import rules
from portal.support.models import Ticket

OPENING = 0x746B74  # "tkt": the advisory lock that an account's openers queue at
ENCLOSING = 0x656E63  # "enc": the one of those who send files


def hold(session: Session, ticket_id: str) -> Ticket:
    """The ticket, locked; Missing when there is none."""
    return _locked(session, Ticket.id == ticket_id)


def hold_number(session: Session, account_id: str, number: int) -> Ticket:
    """An account's ticket, locked; Missing when it has none of this number."""
    return _locked(session, Ticket.account_id == account_id, Ticket.number == number)


def next_number(session: Session, account_id: str) -> int:
    """The number of an account's next ticket. Others who open one wait until the unit ends."""
    _queue(session, OPENING, account_id)
    highest = session.scalar(select(func.max(Ticket.number)).where(Ticket.account_id == account_id))
    return (highest or 0) + 1


def queue_with_files(session: Session, account_id: str) -> None:
    """Others who send files in the account wait until the unit ends."""
    _queue(session, ENCLOSING, account_id)


def check_member(session: Session, account_id: str, actor: accounts.Actor) -> None:
    """Forbidden unless the actor may ask for help in the account: letters have no guards in front of them."""
    rules.check_deed(accounts.may(accounts.role(session, account_id, actor.of_person), "ask_for_help"))


def check_staff(session: Session, actor: accounts.Actor) -> None:
    """Forbidden unless the actor is staff."""
    person = accounts.person(session, actor.of_person)
    rules.check_deed(person.staff_role is not None and person.closed_at is None)


def note(
    session: Session,
    ticket: Ticket,
    action: str,
    actor: accounts.Actor,
    now: datetime,
    *,
    shown: bool = True,
    **data: Any,
) -> None:
    """Write what staff did into the audit: that of the ticket's account, or not `shown` there."""
    accounts.record(
        session,
        actor,
        f"ticket.{action}",
        account_id=ticket.account_id if shown else None,
        subject=ticket.id,
        now=now,
        data={"ticket": ticket.number, **data},
    )


def _queue(session: Session, line: int, account_id: str) -> None:
    where = {"line": line, "account": account_id}
    session.execute(text("SELECT pg_advisory_xact_lock(:line, hashtext(:account))"), where)


def _locked(session: Session, *where: Any) -> Ticket:
    statement = select(Ticket).where(*where).with_for_update().execution_options(populate_existing=True)
    if (ticket := session.scalars(statement).one_or_none()) is None:
        raise Missing("There is no such ticket.")
    return ticket
