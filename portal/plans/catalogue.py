"""Plans, as values: what is on offer, and what an account holds of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from portal.kit.errors import Missing
from portal.kit.hours import Calendar
from portal.kit.money import Money

FREE, PAID, CUSTOM = "free", "paid", "custom"
AUTOMATIC, REQUEST = "automatic", "request"
MINUTES_AT_MOST = 86_400  # that support may promise: sixty days around the clock


@dataclass(frozen=True)
class Meter:
    """Something that is counted: its slug, what people call it, its unit, and how it adds up."""

    slug: str
    name: str
    unit: str
    aggregation: str = "sum"


@dataclass(frozen=True)
class Feature:
    """A flag that a plan may carry and that verdicts repeat."""

    slug: str
    name: str


@dataclass(frozen=True)
class Line:
    """A line of plans; an account holds at most one plan of each."""

    slug: str
    name: str
    text: str = ""


@dataclass(frozen=True)
class OneOff:
    """Work sold once, by quote, between two amounts."""

    slug: str
    name: str
    text: str
    low: Money
    high: Money


@dataclass(frozen=True)
class Overage:
    """What use beyond the included units costs: `price` for each started block of `per` units."""

    price: Money
    per: int


@dataclass(frozen=True)
class Sla:
    """What support promises, in minutes of a calendar's working time; None where it promises nothing."""

    calendar: str
    first_response_minutes: int | None = None
    next_response_minutes: int | None = None
    resolution_minutes: int | None = None


@dataclass(frozen=True)
class Plan:
    """One version of a plan; it never changes. Rate is calls per second; prices are None when not on sale.

    `grace_days` is for how long it holds while an invoice is unpaid; None: as everywhere.
    """

    slug: str
    line: str
    name: str
    tier: str
    version: int = 0
    text: str = ""
    points: tuple[str, ...] = ()
    month: Money | None = None
    year: Money | None = None
    fulfilment: str = AUTOMATIC
    grace_days: int | None = None
    rate: int = 0
    burst: int = 0
    keys: int = 0
    included: Mapping[str, int] = field(default_factory=dict)
    test_included: Mapping[str, int] = field(default_factory=dict)
    overage: Mapping[str, Overage] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    sla: Sla | None = None

    def as_json(self) -> dict[str, Any]:
        """The plan as plain JSON, for its immutable row."""
        return asdict(self)

    def same_as(self, other: "Plan") -> bool:
        """Whether the two say the same, whatever their versions."""
        return replace(self, version=0) == replace(other, version=0)


@dataclass(frozen=True)
class Catalogue:
    """All that is on offer at one time."""

    currency: str
    lines: tuple[Line, ...]
    meters: tuple[Meter, ...]
    features: tuple[Feature, ...]
    plans: tuple[Plan, ...]
    one_offs: tuple[OneOff, ...] = ()
    calendars: tuple[Calendar, ...] = ()

    def plan(self, slug: str) -> Plan:
        """The plan called `slug`; Missing when it is not on offer."""
        for plan in self.plans:
            if plan.slug == slug:
                return plan
        raise Missing(f"There is no plan called {slug}.")

    def of(self, line: str) -> tuple[Plan, ...]:
        """The plans of one line, in the order of the file: free first."""
        return tuple(plan for plan in self.plans if plan.line == line)

    def free(self, line: str) -> Plan:
        """The plan of a line that costs nothing, held by whoever holds no other."""
        return next(plan for plan in self.of(line) if plan.tier == FREE)

    def line(self, slug: str) -> Line:
        """The line called `slug`; Missing when there is none."""
        for line in self.lines:
            if line.slug == slug:
                return line
        raise Missing(f"There is no line called {slug}.")

    def meter(self, slug: str) -> Meter | None:
        """The meter called `slug`, or None."""
        return next((meter for meter in self.meters if meter.slug == slug), None)

    def calendar(self, slug: str) -> Calendar | None:
        """The calendar called `slug`, or None."""
        return next((calendar for calendar in self.calendars if calendar.slug == slug), None)


@dataclass(frozen=True)
class Held:
    """What an account holds in one line: its plan with the overrides of its contract applied.

    `source`, `since` and `anchor_at` are None on the free plan. Paid months count from `anchor_at`.
    From `ends_at` on, if set, the account is on the free plan. `price` is per month.
    """

    account_id: str
    line: str
    plan: str
    version: int
    name: str
    tier: str
    source: str | None
    since: datetime | None
    anchor_at: datetime | None
    ends_at: datetime | None
    rate: int
    burst: int
    keys: int
    included: Mapping[str, int]
    test_included: Mapping[str, int]
    overage: Mapping[str, Overage]
    features: tuple[str, ...]
    price: Money | None
    sla: Sla | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def paid(self) -> bool:
        """Whether it is any plan but the free one, however it came about."""
        return self.tier != FREE

    def ceilings(self, meter: str) -> tuple[int, int]:
        """Units of `meter` that a billing month includes: with live keys, and with test keys."""
        return self.included.get(meter, 0), self.test_included.get(meter, 0)
