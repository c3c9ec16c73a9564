"""Scaling: capacity to promise, to make cheaper or to switch off, with the evidence for it."""

from portal.scaling.backtesting import LEAST_WEEKS, POLICIES, Outcome, Summary, Tried, backtest, summarise
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
    "TERM_MONTHS",
    "Agreement",
    "Demand",
    "Hours",
    "Outcome",
    "Summary",
    "Tried",
    "agree",
    "backtest",
    "break_even",
    "read_demand",
    "summarise",
    "survival",
    "to_promise",
    "worthwhile",
]
