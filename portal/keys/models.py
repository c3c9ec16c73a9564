"""Keys, as stored."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.kit.db import Base


class Key(Base):
    """A key. Of the token itself only a digest is kept, with the pepper or the algorithm it was made with."""

    __tablename__ = "key"
    __table_args__ = (
        CheckConstraint("environment IN ('live', 'test')", name="environment"),
        Index("ix_key_account_id", "account_id", "minted_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    digest: Mapped[str] = mapped_column(unique=True)
    algorithm: Mapped[str]
    pepper_id: Mapped[str | None]
    start: Mapped[str]
    environment: Mapped[str]
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(default=list)
    allowed_cidrs: Mapped[list[str]] = mapped_column(default=list)
    expires_at: Mapped[datetime | None]
    rate: Mapped[int | None]
    burst: Mapped[int | None]
    external_id: Mapped[str | None]
    lineage: Mapped[str] = mapped_column(index=True)
    minted_at: Mapped[datetime]
    minted_by: Mapped[str]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]
    retires_at: Mapped[datetime | None]
    successor_id: Mapped[str | None]
    last_used_at: Mapped[datetime | None]


class ServiceKey(Base):
    """What the protected API shows when it asks about a key."""

    __tablename__ = "service_key"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    pepper_id: Mapped[str]
    minted_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
