"""The audit: who did or looked at what."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.accounts import queries
from portal.accounts.models import AuditEntry, Person
from portal.accounts.rules import Actor


def record(
    session: Session,
    actor: Actor,
    action: str,
    *,
    now: datetime,
    account_id: str | None = None,
    subject: str | None = None,
    reason: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Add a row to the audit: `action` is `<noun>.<what happened>`, `subject` the id it happened to."""
    session.add(
        AuditEntry(
            at=now,
            actor_id=actor.person_id,
            actor=actor.label,
            address=actor.address,
            action=action,
            account_id=account_id,
            subject=subject,
            reason=reason,
            data=data,
        )
    )


def record_person(
    session: Session,
    person: Person,
    address: str | None,
    action: str,
    *,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Add what a person did with their own sign-in to the audit of each account that they are in."""
    mine: list[str | None] = [account.id for account in queries.memberships(session, person.id)]
    for account_id in mine or [None]:
        record(
            session,
            actor(person, address),
            action,
            now=now,
            account_id=account_id,
            subject=person.id,
            reason=reason,
        )


def actor(person: Person, address: str | None = None) -> Actor:
    """A person as the audit will name them."""
    return Actor(person.id, person.email, address)
