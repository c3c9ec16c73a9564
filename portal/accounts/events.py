"""Accounts, as told: facts about accounts, their people and their sign-ins."""

from dataclasses import dataclass

from portal.kit.outbox import Fact


@dataclass(frozen=True)
class AddressToVerify(Fact):
    """Somebody signed up or asked for another letter; the address is yet unproven."""

    person_id: str


@dataclass(frozen=True)
class SignUpRepeated(Fact):
    """Somebody signed up with, or changed to, an address that has a person already."""

    person_id: str


@dataclass(frozen=True)
class ResetAsked(Fact):
    """The password of a known address was said to be forgotten."""

    person_id: str


@dataclass(frozen=True)
class PasswordChanged(Fact):
    """A password was set anew, by its owner or through a reset."""

    person_id: str


@dataclass(frozen=True)
class AddressChangeAsked(Fact):
    """A person wants letters to go to `email`, which is yet unproven."""

    person_id: str
    email: str


@dataclass(frozen=True)
class AddressChanged(Fact):
    """A person's address is now another one; `before` is to be told."""

    person_id: str
    before: str
    after: str


@dataclass(frozen=True)
class SignedInFromNewPlace(Fact):
    """A sign-in from a kind of browser or a network not seen before with this person."""

    person_id: str
    sign_in_id: str


@dataclass(frozen=True)
class CodesTurnedOn(Fact):
    """From now on this person signs in with an authenticator as well."""

    person_id: str


@dataclass(frozen=True)
class CodesTurnedOff(Fact):
    """The authenticator is no longer asked for."""

    person_id: str


@dataclass(frozen=True)
class RecoveryCodeUsed(Fact):
    """A recovery code was burned; `left` remain."""

    person_id: str
    left: int


@dataclass(frozen=True)
class Invited(Fact):
    """An address was asked to join an account, or is asked again."""

    invitation_id: str


@dataclass(frozen=True)
class MemberJoined(Fact):
    """A person became a member."""

    account_id: str
    person_id: str


@dataclass(frozen=True)
class MemberRemoved(Fact):
    """A person is no longer a member: `by` somebody else, or by their own wish."""

    account_id: str
    person_id: str
    by: str


@dataclass(frozen=True)
class RoleChanged(Fact):
    """A member's role is now another one."""

    account_id: str
    person_id: str
    before: str
    after: str


@dataclass(frozen=True)
class AccountOpened(Fact):
    """An account exists."""

    account_id: str


@dataclass(frozen=True)
class AccountSuspended(Fact):
    """The keys of an account are refused until it is resumed."""

    account_id: str


@dataclass(frozen=True)
class AccountResumed(Fact):
    """A suspension ended."""

    account_id: str


@dataclass(frozen=True)
class AccountObserved(Fact):
    """The gate was told to only observe this account, or to enforce again."""

    account_id: str


@dataclass(frozen=True)
class AccountClosed(Fact):
    """An account ended: its keys stop for good."""

    account_id: str
