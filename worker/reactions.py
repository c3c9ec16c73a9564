"""Reactions: what follows from each fact. The one place where capabilities meet."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from portal import accounts, keys, metering, plans
from portal.kit.outbox import Fact
from worker import words
from worker.writing import Occasion

Reaction = Callable[[Session, Any, Occasion], None]


def push(session: Session, fact: Any, occasion: Occasion) -> None:
    """Tell the gate what holds for the fact's account now. To tell it twice does no harm."""
    occasion.house.gate.push(accounts.tag(session, fact.account_id))


TABLE: Mapping[type[Fact], Sequence[Reaction]] = {
    accounts.AddressToVerify: [words.address_to_verify],
    accounts.SignUpRepeated: [words.sign_up_repeated],
    accounts.ResetAsked: [words.reset_asked],
    accounts.PasswordChanged: [words.password_changed],
    accounts.AddressChangeAsked: [words.address_change_asked],
    accounts.AddressChanged: [words.address_changed],
    accounts.SignedInFromNewPlace: [words.signed_in],
    accounts.CodesTurnedOn: [words.codes_turned_on],
    accounts.CodesTurnedOff: [words.codes_turned_off],
    accounts.RecoveryCodeUsed: [words.recovery_code_used],
    accounts.Invited: [words.invited],
    accounts.MemberJoined: [words.member_joined],
    accounts.MemberRemoved: [words.member_removed],
    accounts.RoleChanged: [words.role_changed],
    accounts.AccountOpened: [],
    accounts.AccountSuspended: [push, words.account_suspended],
    accounts.AccountResumed: [push, words.account_resumed],
    accounts.AccountObserved: [push],
    accounts.AccountClosed: [push, words.account_closed],
    plans.PlanChanged: [push, words.plan_changed],
    keys.KeyMinted: [push, words.key_created],
    keys.KeyAmended: [push],
    keys.KeysImported: [push],
    keys.KeyRotated: [push, words.key_rotated],
    keys.KeyRevoked: [push, words.key_revoked],
    metering.QuotaReached: [words.quota_reached],
    metering.UsageTold: [push],
}


def name(reaction: Reaction) -> str:
    """What a reaction is called in its marks; one that is renamed hears undone facts again."""
    return reaction.__name__


REGISTERED: Mapping[str, Sequence[str]] = {
    fact.name: [name(reaction) for reaction in reactions] for fact, reactions in TABLE.items()
}


def find(fact: Fact, reaction: str) -> Reaction:
    """The reaction of this name to a fact; StopIteration when it has none such."""
    return next(found for found in TABLE[type(fact)] if name(found) == reaction)
