"""Plans: what is on offer, and what an account holds of it."""

from portal.plans.actions import end, grant, hold, lapse, release, sync
from portal.plans.catalogue import (
    CUSTOM,
    FREE,
    PAID,
    REQUEST,
    Catalogue,
    Feature,
    Held,
    Line,
    Meter,
    OneOff,
    Overage,
    Plan,
    Sla,
)
from portal.plans.events import PlanChanged
from portal.plans.places import CatalogueError
from portal.plans.queries import (
    SHIPPED,
    calendar,
    catalogue,
    catalogue_or_none,
    current,
    held_by_payment,
    held_lines,
    version,
)
from portal.plans.reading import read
from portal.plans.words import promises

__all__ = [
    "CUSTOM",
    "FREE",
    "PAID",
    "REQUEST",
    "SHIPPED",
    "Catalogue",
    "CatalogueError",
    "Feature",
    "Held",
    "Line",
    "Meter",
    "OneOff",
    "Overage",
    "Plan",
    "PlanChanged",
    "Sla",
    "calendar",
    "catalogue",
    "catalogue_or_none",
    "current",
    "end",
    "grant",
    "held_by_payment",
    "held_lines",
    "hold",
    "lapse",
    "promises",
    "read",
    "release",
    "sync",
    "version",
]
