"""Demand, as billed: by the hour, what usage would cost on demand, and what of it promises cover already."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from portal.costs.models import Bill, ChargeRow, DailyCharge

HOUR = timedelta(hours=1)
RUNS = "(hour|hrs|second)"
MACHINE = r"(?:db|cache)\.[a-z0-9-]+\.[a-z0-9]+"
USED, UNUSED = "Used", "Unused"


@dataclass(frozen=True)
class Billed:
    """Usage from `starts_at` on, an amount an hour, in units of the currency at on-demand prices.

    `covered` is the part of it that a commitment paid for.
    """

    starts_at: datetime
    hours: list[float]
    covered: list[float]

    @property
    def ends_at(self) -> datetime:
        """The end of the last hour."""
        return self.starts_at + len(self.hours) * HOUR


@dataclass(frozen=True)
class Saved:
    """What commitments saved against list prices, less what of them went unused, over whole days."""

    amount: Decimal
    days: int


@dataclass(frozen=True)
class Spent:
    """What services cost, in units of the currency, over whole days."""

    amount: Decimal
    days: int


def billed_demand(
    session: Session,
    services: Sequence[str],
    currency: str,
    since: datetime,
    *,
    like: str | None = None,
    unlike: str | None = None,
) -> Billed | None:
    """The usage by time of services whose names hold one of these words; None when no bill tells of any.

    `like` and `unlike` are regular expressions for what a row says of its machine. A row of several hours is
    spread over them evenly.
    """
    covered = ChargeRow.commitment_status == USED
    rows = session.execute(
        select(
            ChargeRow.begins_at,
            ChargeRow.ends_at,
            func.sum(_on_demand()),
            func.coalesce(func.sum(_on_demand()).filter(covered), 0),
        )
        .join(Bill, Bill.id == ChargeRow.bill_id)
        .where(Bill.replaced_at.is_(None), ChargeRow.currency == currency, ChargeRow.begins_at >= since)
        .where(_of(services), *_told(like, unlike), ChargeRow.category == "Usage", _runs())
        .where(or_(covered, _uncommitted()))
        .group_by(ChargeRow.begins_at, ChargeRow.ends_at)
    ).all()
    if not rows:
        return None
    found: dict[datetime, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for begins_at, ends_at, all_of_it, part in rows:
        begins_at = begins_at.replace(minute=0, second=0, microsecond=0)
        count = min(max(1, round((ends_at - begins_at) / HOUR)), 24 * 31) if ends_at else 1
        for number in range(count):
            hour = found[begins_at + number * HOUR]
            hour[0] += float(all_of_it) / count
            hour[1] += float(part) / count
    first, last = min(found), max(found)
    span = [found.get(first + number * HOUR, [0.0, 0.0]) for number in range(int((last - first) / HOUR) + 1)]
    return Billed(first, [hour[0] for hour in span], [hour[1] for hour in span])


def machines(
    session: Session,
    services: Sequence[str],
    currency: str,
    since: datetime,
    *,
    like: str | None = None,
    unlike: str | None = None,
) -> list[str]:
    """The types of machines that rows of these services name, such as `db.t4g.micro`, the dearest first.

    For `like` and `unlike` see billed_demand.
    """
    named = func.substring(_said(), MACHINE)
    return list(
        session.scalars(
            select(named)
            .join(Bill, Bill.id == ChargeRow.bill_id)
            .where(Bill.replaced_at.is_(None), ChargeRow.currency == currency, ChargeRow.begins_at >= since)
            .where(_of(services), *_told(like, unlike), ChargeRow.category == "Usage", named.is_not(None))
            .group_by(named)
            .order_by(func.sum(_on_demand()).desc(), named)
        )
    )


def saved(
    session: Session,
    services: Sequence[str],
    currency: str,
    since: datetime,
    *,
    like: str | None = None,
    unlike: str | None = None,
) -> Saved:
    """What commitments of these services saved since a moment, from the rows that they cover or left over.

    For `like` and `unlike` see billed_demand; what is left over is told apart by nothing but its service.
    """
    meant = or_(and_(*_told(like, unlike)), ChargeRow.commitment_status == UNUSED)
    less = func.coalesce(func.sum(_on_demand() - ChargeRow.effective_cost).filter(_status(USED)), 0)
    lost = func.coalesce(func.sum(ChargeRow.effective_cost).filter(_status(UNUSED)), 0)
    amount, first, last = session.execute(
        select(less - lost, func.min(ChargeRow.begins_at), func.max(ChargeRow.begins_at))
        .join(Bill, Bill.id == ChargeRow.bill_id)
        .where(Bill.replaced_at.is_(None), ChargeRow.currency == currency, ChargeRow.begins_at >= since)
        .where(_of(services), meant, ChargeRow.category == "Usage")
    ).one()
    return Saved(Decimal(amount), (last.date() - first.date()).days + 1 if first else 0)


def credited(session: Session, currency: str, since: datetime) -> Saved:
    """What credits took off the bills since a moment, over the days that bills tell of."""
    amount, first, last = session.execute(
        select(
            func.coalesce(func.sum(-DailyCharge.billed).filter(DailyCharge.category == "Credit"), 0),
            func.min(DailyCharge.day),
            func.max(DailyCharge.day),
        )
        .join(Bill, Bill.id == DailyCharge.bill_id)
        .where(Bill.replaced_at.is_(None), DailyCharge.currency == currency, DailyCharge.day >= since)
    ).one()
    return Saved(Decimal(amount), (last - first).days + 1 if first else 0)


def spent(
    session: Session,
    services: Sequence[str],
    currency: str,
    since: datetime,
    until: datetime,
    resources: Sequence[str] = (),
) -> Spent:
    """What usage of services truly cost in `[since, until)`, over the days that bills tell of there.

    Services are those whose names hold one of these words; with `resources`, only those count.
    """
    meant = _of(services)
    if resources:
        meant = and_(meant, ChargeRow.resource_id.in_(resources))
    amount, first, last = session.execute(
        select(
            func.coalesce(func.sum(ChargeRow.effective_cost).filter(meant), 0),
            func.min(ChargeRow.begins_at),
            func.max(ChargeRow.begins_at),
        )
        .join(Bill, Bill.id == ChargeRow.bill_id)
        .where(Bill.replaced_at.is_(None), ChargeRow.currency == currency, ChargeRow.category == "Usage")
        .where(ChargeRow.begins_at >= since, ChargeRow.begins_at < until)
    ).one()
    return Spent(Decimal(amount), (last.date() - first.date()).days + 1 if first else 0)


def _on_demand() -> ColumnElement[Any]:
    """What a row would cost without a commitment."""
    contracted, listed = func.nullif(ChargeRow.contracted_cost, 0), func.nullif(ChargeRow.list_cost, 0)
    return func.coalesce(contracted, listed, ChargeRow.effective_cost)


def _of(services: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(ChargeRow.service.ilike(f"%{word}%") for word in services))


def _told(like: str | None, unlike: str | None) -> list[ColumnElement[bool]]:
    """Whether what a row says of its machine, in its description or its SKU, is meant."""
    said = _said()
    wanted = [said.regexp_match(like, "i")] if like else []
    return [*wanted, *([~said.regexp_match(unlike, "i")] if unlike else [])] or [true()]


def _said() -> ColumnElement[str]:
    return func.concat_ws(" ", ChargeRow.description, ChargeRow.sku_id)


def _runs() -> ColumnElement[bool]:
    """Whether a row is paid by time: storage, requests and traffic cannot be committed."""
    return func.coalesce(ChargeRow.pricing_unit, ChargeRow.consumed_unit, "").regexp_match(RUNS, "i")


def _uncommitted() -> ColumnElement[bool]:
    standard = or_(ChargeRow.pricing_category.is_(None), ChargeRow.pricing_category == "Standard")
    return and_(ChargeRow.commitment_status.is_(None), standard)


def _status(status: str) -> ColumnElement[bool]:
    return ChargeRow.commitment_status == status
