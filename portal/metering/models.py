"""Metering, as stored. The ledger, its batches, its events and the windows are only ever added to."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.kit.db import Base


class Window(Base):
    """The half-open month [starts_at, ends_at) in which a quota counts."""

    __tablename__ = "usage_window"
    __table_args__ = (
        UniqueConstraint("account_id", "kind", "starts_at"),
        CheckConstraint("kind IN ('free', 'paid', 'test')", name="kind"),
        CheckConstraint("starts_at < ends_at", name="span"),
        Index("ix_usage_window_ends_at", "ends_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    opened_at: Mapped[datetime]


class UsageBatch(Base):
    """A minute's counts of one account in one generation of its counter, settled once and for all."""

    __tablename__ = "usage_batch"
    __table_args__ = (UniqueConstraint("tag", "gen", "minute"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    tag: Mapped[str]
    gen: Mapped[str]
    minute: Mapped[int]
    account_id: Mapped[str]
    settled_at: Mapped[datetime]


class UsageEvent(Base):
    """An event that told of usage measured elsewhere."""

    __tablename__ = "usage_event"

    source: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(index=True)
    taken_at: Mapped[datetime]


class UsageRow(Base):
    """A line of the ledger: from a batch, or from events (then there is no key)."""

    __tablename__ = "usage_row"
    __table_args__ = (Index("ix_usage_row_window_id_meter", "window_id", "meter"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("usage_batch.id"))
    account_id: Mapped[str]
    window_id: Mapped[int]
    key_id: Mapped[str]
    meter: Mapped[str]
    endpoint: Mapped[str]
    hour: Mapped[datetime]
    units: Mapped[int]
    calls: Mapped[int]


class UsageHour(Base):
    """The ledger by the hour."""

    __tablename__ = "usage_hour"
    __table_args__ = (
        Index("ix_usage_hour_hour", "hour", postgresql_using="brin", postgresql_with={"autosummarize": True}),
    )

    window_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    meter: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(primary_key=True)
    endpoint: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    units: Mapped[int]
    calls: Mapped[int]


class UsageDay(Base):
    """The ledger by the day, in UTC."""

    __tablename__ = "usage_day"
    __table_args__ = (
        Index("ix_usage_day_day", "day", postgresql_using="brin", postgresql_with={"autosummarize": True}),
    )

    window_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    meter: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(primary_key=True)
    endpoint: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    units: Mapped[int]
    calls: Mapped[int]


class UsageTotal(Base):
    """The ledger by the window: what the gate's counters start from."""

    __tablename__ = "usage_total"

    window_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    meter: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    units: Mapped[int]
    calls: Mapped[int]


class WindowClose(Base):
    """When a window's counters became final."""

    __tablename__ = "window_close"

    window_id: Mapped[int] = mapped_column(ForeignKey("usage_window.id"), primary_key=True)
    closed_at: Mapped[datetime]


class UsageFinal(Base):
    """A window's counters as they stood when it was closed. What comes later is carried forward."""

    __tablename__ = "usage_final"

    window_id: Mapped[int] = mapped_column(ForeignKey("window_close.window_id"), primary_key=True)
    meter: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    units: Mapped[int]
    calls: Mapped[int]


class QuotaNotice(Base):
    """A mark that a percentage of a window's quota was told."""

    __tablename__ = "quota_notice"

    window_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    meter: Mapped[str] = mapped_column(primary_key=True)
    percent: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[str]
    told_at: Mapped[datetime]


class Credit(Base):
    """Units given to an account on top of what its plan includes, for live keys, in one window."""

    __tablename__ = "credit"
    __table_args__ = (
        UniqueConstraint("account_id", "nonce"),
        CheckConstraint("units > 0", name="units"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    window_id: Mapped[int] = mapped_column(ForeignKey("usage_window.id"), index=True)
    meter: Mapped[str]
    units: Mapped[int]
    reason: Mapped[str]
    nonce: Mapped[str]
    given_at: Mapped[datetime]
    given_by: Mapped[str]
