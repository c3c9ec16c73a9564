"""upkeep-sdk: what a protected Python API asks of Upkeep."""

from upkeep_sdk.client import Client
from upkeep_sdk.errors import (
    BadCall,
    Ended,
    Forbidden,
    KeyRefused,
    Misconfigured,
    QuotaExceeded,
    RateLimited,
    Refused,
    Unavailable,
    UpkeepError,
)
from upkeep_sdk.headers import limits
from upkeep_sdk.reservations import Reservation
from upkeep_sdk.verdicts import Quota, Rate, Verdict

__all__ = [
    "BadCall",
    "Client",
    "Ended",
    "Forbidden",
    "KeyRefused",
    "Misconfigured",
    "Quota",
    "QuotaExceeded",
    "Rate",
    "RateLimited",
    "Refused",
    "Reservation",
    "Unavailable",
    "UpkeepError",
    "Verdict",
    "limits",
]
