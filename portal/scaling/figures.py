"""Figures, as typed: what only the operator knows of how the platform runs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts
from portal.kit import ids
from portal.kit.errors import Invalid
from portal.scaling.models import Typed


@dataclass(frozen=True)
class Capacity:
    """What answers calls now: so many tasks, each carrying so many calls an hour at a price an hour in
    units of the currency; and what stands before them (a load balancer) a month."""

    tasks: int
    calls_an_hour: int
    hourly: float
    balancer_monthly: float = 0.0

    @property
    def monthly(self) -> float:
        """What it costs a month of 730 hours."""
        return self.tasks * self.hourly * 730 + self.balancer_monthly


@dataclass(frozen=True)
class Calls:
    """How long a call takes on average, in milliseconds, and the memory that it needs, in MB."""

    milliseconds: int
    memory_mb: int


@dataclass(frozen=True)
class Credits:
    """What was left of a provider's credits when it was typed, in units of the currency, and the day on which
    they end."""

    balance: float
    ends_on: str

    @property
    def ends(self) -> date:
        """The day."""
        return date.fromisoformat(self.ends_on)


@dataclass(frozen=True)
class Figures:
    """What was typed last of each, and when; None while nobody did."""

    capacity: Capacity | None = None
    calls: Calls | None = None
    credits: Credits | None = None
    typed_at: Mapping[str, datetime] = field(default_factory=dict)


NAMES: Mapping[str, type[Capacity] | type[Calls] | type[Credits]] = {
    "capacity": Capacity,
    "calls": Calls,
    "credits": Credits,
}
MOST: Mapping[str, float] = {
    "tasks": 10_000,
    "calls_an_hour": 10**9,
    "hourly": 10_000,
    "milliseconds": 900_000,
    "memory_mb": 10_240,
}
LEAST: Mapping[str, float] = {"milliseconds": 1, "memory_mb": 128, "tasks": 1, "calls_an_hour": 1}


def figures(session: Session) -> Figures:
    """What holds now."""
    rows = session.scalars(select(Typed).where(Typed.name.in_(NAMES)).order_by(Typed.typed_at)).all()
    told: dict[str, Any] = {row.name: NAMES[row.name](**row.figures) for row in rows}
    return Figures(**told, typed_at={row.name: row.typed_at for row in rows})


def type_figures(
    session: Session, typed: Capacity | Calls | Credits, *, actor: accounts.Actor, now: datetime
) -> None:
    """Note what was typed. Earlier rows stay; Invalid at its field when it cannot be."""
    told = asdict(typed)
    for part, value in told.items():
        least, most = LEAST.get(part, 0), MOST.get(part, 10**9)
        if not isinstance(value, str) and not least <= value <= most:
            raise Invalid(f"Give a number from {least:,.0f} to {most:,.0f}.", field=part)
    [name] = (name for name, kind in NAMES.items() if isinstance(typed, kind))
    session.add(Typed(id=ids.new("fig"), name=name, figures=told, typed_at=now, typed_by=actor.label))
    session.flush()
    accounts.record(session, actor, f"figures.{name}", now=now, data=told)
