"""Metering: what was used, in which window, and how much is left."""

from portal.metering.actions import Taken, take_events
from portal.metering.book import book
from portal.metering.events import CreditGiven, QuotaReached, UsageTold
from portal.metering.giving import give as give_credit
from portal.metering.giving import of_month as credits_of
from portal.metering.loading import load, load_by_account, load_of, units
from portal.metering.models import Credit, QuotaNotice, UsageDay, UsageHour, UsageRow, UsageTotal, Window
from portal.metering.observing import Noted, Spared, Worth, spared
from portal.metering.opening import open_gate
from portal.metering.reconciling import Balance as Reconciled
from portal.metering.reconciling import reconcile
from portal.metering.reports import (
    Balance,
    Forecast,
    Line,
    Report,
    Tally,
    balances,
    lines,
    meters,
    months,
    report,
)
from portal.metering.rules import Event
from portal.metering.settling import Settlements, settle
from portal.metering.windows import Open, close_windows, open_windows
from portal.metering.windows import Span as Month

__all__ = [
    "Balance",
    "Credit",
    "CreditGiven",
    "Event",
    "Forecast",
    "Line",
    "Month",
    "Noted",
    "Open",
    "QuotaNotice",
    "QuotaReached",
    "Reconciled",
    "Report",
    "Settlements",
    "Spared",
    "Taken",
    "Tally",
    "UsageDay",
    "UsageHour",
    "UsageRow",
    "UsageTold",
    "UsageTotal",
    "Window",
    "Worth",
    "balances",
    "book",
    "close_windows",
    "credits_of",
    "give_credit",
    "lines",
    "load",
    "load_by_account",
    "load_of",
    "meters",
    "months",
    "open_gate",
    "open_windows",
    "reconcile",
    "report",
    "settle",
    "spared",
    "take_events",
    "units",
]
