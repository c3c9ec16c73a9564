"""Sustainability: whether what comes in carries what the platform costs, and how long the cash lasts."""

from portal.sustainability.actions import count_cash
from portal.sustainability.advice import Odds, odds, suggest, type_hazard
from portal.sustainability.economics import Economics, Margin, economics
from portal.sustainability.models import Cash, Hazard
from portal.sustainability.queries import MONTHS, Standing, cash, counted, months, standing
from portal.sustainability.rules import Month, Runway, is_stale, runway

__all__ = [
    "MONTHS",
    "Cash",
    "Economics",
    "Hazard",
    "Margin",
    "Month",
    "Odds",
    "Runway",
    "Standing",
    "cash",
    "count_cash",
    "counted",
    "economics",
    "is_stale",
    "months",
    "odds",
    "runway",
    "standing",
    "suggest",
    "type_hazard",
]
