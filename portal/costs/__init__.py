"""Costs: what the platform costs, month by month and service by service."""

from portal.costs.actions import add, change, end
from portal.costs.models import TypedCost
from portal.costs.queries import month, months, typed
from portal.costs.rules import BANDS, Band, Charge, Month, ServiceCost, band, state_of

__all__ = [
    "BANDS",
    "Band",
    "Charge",
    "Month",
    "ServiceCost",
    "TypedCost",
    "add",
    "band",
    "change",
    "end",
    "month",
    "months",
    "state_of",
    "typed",
]
