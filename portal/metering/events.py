"""Metering, as told."""

from dataclasses import dataclass

from portal.kit.outbox import Fact


@dataclass(frozen=True)
class QuotaReached(Fact):
    """So many percent of what a window includes are used. Told once per window, meter and percentage.

    `environment` is live or test; `used` and `included` are units.
    """

    account_id: str
    window_id: int
    meter: str
    percent: int
    environment: str
    used: int
    included: int


@dataclass(frozen=True)
class UsageTold(Fact):
    """Usage measured elsewhere came into an account's ledger: the gate has to learn of it."""

    account_id: str


@dataclass(frozen=True)
class CreditGiven(Fact):
    """An account was given units for its present window: the gate has to learn of it."""

    account_id: str
