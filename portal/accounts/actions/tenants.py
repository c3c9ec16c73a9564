"""Accounts themselves: opened, suspended, resumed, observed, closed."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.accounts import queries, rules
from portal.accounts.actions import audit, links, signins
from portal.accounts.events import (
    AccountClosed,
    AccountObserved,
    AccountOpened,
    AccountResumed,
    AccountSuspended,
)
from portal.accounts.models import Account, Member, Person, SignIn
from portal.accounts.rules import Actor
from portal.kit import ids, tokens
from portal.kit.errors import Conflict, Invalid, Missing
from portal.kit.outbox import tell


def open_account(session: Session, name: str, owner: Person, *, now: datetime) -> Account:
    """Open an account whose one member is its owner."""
    account = Account(
        id=ids.new("acc"), tag=tokens.new_tag(), name=rules.clean_name(name), version=1, created_at=now
    )
    session.add(account)
    session.flush()
    session.add(Member(account_id=account.id, person_id=owner.id, role="owner", joined_at=now))
    session.flush()
    audit.record(
        session, audit.actor(owner), "account.opened", account_id=account.id, subject=account.id, now=now
    )
    tell(session, AccountOpened(account.id))
    return account


def touch(session: Session, account_id: str) -> int:
    """Raise the version of an account, and return it: called with every change that the gate must learn.

    The row stays locked until the unit ends, so that versions are in the order of commits.
    """
    statement = (
        update(Account)
        .where(Account.id == account_id)
        .values(version=Account.version + 1)
        .returning(Account.version)
    )
    if (version := session.execute(statement).scalar_one_or_none()) is None:
        raise Missing("There is no such account.")
    return version


def lock(session: Session, account_id: str) -> Account:
    """The account, held until the unit ends, so that two changes to its team come one after another."""
    statement = (
        select(Account)
        .where(Account.id == account_id, Account.closed_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if (account := session.scalars(statement).one_or_none()) is None:
        raise Missing("There is no such account.")
    return account


def rename_account(session: Session, account_id: str, name: str, *, actor: Actor, now: datetime) -> Account:
    """Give an account another name."""
    account = lock(session, account_id)
    before, account.name = account.name, rules.clean_name(name, "organisation")
    audit.record(
        session,
        actor,
        "account.renamed",
        account_id=account_id,
        subject=account_id,
        data={"before": before},
        now=now,
    )
    return account


def suspend(session: Session, account_id: str, reason: str, *, actor: Actor, now: datetime) -> Account:
    """Stop the keys of an account until it is resumed. The reason is shown to its people."""
    account = lock(session, account_id)
    if not reason.strip():
        raise Invalid("Say why, in a sentence that the account's people may read.", field="reason")
    if account.suspended_at is not None:
        raise Conflict("The account is suspended already.")
    account.suspended_at, account.suspended_by = now, actor.person_id or actor.label
    account.suspension_reason = reason.strip()
    touch(session, account_id)
    audit.record(
        session, actor, "account.suspended", account_id=account_id, subject=account_id, reason=reason, now=now
    )
    tell(session, AccountSuspended(account_id))
    return account


def resume(session: Session, account_id: str, *, actor: Actor, now: datetime) -> Account:
    """End a suspension."""
    account = lock(session, account_id)
    if account.suspended_at is None:
        raise Conflict("The account is not suspended.")
    account.suspended_at = account.suspended_by = account.suspension_reason = None
    touch(session, account_id)
    audit.record(session, actor, "account.resumed", account_id=account_id, subject=account_id, now=now)
    tell(session, AccountResumed(account_id))
    return account


def observe(session: Session, account_id: str, on: bool, *, actor: Actor, now: datetime) -> Account:
    """Let the gate admit everything of this account, noting what it would have refused; or end that."""
    account = lock(session, account_id)
    if on == (account.observed_at is not None):
        return account
    account.observed_at = now if on else None
    touch(session, account_id)
    action = "account.observed" if on else "account.enforced"
    audit.record(session, actor, action, account_id=account_id, subject=account_id, now=now)
    tell(session, AccountObserved(account_id))
    return account


def close(session: Session, account_id: str, typed: str, *, actor: Actor, now: datetime) -> None:
    """Close an account for good: its keys stop, and people who are in no other are signed out and leave.

    Forbidden unless an owner acts; Invalid unless `typed` is the account's name.
    """
    account = lock(session, account_id)
    rules.check_may(queries.role(session, account_id, actor.of_person), "manage_account")
    if " ".join(typed.split()) != account.name:
        raise Invalid("Type the name of the account exactly, to show that you mean it.", field="typed")
    people = [member.person for member in queries.members(session, account_id)]
    account.closed_at, account.closed_by = now, actor.of_person
    touch(session, account_id)
    for invitation in queries.invitations(session, account_id):
        invitation.revoked_at, invitation.revoked_by = now, actor.of_person
        links.withdraw(session, subject=invitation.id, now=now)
    session.flush()
    session.execute(update(SignIn).where(SignIn.account_id == account_id).values(account_id=None))
    for person in people:
        if person.staff_role is None and not queries.memberships(session, person.id):
            person.closed_at = now
            links.withdraw(session, person_id=person.id, now=now)
            signins.end_all(session, person.id, now=now)
    audit.record(session, actor, "account.closed", account_id=account_id, subject=account_id, now=now)
    tell(session, AccountClosed(account_id))
