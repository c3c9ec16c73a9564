"""Words: the reactions that write letters. What is said follows from the rows as they are now."""

from typing import Any

from sqlalchemy.orm import Session

from portal import accounts, keys, metering, plans
from worker.writing import Occasion, once_link, write_address, write_members, write_person

KEYS, QUOTA = "keys", "quota"  # kinds that a reader may turn off


def address_to_verify(session: Session, fact: accounts.AddressToVerify, occasion: Occasion) -> None:
    """A link that proves the address."""
    if accounts.person(session, fact.person_id).verified_at is None:
        link, until = once_link(session, occasion, "verify", person_id=fact.person_id)
        write_person(session, occasion, fact.person_id, "accounts/verify", {"link": link}, secret_until=until)


def sign_up_repeated(session: Session, fact: accounts.SignUpRepeated, occasion: Occasion) -> None:
    """Who has the address already learns that it was used again."""
    write_person(session, occasion, fact.person_id, "accounts/sign_up_repeated")


def reset_asked(session: Session, fact: accounts.ResetAsked, occasion: Occasion) -> None:
    """A link to choose a new password."""
    link, until = once_link(session, occasion, "reset", person_id=fact.person_id)
    write_person(session, occasion, fact.person_id, "accounts/reset", {"link": link}, secret_until=until)


def password_changed(session: Session, fact: accounts.PasswordChanged, occasion: Occasion) -> None:
    """The person is told, in case it was somebody else."""
    write_person(session, occasion, fact.person_id, "accounts/password_changed")


def address_change_asked(session: Session, fact: accounts.AddressChangeAsked, occasion: Occasion) -> None:
    """A link, to the new address, that proves it."""
    link, until = once_link(session, occasion, "address", person_id=fact.person_id, subject=fact.email)
    write_person(
        session,
        occasion,
        fact.person_id,
        "accounts/address_to_confirm",
        {"link": link},
        to=fact.email,
        secret_until=until,
    )


def address_changed(session: Session, fact: accounts.AddressChanged, occasion: Occasion) -> None:
    """The old address is told, and the new one welcomed."""
    context = {"before": fact.before, "after": fact.after}
    write_person(session, occasion, fact.person_id, "accounts/address_left", context, to=fact.before)
    write_person(session, occasion, fact.person_id, "accounts/address_reached", context, to=fact.after)


def signed_in(session: Session, fact: accounts.SignedInFromNewPlace, occasion: Occasion) -> None:
    """Where the sign-in came from, in case it was somebody else."""
    sign_in = accounts.sign_in(session, fact.sign_in_id)
    context = {
        "at": sign_in.began_at,
        "browser": accounts.browser(sign_in.user_agent),
        "address": sign_in.address,
    }
    write_person(session, occasion, fact.person_id, "accounts/signed_in", context)


def codes_turned_on(session: Session, fact: accounts.CodesTurnedOn, occasion: Occasion) -> None:
    """The person is told, in case it was somebody else."""
    write_person(session, occasion, fact.person_id, "accounts/codes_turned_on")


def codes_turned_off(session: Session, fact: accounts.CodesTurnedOff, occasion: Occasion) -> None:
    """The person is told, in case it was somebody else."""
    write_person(session, occasion, fact.person_id, "accounts/codes_turned_off")


def recovery_code_used(session: Session, fact: accounts.RecoveryCodeUsed, occasion: Occasion) -> None:
    """The person is told, and how many codes are left."""
    write_person(session, occasion, fact.person_id, "accounts/recovery_code_used", {"left": fact.left})


def invited(session: Session, fact: accounts.Invited, occasion: Occasion) -> None:
    """A link to the invitation, while it is open; it ends with it, however late the letter is written."""
    invitation = accounts.invitation(session, fact.invitation_id)
    until = invitation.expires_at
    if invitation.accepted_at is not None or invitation.revoked_at is not None or until <= occasion.now:
        return
    link, _ = once_link(session, occasion, "invitation", subject=invitation.id)
    context = {
        "inviter": accounts.person(session, invitation.invited_by).name,
        "account": accounts.get(session, invitation.account_id).name,
        "role": invitation.role,
        "until": until,
        "link": link,
    }
    write_address(
        session,
        occasion,
        invitation.email,
        "accounts/invited",
        context,
        account_id=invitation.account_id,
        secret_until=until,
    )


def member_joined(session: Session, fact: accounts.MemberJoined, occasion: Occasion) -> None:
    """Those who look after the team learn of a new member."""
    role = accounts.role(session, fact.account_id, fact.person_id)
    if role is None:
        return
    newcomer = accounts.person(session, fact.person_id)
    context = {"newcomer": newcomer.name, "email": newcomer.email, "role": role}
    write_members(session, occasion, fact.account_id, "manage_team", "accounts/member_joined", context)


def member_removed(session: Session, fact: accounts.MemberRemoved, occasion: Occasion) -> None:
    """Who was removed learns of it; who left by their own wish knows."""
    if fact.by == fact.person_id:
        return
    context = {
        "account": accounts.get(session, fact.account_id).name,
        "by": accounts.person(session, fact.by).name,
    }
    write_person(session, occasion, fact.person_id, "accounts/member_removed", context)


def role_changed(session: Session, fact: accounts.RoleChanged, occasion: Occasion) -> None:
    """The member learns what they may do now."""
    account = accounts.get(session, fact.account_id)
    context = {"account": account.name, "before": fact.before, "after": fact.after}
    write_person(session, occasion, fact.person_id, "accounts/role_changed", context)


