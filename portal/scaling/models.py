"""Scaling, as stored: what was suggested, and what became of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kit.db import Base

ENDED = "realised_at IS NULL AND reverted_at IS NULL AND dismissed_at IS NULL AND expired_at IS NULL"


class Suggestion(Base):
    """Advice about one pool, as it was last worked out; from its acceptance on it does not change.

    `saved` is what it really saved in `measured_days`, in minor units. Of each pool one at most stands.
    """

    __tablename__ = "suggestion"
    __table_args__ = (
        Index("uq_suggestion_standing", "pool", "currency", unique=True, postgresql_where=text(ENDED)),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    pool: Mapped[str]
    currency: Mapped[str]
    advice: Mapped[dict[str, Any]]
    billed_until: Mapped[datetime]
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
