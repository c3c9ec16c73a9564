"""Costs, as stored."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kit.db import Base


class TypedCost(Base):
    """A fixed cost of each month in `[begins_at, ends_at)`, both the first of a month, as somebody typed it.

    What it is never changes: another amount is a row of its own that begins where this one ends. `billed_by`
    names the provider on whose bill it stands: in a month whose bill was imported, the bill counts instead.
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
    billed_by: Mapped[str | None]


class BillImport(Base):
    """Files that were taken in together, as one step: what was in them, who brought them.

    With `asked_of` they are no files but what a provider answered, which says less than its bill.
    """

    __tablename__ = "bill_import"

    id: Mapped[str] = mapped_column(primary_key=True)
    names: Mapped[list[str]]
    digests: Mapped[list[str]]
    lines_read: Mapped[int]
    lines_kept: Mapped[int]
    lines_aside: Mapped[int]
    imported_at: Mapped[datetime]
    imported_by: Mapped[str]
    asked_of: Mapped[str | None]


class Bill(Base):
    """What a provider charged one billing account for one billing month, as an import told it.

    A newer import of the same three replaces it: its rows go, and this stays to say so.
    """

    __tablename__ = "bill"
    __table_args__ = (
        Index(
            "uq_bill_standing",
            "provider",
            "billing_account_id",
            "month",
            unique=True,
            postgresql_where=text("replaced_at IS NULL"),
        ),
        Index("ix_bill_month", "month"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    import_id: Mapped[str] = mapped_column(ForeignKey("bill_import.id"), index=True)
    provider: Mapped[str]
    billing_account_id: Mapped[str]
    month: Mapped[datetime]
    lines: Mapped[int]
    replaced_at: Mapped[datetime | None]
    replaced_by: Mapped[str | None] = mapped_column(ForeignKey("bill_import.id"))


class ChargeRow(Base):
    """A line of a standing bill, in FOCUS columns. Costs and quantities are exact, as in the file.

    `bill_id` is no foreign key: a check for each of a million rows would double the time of an import,
    and rows come and go with their bill in one transaction.
    """

    __tablename__ = "charge_row"
    __table_args__ = (Index("ix_charge_row_bill_id", "bill_id", "begins_at"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    bill_id: Mapped[str]
    currency: Mapped[str]
    service: Mapped[str]
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    billed_cost: Mapped[Decimal] = mapped_column(Numeric)
    effective_cost: Mapped[Decimal] = mapped_column(Numeric)
    tags: Mapped[dict[str, Any]]
    category: Mapped[str | None]
    service_category: Mapped[str | None]
    description: Mapped[str | None]
    sub_account_id: Mapped[str | None]
    region: Mapped[str | None]
    resource_id: Mapped[str | None]
    sku_id: Mapped[str | None]
    pricing_category: Mapped[str | None]
    pricing_unit: Mapped[str | None]
    consumed_unit: Mapped[str | None]
    commitment_id: Mapped[str | None]
    commitment_type: Mapped[str | None]
    commitment_status: Mapped[str | None]
    list_cost: Mapped[Decimal | None] = mapped_column(Numeric)
    contracted_cost: Mapped[Decimal | None] = mapped_column(Numeric)
    pricing_quantity: Mapped[Decimal | None] = mapped_column(Numeric)
    consumed_quantity: Mapped[Decimal | None] = mapped_column(Numeric)


class DailyCharge(Base):
    """The rows of a standing bill added up by day (UTC), service, currency and category."""

    __tablename__ = "daily_charge"

    bill_id: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[datetime] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    billed: Mapped[Decimal] = mapped_column(Numeric)
    effective: Mapped[Decimal] = mapped_column(Numeric)


class TagCharge(Base):
    """The rows of a standing bill added up by a tag's value; a row with two tags counts in each."""

    __tablename__ = "tag_charge"

    bill_id: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    billed: Mapped[Decimal] = mapped_column(Numeric)
    effective: Mapped[Decimal] = mapped_column(Numeric)


class LineAside(Base):
    """A line of an imported file that could not be counted, with the reason and its beginning."""

    __tablename__ = "line_aside"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    import_id: Mapped[str] = mapped_column(ForeignKey("bill_import.id"), index=True)
    file: Mapped[str]
    line: Mapped[int]
    reason: Mapped[str]
    text: Mapped[str]


class CostAlert(Base):
    """A monthly total at which operators get a letter. Taken off the list, it stays for what it raised."""

    __tablename__ = "cost_alert"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index(
            "uq_cost_alert_set",
            "amount",
            "currency",
            unique=True,
            postgresql_where=text("dropped_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int]
    currency: Mapped[str]
    set_at: Mapped[datetime]
    set_by: Mapped[str]
    dropped_at: Mapped[datetime | None]
    dropped_by: Mapped[str | None]


class AlertRaised(Base):
    """That a total was reached in a calendar month: once each, `actual` or `forecast`."""

    __tablename__ = "alert_raised"
    __table_args__ = (CheckConstraint("kind IN ('actual', 'forecast')", name="kind"),)

    month: Mapped[datetime] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(primary_key=True)
    raised_at: Mapped[datetime]


class Collection(Base):
    """That AWS was asked, for `costs` or for `loads`, written down before it is; `requests` were charged for.

    It succeeded when it is done and has no problem.
    """

    __tablename__ = "collection"
    __table_args__ = (Index("ix_collection_begun_at", "kind", "begun_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    begun_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    requests: Mapped[int]
    problem: Mapped[str | None]


class CloudResource(Base):
    """Something that runs at AWS, as it was last seen there. `read_until` says of each metric how far."""

    __tablename__ = "cloud_resource"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    facts: Mapped[dict[str, Any]]
    read_until: Mapped[dict[str, Any]]
    first_seen_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]


class CloudLoad(Base):
    """How busy something was in the hour that begins `at`, by one metric of METRICS."""

    __tablename__ = "cloud_load"

    resource_id: Mapped[str] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    average: Mapped[float]
    minimum: Mapped[float]
    maximum: Mapped[float]
    total: Mapped[float]
    samples: Mapped[float]


class FreeTier(Base):
    """What AWS told last of an account's plan, its credits and its free tier: one row an account."""

    __tablename__ = "free_tier"

    account: Mapped[str] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]
    said: Mapped[dict[str, Any]]
