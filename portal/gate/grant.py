"""Grants and verdicts: the values that pass through the gate.

Moments are whole milliseconds since 1970 (`_ms`), rates are calls a second, addresses are 32
hexadecimal digits. What the gate is told (`Admission`) comes from the book; what it answers is a
`Verdict`. What is made for every call is a named tuple, because a frozen dataclass takes ten times as
long to make.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple

Environment = Literal["live", "test"]

CODES: Final = (
    "NOT_FOUND",
    "REVOKED",
    "EXPIRED",
    "SUSPENDED",
    "IP_DENIED",
    "INSUFFICIENT_SCOPE",
    "RATE_LIMITED",
    "QUOTA_EXCEEDED",
    "SPEND_CAP",
    "VALID",
)
"""Every code of a verdict, in the order in which they are decided."""

COST_MAX: Final = 1_000_000_000
ENDPOINT_MAX: Final = 100
ENDPOINTS_MAX: Final = 200
OTHER: Final = "(other)"
RESERVED_MS: Final = 15 * 60 * 1000
LEASE_MS: Final = 1_000
LEASE_MOST: Final = 10_000
LEASE_PART: Final = 16


class Unavailable(Exception):
    """The gate cannot know: Redis or the book is away, or too much is asked about unknown keys.

    `in_doubt` says that the question was sent and not answered, so that it may be counted all the same.
    """

    in_doubt = False


class Question(NamedTuple):
    """May this key pass? `cost` is what the call takes of `meter`; all but the key may be left out."""

    key: str
    cost: int = 1
    meter: str = "calls"
    scopes: tuple[str, ...] = ()
    endpoint: str = ""
    ip: str | None = None
    reserve: bool = False


class RateState(NamedTuple):
    """Where a rate stands after the answer: of the account's rate or the key's own, the tighter one."""

    limit: int
    burst: int
    remaining: int
    reset_ms: int
    retry_ms: int = 0


class QuotaState(NamedTuple):
    """Where a quota stands after the answer. `limit` is the ceiling; None means that there is none."""

    limit: int | None
    included: int
    used: int
    remaining: int | None
    overage: int
    resets_at: datetime


class Lease(NamedTuple):
    """A share that was taken with a verdict: so many units and calls, for so long from the asking on."""

    lease_id: str
    units: int
    ttl_ms: int


@dataclass(frozen=True)
class Use:
    """What became of a lease: units by endpoint, and how many calls when those are not the units."""

    lease_id: str
    used: int
    endpoints: Mapping[str, int] = field(default_factory=dict)
    calls: int | None = None


class Verdict(NamedTuple):
    """The gate's answer. Of an unknown key only `valid` and `code` are told.

    `observed` is the code that would have been given if the gate did not merely observe.
    """

    valid: bool
    code: str
    key_id: str | None = None
    account_id: str | None = None
    environment: str | None = None
    external_id: str | None = None
    plan: str | None = None
    plan_version: int | None = None
    features: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    ratelimit: RateState | None = None
    quota: QuotaState | None = None
    meter: str | None = None
    observed: str | None = None
    reservation_id: str | None = None
    lease: Lease | None = None


@dataclass(frozen=True)
class Settlement:
    """How a reservation ended: `code` is CONFIRMED or RELEASED, `cost` what it came to in the end."""

    reservation_id: str
    code: str
    cost: int
    reserved: int


@dataclass(frozen=True)
class Grant:
    """What the gate knows of one key.

    `expires_ms` is the earlier of expiry and retirement. `networks` are pairs (lowest, highest) of 32
    hexadecimal digits, IPv4 mapped into ::ffff:0:0/96; none means any address. Keys of one `lineage`
    (a key and what it was rotated into) share their own rate, when they have one.
    """

    digest: str
    key_id: str
    environment: Environment
    lineage: str
    revoked_ms: int | None = None
    expires_ms: int | None = None
    scopes: tuple[str, ...] = ()
    networks: tuple[tuple[str, str], ...] = ()
    rate: int | None = None
    burst: int | None = None
    external_id: str | None = None


@dataclass(frozen=True)
class Span:
    """A window as the gate knows it: its id and its half-open span."""

    id: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Allowance:
    """What may be used of one meter in a window: `beyond` is the code when `ceiling` does not hold more."""

    ceiling: int | None
    included: int
    beyond: Literal["QUOTA_EXCEEDED", "SPEND_CAP"] = "QUOTA_EXCEEDED"


@dataclass(frozen=True)
class Terms:
    """What holds in one environment: the present window, the one after it, and what each meter allows."""

    window: Span
    next: Span | None
    allowances: Mapping[str, Allowance]


@dataclass(frozen=True)
class AccountRecord:
    """What the gate knows of an account. At `until_ms` the book has to be asked again.

    `version` grows with every change in PostgreSQL that the gate must learn, in the order of commits.
    A rate of None is no rate.
    """

    id: str
    version: int
    plan: str
    plan_version: int
    terms: Mapping[Environment, Terms]
    features: tuple[str, ...] = ()
    rate: int | None = None
    burst: int | None = None
    suspended_ms: int | None = None
    observed_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True)
class Settled:
    """What the ledger holds, read in one snapshot.

    `totals` are units by (window, meter); `fences` the last settled minute of each generation.
    """

    totals: Mapping[tuple[int, str], int] = field(default_factory=dict)
    fences: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Admission:
    """The book's answer for a whole tag: the account, its keys, and what is settled already."""

    account: AccountRecord
    grants: tuple[Grant, ...]
    settled: Settled = field(default_factory=Settled)


Book = Callable[[str, Sequence[str]], Admission | None]
"""Asks PostgreSQL about a tag (and the digests in question); None when no account has that tag."""
