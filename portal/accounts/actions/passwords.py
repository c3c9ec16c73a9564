"""Passwords: kept as Argon2id, compared with equal work whether or not there is one."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy.orm import Session

from portal.accounts.models import Person

# OWASP's second recommendation: 19 MiB and two passes, so that a burst of sign-ins cannot eat the memory.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODYS = _HASHER.hash("the password of nobody")


def hashed(password: str) -> str:
    """The Argon2id string of a password."""
    return _HASHER.hash(password)


def matches(person: Person | None, password: str) -> bool:
    """Whether this is the person's password; False, after the same work, when there is none to compare."""
    kept = person.password_hash if person is not None else None
    try:
        _HASHER.verify(kept or _NOBODYS, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return kept is not None


def refresh(session: Session, person: Person, password: str) -> None:
    """Hash a password that was just found right anew, if the way of hashing has changed since."""
    if person.password_hash is not None and _HASHER.check_needs_rehash(person.password_hash):
        person.password_hash = hashed(password)