def account_suspended(session: Session, fact: accounts.AccountSuspended, occasion: Occasion) -> None:
    """Why the keys are refused."""
    if (reason := accounts.get(session, fact.account_id).suspension_reason) is not None:
        _to_managers(session, fact, occasion, "accounts/suspended", {"reason": reason})


def account_resumed(session: Session, fact: accounts.AccountResumed, occasion: Occasion) -> None:
    """That the keys work again."""
    if accounts.get(session, fact.account_id).suspended_at is None:
        _to_managers(session, fact, occasion, "accounts/resumed", {})


def account_closed(session: Session, fact: accounts.AccountClosed, occasion: Occasion) -> None:
    """A last letter to the owners, gone or not."""
    account = accounts.get(session, fact.account_id)
    context = {"account": account.name, "at": account.closed_at or occasion.now}
    for owner in accounts.owners(session, fact.account_id):
        write_address(
            session,
            occasion,
            owner.email,
            "accounts/closed",
            {"name": owner.name, **context},
            person_id=owner.id,
            account_id=fact.account_id,
        )


def key_created(session: Session, fact: keys.KeyMinted, occasion: Occasion) -> None:
    """Whoever looks after the account learns of a new key."""
    key = keys.get(session, fact.account_id, fact.key_id)
    _about_key(session, fact, occasion, "keys/created", key, {"at": key.minted_at})


def key_rotated(session: Session, fact: keys.KeyRotated, occasion: Occasion) -> None:
    """Until when the old key works, and what the new one looks like."""
    key = keys.get(session, fact.account_id, fact.key_id)
    successor = keys.get(session, fact.account_id, fact.successor_id)
    context = {"retires_at": key.retires_at, "successor_start": successor.start}
    _about_key(session, fact, occasion, "keys/rotated", key, context)


def key_revoked(session: Session, fact: keys.KeyRevoked, occasion: Occasion) -> None:
    """Whoever looks after the account learns that a key is refused from now on."""
    key = keys.get(session, fact.account_id, fact.key_id)
    _about_key(session, fact, occasion, "keys/revoked", key, {"at": key.revoked_at or occasion.now})


def key_leaked(session: Session, fact: keys.KeyLeaked, occasion: Occasion) -> None:
    """Where a key was found, that it is refused from now on, and what to do. Nobody can turn this off."""
    key = keys.get(session, fact.account_id, fact.key_id)
    context = {
        "key": key.name,
        "start": key.start,
        "environment": key.environment,
        "by": fact.by,
        "url": fact.url,
        "at": key.revoked_at or occasion.now,
    }
    write_members(session, occasion, fact.account_id, "manage_team", "keys/leaked", context)


def service_key_leaked(session: Session, fact: keys.ServiceKeyLeaked, occasion: Occasion) -> None:
    """The operators learn that a service key is in the open and still works; once for each key."""
    key = keys.service_key(session, fact.service_key_id)
    if key.revoked_at is None:
        context = {"key": key.name, "key_id": key.id, "url": fact.url}
        for operator in accounts.operators(session):
            write_person(
                session,
                occasion,
                operator.id,
                "keys/service_leaked",
                context,
                once=f"service key {key.id} leaked",
            )


def plan_changed(session: Session, fact: plans.PlanChanged, occasion: Occasion) -> None:
    """What the account holds now, and what it allows; of what payments change, money writes."""
    if fact.paid:
        return
    held = plans.current(session, fact.account_id, line=fact.line, now=occasion.now)
    if held.plan != fact.after:
        return  # a later change has a letter of its own
    offered = plans.catalogue(session)
    limits: list[tuple[str, str]] = []
    for meter in offered.meters:
        if units := held.included.get(meter.slug):
            limits.append((meter.name, f"{units:,} a month"))
    if held.rate:
        limits.append(("Rate", f"{held.rate:,} a second, {held.burst:,} at once"))
    if held.keys:
        limits.append(("Keys", f"{held.keys:,}"))
    names = {plan.slug: plan.name for plan in offered.plans}
    context = {"before": names.get(fact.before, fact.before), "after": held.name, "limits": limits}
    write_members(session, occasion, fact.account_id, "manage_billing", "plans/changed", context)


def quota_reached(session: Session, fact: metering.QuotaReached, occasion: Occasion) -> None:
    """One letter at 80 % and one at 100 %, whatever happens in the same billing month."""
    if (window := session.get(metering.Window, fact.window_id)) is None:
        return
    meter = plans.catalogue(session).meter(fact.meter)
    unit = meter.name.lower() if meter else fact.meter
    context = {
        "percent": fact.percent,
        "limit": fact.included,
        "unit": unit if fact.environment == "live" else f"test {unit}",
        "resets_at": window.ends_at,
        "upgradable": fact.environment == "live",
    }
    once = f"window {fact.window_id} {fact.meter} {fact.percent} %"
    write_members(
        session, occasion, fact.account_id, "manage_team", "metering/quota", context, kind=QUOTA, once=once
    )


def _about_key(
    session: Session, fact: Any, occasion: Occasion, template: str, key: keys.Key, more: dict[str, Any]
) -> None:
    context = {"key": key.name, "start": key.start, "environment": key.environment, "by": fact.by, **more}
    write_members(session, occasion, fact.account_id, "manage_team", template, context, kind=KEYS)


def _to_managers(
    session: Session, fact: Any, occasion: Occasion, template: str, context: dict[str, Any]
) -> None:
    write_members(session, occasion, fact.account_id, "manage_team", template, context)
