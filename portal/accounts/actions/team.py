"""The team of an account: invited, joined, given roles, removed."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.accounts import queries, rules
from portal.accounts.actions import attempts, audit, links, passwords, signups, tenants
from portal.accounts.events import Invited, MemberJoined, MemberRemoved, RoleChanged
from portal.accounts.models import Invitation, Member, Person, SignIn
from portal.accounts.rules import Actor
from portal.kit import ids
from portal.kit.errors import Conflict, Exhausted, Missing
from portal.kit.outbox import tell

INVITATIONS, INVITATIONS_SPAN = 30, timedelta(hours=24)


def invite(
    session: Session, account_id: str, email: str, role: str, *, actor: Actor, now: datetime
) -> Invitation:
    """Ask an address to join with a role, in the actor's name; asking again sends a fresh letter."""
    tenants.lock(session, account_id)
    giver, email = queries.role(session, account_id, actor.of_person), rules.clean_email(email)
    standing = _open_invitation(session, account_id, email)
    rules.check_role_given(giver, standing.role if standing is not None else None, role)
    if queries.person(session, actor.of_person).verified_at is None:
        raise Conflict("Verify your own address before you invite others.")
    if any(member.person.email == email for member in queries.members(session, account_id)):
        raise Conflict("Somebody with that address is in the team already.")
    if not attempts.within(
        session, "invitation", account_id, limit=INVITATIONS, span=INVITATIONS_SPAN, now=now
    ):
        raise Exhausted(f"An account can send {INVITATIONS} invitations a day. Try again tomorrow.")
    invitation = standing or Invitation(id=ids.new("inv"), account_id=account_id, email=email)
    invitation.role, invitation.invited_by, invitation.invited_at = role, actor.of_person, now
    invitation.expires_at = now + rules.TOKEN_LIFE["invitation"]
    session.add(invitation)
    session.flush()
    links.withdraw(session, subject=invitation.id, now=now)
    audit.record(
        session, actor, "member.invited", account_id=account_id, subject=email, data={"role": role}, now=now
    )
    tell(session, Invited(invitation.id))
    return invitation


def revoke_invitation(
    session: Session, account_id: str, invitation_id: str, *, actor: Actor, now: datetime
) -> None:
    """Take an invitation back; its link stops working."""
    tenants.lock(session, account_id)
    invitation = session.get(Invitation, invitation_id)
    if invitation is None or invitation.account_id != account_id or not _is_open(invitation):
        raise Missing("There is no such invitation.")
    rules.check_role_given(queries.role(session, account_id, actor.of_person), invitation.role, None)
    invitation.revoked_at, invitation.revoked_by = now, actor.of_person
    links.withdraw(session, subject=invitation.id, now=now)
    audit.record(
        session, actor, "invitation.revoked", account_id=account_id, subject=invitation.email, now=now
    )


def invited_by_link(session: Session, secret: str, *, now: datetime) -> Invitation:
    """The invitation that a link leads to; Missing when it was used, revoked or expired."""
    return _invitation(session, links.look(session, "invitation", secret, now=now).subject, now)


def join(session: Session, secret: str, person_id: str, *, address: str | None = None, now: datetime) -> str:
    """Join the account that a link invites to; its id.

    Conflict for somebody who is in it already, or whose own address is neither proven nor the one
    that the link was sent to.
    """
    person = queries.person(session, person_id)
    invitation = _take_up(session, secret, now)
    if person.verified_at is None:
        if person.email != invitation.email:
            raise Conflict("Confirm your own e-mail address before you join a team.")
        person.verified_at = now
    return _let_in(session, invitation, person, address, now)


def _take_up(session: Session, secret: str, now: datetime) -> Invitation:
    """The invitation that a link leads to, the link being used up; Missing like `invited_by_link`.

    Its account is held first, as by whoever takes it back: neither then waits for the other for ever.
    """
    invitation = invited_by_link(session, secret, now=now)
    tenants.lock(session, invitation.account_id)
    links.burn(session, "invitation", secret, now=now)  # of two clicks at once, one goes on from here
    return invitation


