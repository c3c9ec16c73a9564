"""Scaling, as stored: what was suggested, and what became of it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kit.db import Base

ENDED = "realised_at IS NULL AND reverted_at IS NULL AND dismissed_at IS NULL AND expired_at IS NULL"


class Suggestion(Base):
    """The case for one thing, as it was last made; from its acceptance on it does not change.

    `kind` is one of KINDS, `subject` what it is about: a pool, a service, a machine. `saved` is what it
    really saved in `measured_days`, in minor units. Of each subject of a kind one at most stands.
    """

    __tablename__ = "suggestion"
    __table_args__ = (
        Index(
            "uq_suggestion_standing",
            "kind",
            "subject",
            "currency",
            unique=True,
            postgresql_where=text(ENDED),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    currency: Mapped[str]
    case: Mapped[dict[str, Any]]
    known_until: Mapped[datetime]
    suggested_at: Mapped[datetime]
    refreshed_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None]
    applied_at: Mapped[datetime | None]
    applied_by: Mapped[str | None]
    reverted_at: Mapped[datetime | None]
    reverted_by: Mapped[str | None]
    dismissed_at: Mapped[datetime | None]
    dismissed_by: Mapped[str | None]
    reason: Mapped[str | None]
    snoozed_until: Mapped[datetime | None]
    snoozed_by: Mapped[str | None]
    measured_days: Mapped[int] = mapped_column(server_default="0")
    saved: Mapped[int] = mapped_column(server_default="0")
    realised_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]


class SpotFallback(Base):
    """How a pair of services stands: what the one on demand was lent for missing spot tasks.

    `wanted` is what it was told to run last, at `step_at`; until `sent_at` that may not have arrived.
    Whoever decides raises `version`, so that of two at once one decides. A dry run keeps what it would have
    lent in `imagined`. `watched` and `missing` count task-minutes of spot.
    """

    __tablename__ = "spot_fallback"

    pair: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(server_default="0")
    lent: Mapped[int] = mapped_column(server_default="0")
    imagined: Mapped[int] = mapped_column(server_default="0")
    short_since: Mapped[datetime | None]
    calm_since: Mapped[datetime | None]
    wanted: Mapped[int | None]
    step_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    watched: Mapped[int] = mapped_column(server_default="0")
    missing: Mapped[int] = mapped_column(server_default="0")
    problem: Mapped[str | None]


class RateTold(Base):
    """A price, or a share of one, as AWS told it. The newest of each name holds."""

    __tablename__ = "rate_told"
    __table_args__ = (Index("ix_rate_told_name", "name", "told_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    value: Mapped[Decimal] = mapped_column(Numeric)
    source: Mapped[str]
    told_at: Mapped[datetime]


class Typed(Base):
    """What an operator typed of how the platform runs, under one name. The newest of each name holds."""

    __tablename__ = "typed_figures"
    __table_args__ = (Index("ix_typed_figures_name", "name", "typed_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    figures: Mapped[dict[str, Any]]
    typed_at: Mapped[datetime]
    typed_by: Mapped[str]
