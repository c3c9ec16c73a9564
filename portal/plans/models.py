"""Plans, as stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.kit.db import Base


class Edition(Base):
    """The whole catalogue as it was published once. The newest one is on offer."""

    __tablename__ = "catalogue_edition"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    published_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]


class PlanVersion(Base):
    """One version of a plan, never changed once it stands."""

    __tablename__ = "plan_version"
    __table_args__ = (Index("ix_plan_version_line", "line", "tier", "published_at"),)

    slug: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[str]
    tier: Mapped[str]
    published_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]


class Subscription(Base):
    """An account's hold on a plan that is not free. Without an open row the account is on the free plan."""

    __tablename__ = "subscription"
    __table_args__ = (
        ForeignKeyConstraint(["plan", "version"], ["plan_version.slug", "plan_version.version"]),
        CheckConstraint("source IN ('stripe', 'grant', 'contract')", name="source"),
        # Two grants at once, or a grant and a payment, must not both win.
        Index(
            "uq_subscription_open",
            "account_id",
            "line",
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
        Index("ix_subscription_lapsing", "ends_at", postgresql_where="ended_at IS NULL"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    line: Mapped[str]
    plan: Mapped[str]
    version: Mapped[int]
    source: Mapped[str]
    started_at: Mapped[datetime]
    anchor_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    overrides: Mapped[dict[str, Any]] = mapped_column(default=dict)
