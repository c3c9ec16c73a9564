"""Costs, as stored."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.kit.db import Base


class TypedCost(Base):
    """A fixed cost of each month in `[begins_at, ends_at)`, both the first of a month, as somebody typed it.

    What it is never changes: another amount is a row of its own that begins where this one ends.
    """

    __tablename__ = "typed_cost"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("ends_at >= begins_at", name="span"),
        Index("ix_typed_cost_begins_at", "begins_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    service: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    added_at: Mapped[datetime]
    added_by: Mapped[str]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
