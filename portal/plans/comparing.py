"""Comparing: what publishing a file would change of what is on offer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from portal.kit.hours import Calendar
from portal.kit.money import Money
from portal.plans import words
from portal.plans.catalogue import CUSTOM, Catalogue, Overage, Plan, Sla

NEW, CHANGED, KEPT, WITHDRAWN = "new", "changed", "kept", "withdrawn"
NAMES = {
    "month": "Price a month",
    "year": "Price a year",
    "rate": "Calls a second",
    "burst": "Calls at once",
    "included": "Included",
    "test_included": "Included with test keys",
    "sla": "Answer times",
}
SILENT = ("slug", "version")
NOTHING = "none"


@dataclass(frozen=True)
class Difference:
    """What one thing is now, and what it would be."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """What would become of one plan; `plan` carries the version that it would have."""

    verb: str
    plan: Plan
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What would become of each plan, and of what stands beside them (lines, meters, one-offs)."""

    changes: tuple[Change, ...]
    beside: tuple[Difference, ...]

    @property
    def nothing(self) -> bool:
        """Whether publishing would change nothing."""
        return not self.beside and all(change.verb == KEPT for change in self.changes)


def sentence(plan: Plan) -> str:
    """A plan in one line: `api-pro: API Pro, $19 a month`."""
    price = f"{plan.month} a month" if plan.month else "by contract" if plan.tier == CUSTOM else "free"
    return f"{plan.slug}: {plan.name}, {price}"


def compare(standing: Catalogue | None, offered: Catalogue, numbered: Sequence[Plan]) -> Preview:
    """What publishing `offered` would change; `numbered` are its plans with the versions they would have."""
    before = {plan.slug: plan for plan in standing.plans} if standing else {}
    changes = [_change(before.get(plan.slug), plan) for plan in numbered]
    offered_slugs = {plan.slug for plan in numbered}
    changes += [Change(WITHDRAWN, plan) for slug, plan in before.items() if slug not in offered_slugs]
    return Preview(tuple(changes), tuple(_beside(standing, offered)) if standing else ())


def _change(before: Plan | None, plan: Plan) -> Change:
    if before is None:
        return Change(NEW, plan)
    if before.same_as(plan):
        return Change(KEPT, plan)
    found = [
        difference
        for field in fields(Plan)
        if field.name not in SILENT
        for difference in _differences(
            NAMES.get(field.name, _words(field.name)), getattr(before, field.name), getattr(plan, field.name)
        )
    ]
    return Change(CHANGED, plan, tuple(found))


def _beside(standing: Catalogue, offered: Catalogue) -> Iterator[Difference]:
    for field in fields(Catalogue):
        if field.name == "plans":
            continue
        old, new = _by_slug(getattr(standing, field.name)), _by_slug(getattr(offered, field.name))
        yield from _differences(_words(field.name), old, new)


def _by_slug(value: Any) -> Any:
    """A list of named things as a table of them, so that each is compared with itself."""
    if isinstance(value, tuple) and value and all(hasattr(item, "slug") for item in value):
        return {item.slug: item for item in value}
    return value or {} if isinstance(value, tuple) else value


def _differences(name: str, old: Any, new: Any) -> Iterator[Difference]:
    """Each thing that differs, a table by its entries."""
    old, new = _parts(old), _parts(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(f"{name}, {key}", old.get(key), new.get(key))
    elif old != new:
        yield Difference(name, _shown(old), _shown(new))


def _parts(value: Any) -> Any:
    """A value of several parts as a table of them; a price stays one."""
    if isinstance(value, Calendar):
        days = {"off": value.off, "worked": value.working}
        return {"name": value.name, "hours": words.hours(value), "holidays": value.holidays, **days}
    if isinstance(value, Sla):
        return {field.replace("_", " "): part for field, part in vars(value).items()}
    return value


def _shown(value: Any) -> str:
    """A value as people read it."""
    if value is None or value == () or value == "":
        return NOTHING
    if isinstance(value, Overage):
        return f"{value.price} for each {value.per:,}"
    if isinstance(value, Money):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _shown({key: part for key, part in asdict(value).items() if key != "slug"})
    if isinstance(value, Mapping):
        return "; ".join(f"{_words(str(key)).lower()}: {_shown(part)}" for key, part in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(_shown(part) for part in value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
