"""Plans, as decided."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from portal.kit.errors import Conflict, Invalid
from portal.plans.catalogue import FREE, MINUTES_AT_MOST, Catalogue, Plan

Terms = tuple[str, int, Mapping[str, Any], datetime | None]  # plan, version, overrides, end

PAYMENT = "stripe"
MOST = 10**15
NUMBERS = {"rate": (1, 1_000_000), "burst": (1, 1_000_000), "keys": (1, 100_000)}
PER_METER = ("included", "test_included")
PROMISED = ("first_response_minutes", "next_response_minutes", "resolution_minutes")


def numbered(offered: Catalogue, standing: Catalogue | None, highest: Mapping[str, int]) -> list[Plan]:
    """The offered plans with their versions: unchanged ones as standing, others one above the highest."""
    before = {plan.slug: plan for plan in standing.plans} if standing else {}
    return [
        before[plan.slug]
        if plan.slug in before and plan.same_as(before[plan.slug])
        else _at(plan, highest.get(plan.slug, 0) + 1)
        for plan in offered.plans
    ]


def check_not_free(plan: Plan) -> None:
    """Refuse to grant the free plan: it is what an account holds when it holds nothing else."""
    if plan.tier == FREE:
        raise Invalid(
            f"{plan.name} is the free plan and needs no grant: end the {plan.line} subscription instead."
        )


def check_not_paid(source: str, line: str) -> None:
    """Refuse to touch a subscription that is paid for: its payments would go on."""
    if source == PAYMENT:
        raise Conflict(f"This account pays for its {line} plan by card. End that subscription first.")


def check_paid(source: str, line: str) -> None:
    """Refuse to let a payment take the place of a plan that is held without one."""
    if source != PAYMENT:
        raise Conflict(f"This account holds its {line} plan by agreement, not by payment.")


def check_not_held(plan: Plan, wanted: Terms, held: Terms) -> None:
    """Refuse to grant exactly what is held."""
    if wanted == held:
        raise Conflict(f"This account already holds {plan.name}.")


def check_end(ends_at: datetime | None, now: datetime) -> None:
    """Refuse an end that has passed."""
    if ends_at is not None and ends_at <= now:
        raise Invalid("The end must lie in the future.", field="ends_at")


def check_overrides(overrides: Mapping[str, Any], meters: Sequence[str]) -> None:
    """Refuse an override that names no limit of a plan, or is not a whole number in its range."""
    for name, value in overrides.items():
        if name in NUMBERS:
            _check_number(name, value, *NUMBERS[name])
        elif name in PROMISED:
            _check_number(name, value, 1, MINUTES_AT_MOST)
        elif name in PER_METER and isinstance(value, Mapping):
            for meter, units in value.items():
                if meter not in meters:
                    raise Invalid(f"There is no meter called {meter}.")
                _check_number(f"{name}.{meter}", units, 0, MOST)
        else:
            known = ", ".join([*NUMBERS, *(f"{part}.METER" for part in PER_METER), *PROMISED])
            raise Invalid(f"A contract cannot set {name}: it can set {known}.")


def overridden(plan: Plan, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `plan` that a contract changes; meters that it does not name stay as they are."""
    changed: dict[str, Any] = {name: overrides[name] for name in NUMBERS if name in overrides}
    for name in PER_METER:
        if name in overrides:
            changed[name] = {**getattr(plan, name), **overrides[name]}
    if plan.sla is not None:
        promised = {name: overrides[name] for name in PROMISED if name in overrides}
        changed["sla"] = replace(plan.sla, **promised)
    return changed


def _at(plan: Plan, version: int) -> Plan:
    return Plan(**{**vars(plan), "version": version})


def _check_number(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Invalid(f"{name} must be a whole number from {low:,} to {high:,}.")