def _let_in(
    session: Session, invitation: Invitation, person: Person, address: str | None, now: datetime
) -> str:
    person_id = person.id
    account_id = invitation.account_id
    if queries.role(session, account_id, person_id) is not None:
        raise Conflict("You are in this team already.")
    session.add(Member(account_id=account_id, person_id=person_id, role=invitation.role, joined_at=now))
    invitation.accepted_at, invitation.accepted_by = now, person_id
    session.flush()
    data = {"role": invitation.role, "invited": invitation.email}
    audit.record(
        session,
        audit.actor(person, address),
        "member.joined",
        account_id=account_id,
        subject=person_id,
        data=data,
        now=now,
    )
    tell(session, MemberJoined(account_id, person_id))
    return account_id


def join_as_new(
    session: Session,
    secret: str,
    name: str,
    password: str,
    *,
    terms_version: str | None = None,
    address: str | None = None,
    now: datetime,
) -> Person:
    """Sign up by an invitation: the link proves the address, and there is no account but the inviting one."""
    invitation = invited_by_link(session, secret, now=now)
    known = Conflict("You have a sign-in with this address already. Sign in first, then accept.")
    if queries.by_email(session, invitation.email) is not None:
        raise known
    name = rules.clean_name(name)
    rules.check_password(password, name, invitation.email)
    password_hash = passwords.hashed(password)
    invitation = _take_up(session, secret, now)
    person = signups.add_newcomer(
        session, name, invitation.email, password_hash, terms_version, verified_at=now, now=now
    )
    if person is None:
        raise known
    _let_in(session, invitation, person, address, now)
    return person


def change_role(
    session: Session, account_id: str, person_id: str, role: str, *, actor: Actor, now: datetime
) -> None:
    """Give a member another role, in the name of the acting member; Conflict for the last owner."""
    tenants.lock(session, account_id)
    member = _member(session, account_id, person_id)
    rules.check_role_given(queries.role(session, account_id, actor.of_person), member.role, role)
    if role == member.role:
        return
    if member.role == "owner":
        rules.check_owner_left(len(queries.owners(session, account_id)))
    before, member.role = member.role, role
    data = {"before": before, "after": role}
    audit.record(
        session, actor, "member.role_changed", account_id=account_id, subject=person_id, data=data, now=now
    )
    tell(session, RoleChanged(account_id, person_id, before, role))


def remove(session: Session, account_id: str, person_id: str, *, actor: Actor, now: datetime) -> None:
    """Take a person out of an account, in the name of the acting member, who may be that very person."""
    tenants.lock(session, account_id)
    member = _member(session, account_id, person_id)
    if actor.person_id != person_id:
        rules.check_role_given(queries.role(session, account_id, actor.of_person), member.role, None)
    if member.role == "owner":
        rules.check_owner_left(len(queries.owners(session, account_id)))
    session.delete(member)
    session.execute(
        update(SignIn)
        .where(SignIn.account_id == account_id, SignIn.person_id == person_id)
        .values(account_id=None)
    )
    action = "member.left" if actor.person_id == person_id else "member.removed"
    audit.record(session, actor, action, account_id=account_id, subject=person_id, now=now)
    tell(session, MemberRemoved(account_id, person_id, actor.of_person))


def _member(session: Session, account_id: str, person_id: str) -> Member:
    if (member := session.get(Member, (account_id, person_id))) is None:
        raise Missing("There is no such member.")
    return member


def _open_invitation(session: Session, account_id: str, email: str) -> Invitation | None:
    statement = select(Invitation).where(
        Invitation.account_id == account_id,
        Invitation.email == email,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
    )
    return session.scalars(statement).one_or_none()


def _invitation(session: Session, invitation_id: str | None, now: datetime) -> Invitation:
    invitation = session.get(Invitation, invitation_id) if invitation_id is not None else None
    if invitation is None or not _is_open(invitation) or invitation.expires_at <= now:
        raise Missing("This invitation was withdrawn or used, or it is too old. Ask for a new one.")
    return invitation


def _is_open(invitation: Invitation) -> bool:
    return invitation.accepted_at is None and invitation.revoked_at is None
