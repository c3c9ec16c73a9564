"""Sustainability, as stored."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.kit.db import Base


class Cash(Base):
    """What the platform had in hand when somebody counted it. Counted again, it is a row of its own."""

    __tablename__ = "cash"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount"),
        Index("ix_cash_counted_at", "currency", "counted_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int]
    currency: Mapped[str]
    counted_at: Mapped[datetime]
    counted_by: Mapped[str]


class Hazard(Base):
    """How likely it is, in percent a month, that the platform closes, as somebody typed. The newest holds."""

    __tablename__ = "hazard"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        Index("ix_hazard_typed_at", "typed_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    percent: Mapped[int]
    typed_at: Mapped[datetime]
    typed_by: Mapped[str]
