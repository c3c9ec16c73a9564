"""Accounts, as stored: the tenants, the people in them, and how people prove who they are."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.kit.db import Base


class Account(Base):
    """A tenant: an organisation, whose people are its members.

    `tag` leads every key here; `version` goes up with each change that the gate must learn.
    """

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    suspended_at: Mapped[datetime | None]
    suspended_by: Mapped[str | None]
    suspension_reason: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    observed_at: Mapped[datetime | None]


class Person(Base):
    """Someone who signs in. An address belongs to at most one person who has not left."""

    __tablename__ = "person"
    __table_args__ = (
        Index("uq_person_email_open", "email", unique=True, postgresql_where="closed_at IS NULL"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]
    terms_version: Mapped[str | None]
    terms_accepted_at: Mapped[datetime | None]
    totp_secret: Mapped[str | None]
    totp_enabled_at: Mapped[datetime | None]
    totp_step: Mapped[int | None]
    staff_role: Mapped[str | None]
    letters_off: Mapped[list[str]] = mapped_column(default=list)
    closed_at: Mapped[datetime | None]


class Member(Base):
    """A person's place in an account."""

    __tablename__ = "member"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)
    role: Mapped[str]
    joined_at: Mapped[datetime]


class Invitation(Base):
    """An address asked to join an account. Its link is a `OneTimeToken`, made with the letter."""

    __tablename__ = "invitation"
    __table_args__ = (
        Index(
            "uq_invitation_open",
            "account_id",
            "email",
            unique=True,
            postgresql_where="accepted_at IS NULL AND revoked_at IS NULL",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    email: Mapped[str]
    role: Mapped[str]
    invited_at: Mapped[datetime]
    invited_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]


class SignIn(Base):
    """A browser that somebody is signed in with. The token itself is in its cookie alone."""

    __tablename__ = "sign_in"

    id: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    proven_at: Mapped[datetime | None]
    remembered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    address: Mapped[str | None]
    user_agent: Mapped[str | None]


class KnownPlace(Base):
    """A kind of browser in a network that a person signed in from before."""

    __tablename__ = "known_place"

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


class OneTimeToken(Base):
    """A link that works once. `subject` is what it is about: a new address, an invitation."""

    __tablename__ = "one_time_token"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"), index=True)
    subject: Mapped[str | None]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code that stands in for the authenticator, once."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("person_id", "fingerprint"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    fingerprint: Mapped[str]
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Attempts(Base):
    """How often something was tried since a moment: one row per subject and span."""

    __tablename__ = "attempts"

    subject: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]


class AuditEntry(Base):
    """Who did or looked at what. Rows are only ever added."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_account_id_id", "account_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor_id: Mapped[str | None]
    actor: Mapped[str]
    address: Mapped[str | None]
    action: Mapped[str]
    account_id: Mapped[str | None]
    subject: Mapped[str | None]
    reason: Mapped[str | None]
    data: Mapped[dict[str, Any] | None]
