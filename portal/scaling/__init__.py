"""Scaling: capacity to promise, to make cheaper or to switch off, with the evidence for it."""

from portal.scaling.actions import accept, apply, dismiss, revert, snooze, suggest
from portal.scaling.advising import Advice, advise
from portal.scaling.backtesting import LEAST_WEEKS, POLICIES, Outcome, Summary, Tried, backtest, summarise
from portal.scaling.living import STATES
from portal.scaling.models import Suggestion
from portal.scaling.pools import POOLS, RATES_OF
from portal.scaling.queries import Shown, open_count, suggestion, suggestions
from portal.scaling.reading import Demand, read_demand
from portal.scaling.rules import (
    LOOK_BACK_DAYS,
    TERM_MONTHS,
    Agreement,
    Hours,
    agree,
    break_even,
    survival,
    to_promise,
    worthwhile,
)

__all__ = [
    "LEAST_WEEKS",
    "LOOK_BACK_DAYS",
    "POLICIES",
    "POOLS",
    "RATES_OF",
    "STATES",
    "TERM_MONTHS",
    "Advice",
    "Agreement",
    "Demand",
    "Hours",
    "Outcome",
    "Shown",
    "Suggestion",
    "Summary",
    "Tried",
    "accept",
    "advise",
    "agree",
    "apply",
    "backtest",
    "break_even",
    "dismiss",
    "open_count",
    "read_demand",
    "revert",
    "snooze",
    "suggest",
    "suggestion",
    "suggestions",
    "summarise",
    "survival",
    "to_promise",
    "worthwhile",
]
