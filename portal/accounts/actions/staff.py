"""People and accounts that the operator makes: staff, and accounts opened for somebody."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts import queries, rules
from portal.accounts.actions import audit, codes, links, people, signins, signups, tenants
from portal.accounts.models import Account, AuditEntry, Person
from portal.accounts.rules import Actor
from portal.kit.errors import Invalid, Missing

FIRST_OPERATOR = "operator@localhost"


def add_staff(session: Session, email: str, role: str, *, actor: Actor, now: datetime) -> Person:
    """Make whoever has this address support staff or an operator; somebody new when nobody has it."""
    if role not in rules.STAFF_ROLES:
        raise Invalid(f"A staff role is {' or '.join(rules.STAFF_ROLES)}.", field="role")
    person = find_or_add(session, rules.clean_email(email), now=now)
    person.staff_role = role
    audit.record(session, actor, "staff.added", subject=person.id, data={"role": role}, now=now)
    return person


def remove_staff(session: Session, email: str, *, actor: Actor, now: datetime) -> Person:
    """Make a staff member an ordinary person, signed out everywhere; Missing when nobody is."""
    person = queries.by_email(session, email)
    if person is None or person.staff_role is None:
        raise Missing("No staff member signs in with that address.")
    role, person.staff_role = person.staff_role, None
    signins.end_all(session, person.id, now=now)
    links.withdraw(session, person_id=person.id, now=now)
    audit.record(session, actor, "staff.removed", subject=person.id, data={"role": role}, now=now)
    return person


def first_operator(session: Session, *, actor: Actor, now: datetime) -> Person | None:
    """The operator whom a new installation waits for; None as soon as an operator has ever signed in."""
    found = queries.operators(session)
    if not found:
        person = find_or_add(session, FIRST_OPERATOR, now=now)
        person.staff_role = "operator"
        audit.record(session, actor, "staff.added", subject=person.id, data={"role": "operator"}, now=now)
        return person
    signed_in = (  # the audit forgets nothing, unlike sign-ins
        select(AuditEntry.id)
        .where(AuditEntry.action == "sign_in.began", AuditEntry.actor_id.in_([one.id for one in found]))
        .limit(1)
    )
    return None if session.scalar(signed_in) is not None else found[0]


def add_account(
    session: Session, name: str, email: str, *, actor: Actor, now: datetime
) -> tuple[Account, Person]:
    """Open an account for whoever has this address, somebody new when nobody has it; both of them."""
    owner = find_or_add(session, rules.clean_email(email), now=now)
    account = tenants.open_account(session, name, owner, now=now)
    audit.record(
        session,
        actor,
        "account.added",
        account_id=account.id,
        subject=account.id,
        data={"owner": email},
        now=now,
    )
    return account, owner


def drop_codes(session: Session, email: str, reason: str, *, actor: Actor, now: datetime) -> Person:
    """Turn somebody's sign-in codes off, who lost authenticator and recovery codes, and sign them out.

    The operator has made sure by other means that it is them.
    """
    if (person := queries.by_email(session, email)) is None:
        raise Missing("Nobody signs in with that address.")
    if not reason.strip():
        raise Invalid("Say how you made sure that it is them.", field="reason")
    codes.turn_off_codes(session, person.id, now=now)
    signins.end_all(session, person.id, now=now)
    for account in queries.memberships(session, person.id):
        audit.record(
            session,
            actor,
            "codes.dropped",
            account_id=account.id,
            subject=person.id,
            reason=reason,
            now=now,
        )
    audit.record(session, actor, "codes.dropped", subject=person.id, reason=reason, now=now)
    return person


def find_or_add(session: Session, email: str, *, now: datetime) -> Person:
    """Whoever has this address, else somebody new with it, whose address the operator vouches for.

    A stranger may have signed up with it before, without proving it: what they chose does not stay.
    """
    if (person := queries.by_email(session, email)) is not None:
        if person.verified_at is None:
            people.hand_over(session, person, now=now)
        return person
    name = email.partition("@")[0].replace(".", " ").title()
    return signups.add_person(session, name=name, email=email, password_hash=None, verified_at=now, now=now)
