"""Codes: an authenticator beside the password, and recovery codes in case it is lost."""

import base64
import hmac
import secrets
from datetime import datetime, timedelta

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, or_, update
from sqlalchemy.orm import Session

from portal.accounts import queries, rules
from portal.accounts.actions import attempts, audit, signins
from portal.accounts.events import CodesTurnedOff, CodesTurnedOn, RecoveryCodeUsed
from portal.accounts.models import Person, RecoveryCode
from portal.kit import ids, tokens
from portal.kit.errors import Conflict, Exhausted, Invalid
from portal.kit.outbox import tell

STEP_SECONDS = 30
TRIES, TRIES_SPAN = 20, timedelta(hours=24)


class Vault:
    """Seals what must be read again, under a key that is derived from the installation's secret."""

    def __init__(self, secret_key: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=b"upkeep accounts vault").derive(secret_key.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def seal(self, text: str) -> str:
        """What may be stored."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """What was sealed; None when it was sealed under another secret."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None


def start_codes(session: Session, person_id: str, vault: Vault) -> None:
    """Make a fresh secret for a person's authenticator; it counts once `confirm_codes` says so.

    Conflict while the address is not proven: whoever signed up with it could lock its owner out.
    """
    person = queries.person(session, person_id)
    if person.verified_at is None:
        raise Conflict("Confirm your e-mail address first: the link is in the letter we sent you.")
    if person.totp_enabled_at is not None:
        raise Conflict("Codes are on already. Turn them off first to use another authenticator.")
    person.totp_secret, person.totp_step = vault.seal(pyotp.random_base32()), None


def pending_secret(person: Person, vault: Vault) -> str | None:
    """The secret that waits to be confirmed, in base 32; None when none does."""
    if person.totp_secret is None or person.totp_enabled_at is not None:
        return None
    return vault.open(person.totp_secret)


def confirm_codes(
    session: Session, person_id: str, code: str, vault: Vault, *, address: str | None = None, now: datetime
) -> list[str]:
    """Turn codes on, the first one proving that the authenticator works; the recovery codes, shown once."""
    person = queries.person(session, person_id)
    if pending_secret(person, vault) is None:
        raise Conflict("Start the set-up again.")
    if not _take_step(session, person, code, vault, now):
        raise Invalid("That code is not right. Wait for the next one and try it.", field="code")
    person.totp_enabled_at = now
    audit.record_person(session, person, address, "codes.turned_on", now=now)
    tell(session, CodesTurnedOn(person_id))
    return _new_recovery_codes(session, person_id, now)


def check_code(
    session: Session, person: Person, code: str, vault: Vault, browser: signins.Browser, *, now: datetime
) -> bool:
    """Whether this is the authenticator's code of now, not used before, or an unburned recovery code.

    Exhausted after too many tries in a day.
    """
    if not attempts.within(session, "code", person.id, limit=TRIES, span=TRIES_SPAN, now=now):
        raise Exhausted("Too many wrong codes today. Try again tomorrow.")
    if _take_step(session, person, code, vault, now) or _burn(session, person, code, browser.address, now):
        attempts.forgive(session, "code", person.id)
        return True
    signins.note_failure(session, person, browser, "wrong code", now=now)
    return False


def turn_off_codes(session: Session, person_id: str, *, address: str | None = None, now: datetime) -> None:
    """Ask for the password alone again. The caller knows that the person proved themselves lately."""
    person = queries.person(session, person_id)
    if person.totp_enabled_at is None:
        raise Conflict("Codes are off already.")
    forget_codes(session, person)
    audit.record_person(session, person, address, "codes.turned_off", now=now)
    tell(session, CodesTurnedOff(person_id))


def forget_codes(session: Session, person: Person) -> None:
    """Drop a person's authenticator, confirmed or not, and the recovery codes."""
    person.totp_secret = person.totp_enabled_at = person.totp_step = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))


def renew_recovery_codes(
    session: Session, person_id: str, *, address: str | None = None, now: datetime
) -> list[str]:
    """Replace the recovery codes; the new ones, shown once."""
    person = queries.person(session, person_id)
    if person.totp_enabled_at is None:
        raise Conflict("Turn codes on first.")
    audit.record_person(session, person, address, "recovery_codes.renewed", now=now)
    return _new_recovery_codes(session, person_id, now)


def _take_step(session: Session, person: Person, code: str, vault: Vault, now: datetime) -> bool:
    digits = code.replace(" ", "")
    secret = vault.open(person.totp_secret) if person.totp_secret is not None else None
    if secret is None or not digits.isascii() or not digits.isdigit():
        return False
    totp, step = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    near = [s for s in (step, step - 1, step + 1) if hmac.compare_digest(totp.at(s * STEP_SECONDS), digits)]
    if not near:
        return False
    taken = (  # a code is worth one sign-in, also when two arrive at once
        update(Person)
        .where(Person.id == person.id, or_(Person.totp_step.is_(None), Person.totp_step < near[0]))
        .values(totp_step=near[0])
        .returning(Person.id)
    )
    return session.execute(taken).scalar_one_or_none() is not None


def _burn(session: Session, person: Person, code: str, address: str | None, now: datetime) -> bool:
    burned = (
        update(RecoveryCode)
        .where(
            RecoveryCode.person_id == person.id,
            RecoveryCode.fingerprint == tokens.fingerprint(rules.normal_recovery_code(code)),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
    )
    if session.execute(burned).scalar_one_or_none() is None:
        return False
    audit.record_person(session, person, address, "recovery_code.used", now=now)
    tell(session, RecoveryCodeUsed(person.id, queries.recovery_codes_left(session, person.id)))
    return True


def _new_recovery_codes(session: Session, person_id: str, now: datetime) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    codes = [base64.b32encode(secrets.token_bytes(15)).decode().lower() for _ in range(rules.RECOVERY_CODES)]
    for code in codes:
        session.add(
            RecoveryCode(
                id=ids.new("rec"), person_id=person_id, fingerprint=tokens.fingerprint(code), made_at=now
            )
        )
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes]
