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
from portal.plans.comparing import Change, Difference, Preview, sentence
from portal.plans.events import PlanChanged
from portal.plans.gateway import File, make_file, open_file
from portal.plans.places import CatalogueError
from portal.plans.queries import (
    SHIPPED,
    calendar,
    catalogue,
    catalogue_or_none,
    current,
    edition,
    held_by_payment,
    held_lines,
    holders,
    is_published,
    preview,
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
    "Change",
    "Difference",
    "Feature",
    "File",
    "Held",
    "Line",
    "Meter",
    "OneOff",
    "Overage",
    "Plan",
    "PlanChanged",
    "Preview",
    "Sla",
    "calendar",
    "catalogue",
    "catalogue_or_none",
    "current",
    "edition",
    "end",
    "grant",
    "held_by_payment",
    "held_lines",
    "hold",
    "holders",
    "is_published",
    "lapse",
    "make_file",
    "open_file",
    "preview",
    "promises",
    "read",
    "release",
    "sentence",
    "sync",
    "version",
]
