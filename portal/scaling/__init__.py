"""Scaling: capacity to promise, to make cheaper or to switch off, with the evidence for it."""

from portal.scaling.actions import accept, apply, dismiss, revert, snooze, suggest
from portal.scaling.advising import Advice, advise
from portal.scaling.backtesting import LEAST_WEEKS, POLICIES, Outcome, Summary, Tried, backtest, summarise
from portal.scaling.cases import (
    Alternative,
    Asked,
    BreakEven,
    Case,
    Evidence,
    Found,
    Saving,
    Step,
    Worst,
)
from portal.scaling.figures import Calls, Capacity, Credits, Figures, figures, type_figures
from portal.scaling.kinds import KINDS, Kind
from portal.scaling.living import STATES
from portal.scaling.models import SpotFallback, Suggestion
from portal.scaling.picture import Picture, picture
from portal.scaling.pools import POOLS
from portal.scaling.queries import Shown, open_count, suggestion, suggestions, to_decide_first
from portal.scaling.rates import Asks, Rate, rates
from portal.scaling.rates import note as note_rates
from portal.scaling.rates import refresh as refresh_rates
from portal.scaling.rates import shipped as shipped_rates
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
from portal.scaling.steering import Ecs, fallbacks, pair_name, steer

__all__ = [
    "KINDS",
    "LEAST_WEEKS",
    "LOOK_BACK_DAYS",
    "POLICIES",
    "POOLS",
    "STATES",
    "TERM_MONTHS",
    "Advice",
    "Agreement",
    "Alternative",
    "Asked",
    "Asks",
    "BreakEven",
    "Calls",
    "Capacity",
    "Case",
    "Credits",
    "Demand",
    "Ecs",
    "Evidence",
    "Figures",
    "Found",
    "Hours",
    "Kind",
    "Outcome",
    "Picture",
    "Rate",
    "Saving",
    "Shown",
    "SpotFallback",
    "Step",
    "Suggestion",
    "Summary",
    "Tried",
    "Worst",
    "accept",
    "advise",
    "agree",
    "apply",
    "backtest",
    "break_even",
    "dismiss",
    "fallbacks",
    "figures",
    "note_rates",
    "open_count",
    "pair_name",
    "picture",
    "rates",
    "read_demand",
    "refresh_rates",
    "revert",
    "shipped_rates",
    "snooze",
    "steer",
    "suggest",
    "suggestion",
    "suggestions",
    "summarise",
    "survival",
    "to_decide_first",
    "to_promise",
    "type_figures",
    "worthwhile",
]
