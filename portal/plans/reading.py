"""Plans, as read from the operator's file: a broken one is refused with the line and the reason."""

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from portal.kit.money import MINOR_DIGITS, Money
from portal.plans import promising
from portal.plans.catalogue import (
    AUTOMATIC,
    CUSTOM,
    FREE,
    PAID,
    REQUEST,
    Catalogue,
    Feature,
    Line,
    Meter,
    OneOff,
    Overage,
    Plan,
)
from portal.plans.places import CatalogueError, Place, Places

LINES = ("api", "hosting", "support")
CALLS = "calls"
AGGREGATIONS = ("sum",)
UNITS, CENTS = 10**15, 10**9


def read(text: str) -> Catalogue:
    """The catalogue that a file's text describes; its plans have no versions yet.

    CatalogueError names the line and the reason when the text is not TOML or does not make sense.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise CatalogueError(*_syntax(str(problem), text)) from None
    top = Place(Places(text), (), data, "the catalogue")
    currency = top.choice("currency", tuple(MINOR_DIGITS), "usd")
    meters = tuple(_meter(item) for item in top.tables("meters"))
    if CALLS not in {meter.slug for meter in meters}:
        top.refuse(f"the meter {CALLS} is missing: every call is counted on it", "meters")
    features = tuple(_feature(item) for item in top.tables("features"))
    lines = tuple(_line(item) for item in top.tables("lines"))
    if [line.slug for line in lines if line.slug not in LINES] or len(lines) != len(LINES):
        top.refuse(f"the lines must be {', '.join(LINES)}", "lines")
    calendars = tuple(promising.calendar(item) for item in top.tables("calendars"))
    reader = _Reader(
        currency,
        [meter.slug for meter in meters],
        [feature.slug for feature in features],
        [calendar.slug for calendar in calendars],
    )
    places = top.array("plans")
    plans = tuple(reader.plan(item) for item in places)
    _unique(places)
    for line in lines:
        free = [
            place
            for place, plan in zip(places, plans, strict=True)
            if (plan.line, plan.tier) == (line.slug, FREE)
        ]
        if not free:
            top.refuse(
                f"the line {line.slug} has no free plan: one without price_month and custom",
                f"lines.{line.slug}",
            )
        if len(free) > 1:
            free[1].refuse(
                f"the line {line.slug} has a second free plan: give this one a price, or custom = true"
            )
    one_off_places = top.array("one_off", required=False)
    one_offs = tuple(reader.one_off(item) for item in one_off_places)
    _unique(one_off_places)
    top.done()
    ordered = tuple(plan for line in lines for tier in (FREE, PAID, CUSTOM) for plan in plans
                    if (plan.line, plan.tier) == (line.slug, tier))  # fmt: skip
    return Catalogue(currency, lines, meters, features, ordered, one_offs, calendars)


class _Reader:
    """Reads what needs to know the currency, the meters, the features and the calendars of the file."""

    def __init__(
        self, currency: str, meters: Sequence[str], features: Sequence[str], calendars: Sequence[str]
    ) -> None:
        self.currency, self.meters, self.features = currency, meters, features
        self.calendars = calendars

    def plan(self, at: Place) -> Plan:
        slug = at.slug("slug")
        at.name = f"the plan {slug}"
        line = at.choice("line", LINES)
        month, year = self.money(at, "price_month"), self.money(at, "price_year")
        custom = at.flag("custom")
        if custom and (month or year):
            at.refuse("has a price and custom = true: it can be one of both", "custom")
        if year and not month:
            at.refuse("has a yearly price but no price_month", "price_year")
        counted = line == "api"
        plan = Plan(
            slug=slug,
            line=line,
            name=at.text("name", 60),
            tier=CUSTOM if custom else PAID if month else FREE,
            text=at.text("text", 300, ""),
            points=at.texts("points", 200),
            month=month,
            year=year,
            fulfilment=at.choice("fulfilment", (AUTOMATIC, REQUEST), AUTOMATIC),
            grace_days=at.number("grace_days", 0, 365) if at.has("grace_days") else None,
            rate=at.number("rate", 1, 1_000_000) if counted else 0,
            burst=at.number("burst", 1, 1_000_000) if counted else 0,
            keys=at.number("keys", 1, 100_000) if counted else 0,
            included=self.units(at, "included") if counted else {},
            test_included=self.units(at, "test_included") if counted else {},
            overage=self.overage(at) if counted else {},
            features=at.texts("features", 62),
            sla=promising.sla(at.table("sla"), self.calendars)
            if line == "support" and at.has("sla")
            else None,
        )
        for feature in plan.features:
            if feature not in self.features:
                at.refuse(f"names the feature {feature}, which is not declared under [features]", "features")
        if plan.overage and plan.tier == FREE:
            at.refuse("is free and cannot have prices for overage", "overage")
        at.done()
        return plan

    def one_off(self, at: Place) -> OneOff:
        slug = at.slug("slug")
        at.name = f"the one-off {slug}"
        low, high = self.money(at, "price_from"), self.money(at, "price_to")
        if low is None or high is None or low.amount > high.amount:
            at.refuse("needs price_from and price_to, the second not below the first", "price_from")
        name, text = at.text("name", 60), at.text("text", 300, "")
        at.done()
        return OneOff(slug, name, text, low, high)

    def money(self, at: Place, key: str) -> Money | None:
        return Money(at.number(key, 1, CENTS), self.currency) if at.has(key) else None

    def units(self, at: Place, key: str) -> dict[str, int]:
        inner = at.table(key)
        return {meter: inner.number(meter, 0, UNITS) for meter in self._known(inner)}

    def overage(self, at: Place) -> dict[str, Overage]:
        found = {}
        inner = at.table("overage", required=False)
        for meter in self._known(inner):
            price = inner.table(meter)
            found[meter] = Overage(
                Money(price.number("price", 1, CENTS), self.currency), price.number("per", 1, UNITS)
            )
            price.done()
        return found

    def _known(self, inner: Place) -> list[str]:
        for meter in inner.data:
            if meter not in self.meters:
                inner.refuse(f"names the meter {meter}, which is not declared under [meters]", meter)
        return list(inner.data)


def _meter(at: Place) -> Meter:
    meter = Meter(
        at.own_slug(), at.text("name", 60), at.text("unit", 30), at.choice("aggregation", AGGREGATIONS, "sum")
    )
    at.done()
    return meter


def _feature(at: Place) -> Feature:
    feature = Feature(at.own_slug(), at.text("name", 100))
    at.done()
    return feature


def _line(at: Place) -> Line:
    line = Line(at.own_slug(), at.text("name", 60), at.text("text", 300, ""))
    at.done()
    return line


def _unique(places: Sequence[Place]) -> None:
    seen: set[Any] = set()
    for place in places:
        if place.data["slug"] in seen:
            place.refuse("has a slug that another one has already", "slug")
        seen.add(place.data["slug"])


def _syntax(problem: str, text: str) -> tuple[int, str]:
    """Tell tomllib's "reason (at line 3, column 5)" as a line and a reason."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", problem, re.DOTALL)
    if found is None:
        return 1, problem
    reason = found[1][:1].lower() + found[1][1:]
    return int(found[2] or len(text.splitlines()) or 1), f"this is not TOML: {reason}"
