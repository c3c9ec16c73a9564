"""Metering: what was used, in which window, and how much is left."""

from portal.metering.book import book
from portal.metering.events import QuotaReached, UsageTold
from portal.metering.models import QuotaNotice, UsageDay, UsageHour, UsageRow, UsageTotal, Window
from portal.metering.opening import open_gate
from portal.metering.settling import Settlements, settle
from portal.metering.windows import Open, Span, close_windows, open_windows, window, windows

__all__ = [
    "Open",
    "QuotaNotice",
    "QuotaReached",
    "Settlements",
    "Span",
    "UsageDay",
    "UsageHour",
    "UsageRow",
    "UsageTold",
    "UsageTotal",
    "Window",
    "book",
    "close_windows",
    "open_gate",
    "open_windows",
    "settle",
    "window",
    "windows",
]
