"""Accounts, as asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.models import Account, Invitation, Member, Person, RecoveryCode, SignIn
from portal.accounts.rules import ROLES, normal_email, sign_in_ends_at
from portal.kit import tokens
from portal.kit.db import among
from portal.kit.errors import Missing


@dataclass(frozen=True)
class TeamMember:
    """A person in an account, with their role there."""

    person: Person
    role: str
    joined_at: datetime


def get(session: Session, account_id: str) -> Account:
    """The account, closed or not; Missing when there is none."""
    if (account := session.get(Account, account_id)) is None:
        raise Missing("There is no such account.")
    return account


def names(session: Session, account_ids: Iterable[str]) -> dict[str, str]:
    """What accounts are called, by their ids."""
    rows = session.execute(select(Account.id, Account.name).where(among(Account.id, account_ids)))
    return {account_id: name for account_id, name in rows}  # noqa: C416


def closed_at(session: Session, account_id: str) -> datetime | None:
    """When an account was closed, as the database has it at this moment; None while it stands."""
    return session.scalar(select(Account.closed_at).where(Account.id == account_id))


def tag(session: Session, account_id: str) -> str:
    """The 8 characters that lead every key of this account; Missing when there is no such account."""
    return get(session, account_id).tag


def by_tag(session: Session, tag: str) -> Account | None:
    """The account that a tag leads to, closed or not."""
    return session.scalars(select(Account).where(Account.tag == tag)).one_or_none()


def person(session: Session, person_id: str) -> Person:
    """The person, gone or not; Missing when there is none."""
    if (found := session.get(Person, person_id)) is None:
        raise Missing("There is no such person.")
    return found


def by_email(session: Session, email: str) -> Person | None:
    """Whoever signs in with this address now, in any case and with outer spaces."""
    statement = select(Person).where(Person.email == normal_email(email), Person.closed_at.is_(None))
    return session.scalars(statement).one_or_none()


def role(session: Session, account_id: str, person_id: str) -> str | None:
    """The role of a person in an account that is not closed; None for a stranger."""
    statement = (
        select(Member.role)
        .join(Account, Account.id == Member.account_id)
        .where(Member.account_id == account_id, Member.person_id == person_id, Account.closed_at.is_(None))
    )
    return session.scalar(statement)


def members(session: Session, account_id: str) -> list[TeamMember]:
    """Everybody in an account, owners first, then by role and name."""
    statement = (
        select(Person, Member.role, Member.joined_at)
        .join(Member, Member.person_id == Person.id)
        .where(Member.account_id == account_id)
    )
    found = [TeamMember(*row) for row in session.execute(statement)]
    return sorted(found, key=lambda member: (ROLES.index(member.role), member.person.name.lower()))


def member_of(session: Session, account_id: str, person_id: str) -> TeamMember:
    """One member of an account; Missing for everybody else."""
    for member in members(session, account_id):
        if member.person.id == person_id:
            return member
    raise Missing("There is no such member.")


def owners(session: Session, account_id: str) -> list[Person]:
    """The owners of an account: those whom its letters go to."""
    return [member.person for member in members(session, account_id) if member.role == "owner"]


def memberships(session: Session, person_id: str) -> list[Account]:
    """The accounts that a person is in and that are not closed, by name."""
    statement = (
        select(Account)
        .join(Member, Member.account_id == Account.id)
        .where(Member.person_id == person_id, Account.closed_at.is_(None))
        .order_by(func.lower(Account.name), Account.id)
    )
    return list(session.scalars(statement))


def chosen(session: Session, sign_in: SignIn) -> tuple[Account | None, Member | None]:
    """The account that a sign-in looks at, else the person's first, and their place in it; None for none."""
    mine = memberships(session, sign_in.person_id)
    account = next((one for one in mine if one.id == sign_in.account_id), mine[0] if mine else None)
    return account, session.get(Member, (account.id, sign_in.person_id)) if account is not None else None


def is_verified(session: Session, account_id: str) -> bool:
    """Whether an owner of this account has a proven address."""
    return any(owner.verified_at is not None for owner in owners(session, account_id))


def invitations(session: Session, account_id: str) -> list[Invitation]:
    """Invitations that were neither accepted nor revoked, expired ones too, newest first."""
    statement = (
        select(Invitation)
        .where(
            Invitation.account_id == account_id,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
        .order_by(Invitation.id.desc())
    )
    return list(session.scalars(statement))


def signed_in_with(session: Session, token: str, *, now: datetime) -> tuple[Person, SignIn] | None:
    """The person and the sign-in behind a cookie; None when it is ended, expired or unknown."""
    statement = (
        select(Person, SignIn)
        .join(Person, Person.id == SignIn.person_id)
        .where(
            SignIn.fingerprint == tokens.fingerprint(token),
            SignIn.ended_at.is_(None),
            Person.closed_at.is_(None),
        )
    )
    if (row := session.execute(statement).one_or_none()) is None:
        return None
    found, sign_in = row
    return (found, sign_in) if is_live(sign_in, now=now) else None


def is_live(sign_in: SignIn, *, now: datetime) -> bool:
    """Whether a sign-in still holds."""
    ends_at = sign_in_ends_at(sign_in.began_at, sign_in.seen_at, sign_in.remembered_at is not None)
    return sign_in.ended_at is None and now < ends_at


def sign_ins(session: Session, person_id: str, *, now: datetime) -> list[SignIn]:
    """The browsers that a person is signed in with, last seen first."""
    statement = (
        select(SignIn)
        .where(SignIn.person_id == person_id, SignIn.ended_at.is_(None))
        .order_by(SignIn.seen_at.desc())
    )
    return [found for found in session.scalars(statement) if is_live(found, now=now)]


def recovery_codes_left(session: Session, person_id: str) -> int:
    """How many recovery codes are not burned."""
    statement = select(func.count()).where(
        RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None)
    )
    return session.scalar(statement) or 0


def operators(session: Session) -> list[Person]:
    """Everybody who runs the platform."""
    statement = (
        select(Person)
        .where(Person.staff_role == "operator", Person.closed_at.is_(None))
        .order_by(Person.created_at)
    )
    return list(session.scalars(statement))


def staff(session: Session) -> list[Person]:
    """Everybody who helps customers, operators too, by name."""
    statement = (
        select(Person)
        .where(Person.staff_role.is_not(None), Person.closed_at.is_(None))
        .order_by(func.lower(Person.name), Person.id)
    )
    return list(session.scalars(statement))


def wants(person: Person, kind: str) -> bool:
    """Whether a person wants the optional letters of this kind (rules.LETTER_KINDS)."""
    return kind not in person.letters_off


def invitation(session: Session, invitation_id: str) -> Invitation:
    """The invitation, in whatever state; Missing when there is none."""
    if (found := session.get(Invitation, invitation_id)) is None:
        raise Missing("There is no such invitation.")
    return found


def sign_in(session: Session, sign_in_id: str) -> SignIn:
    """The sign-in, live or over; Missing when there is none."""
    if (found := session.get(SignIn, sign_in_id)) is None:
        raise Missing("There is no such sign-in.")
    return found
