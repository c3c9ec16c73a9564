"""Observing: who would have been refused, had the gate not merely looked on, and what that is worth."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import plans
from portal.kit.db import among
from portal.kit.money import Money
from portal.metering import giving, rules
from portal.metering.models import UsageTotal
from portal.plans import Held, Plan

LINE = "api"
BY_QUOTA = frozenset(("QUOTA_EXCEEDED", "SPEND_CAP"))
BY_RATE = "RATE_LIMITED"

_NOTED = text("""
    SELECT usage_hour.account_id, usage_hour.window_id, usage_window.kind, usage_window.ends_at,
           substr(meter, :prefix + 1) AS code, CAST(sum(calls) AS bigint) AS calls,
           min(hour) AS first_at, max(hour) AS last_at, array_agg(DISTINCT key_id) AS keys
    FROM usage_hour JOIN usage_window ON usage_window.id = usage_hour.window_id
    WHERE usage_window.ends_at > :since AND usage_window.starts_at <= :now
      AND meter LIKE :observed AND hour >= :since
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 5
""")


@dataclass(frozen=True)
class Noted:
    """The calls of one account that would have been refused with one code, with how many of its keys.

    Both moments are the beginnings of hours.
    """

    code: str
    calls: int
    first_at: datetime
    last_at: datetime
    keys: int


@dataclass(frozen=True)
class Worth:
    """What would have let the calls of a billing month pass, at today's price; no price: by contract."""

    amount: Money | None
    plan: str
    beyond: int = 0


@dataclass(frozen=True)
class Spared:
    """An account that would have been refused. `over_now` when its present billing month is used up."""

    account_id: str
    held: Held
    noted: tuple[Noted, ...]
    worth: tuple[Worth, ...]
    over_now: bool

    @property
    def calls(self) -> int:
        """How many calls would have been refused."""
        return sum(one.calls for one in self.noted)


@dataclass(frozen=True)
class _Part:
    """What was noted in one billing month with one code."""

    account_id: str
    window_id: int
    kind: str
    ends_at: datetime
    code: str
    calls: int
    first_at: datetime
    last_at: datetime
    keys: list[str]


def spared(session: Session, *, since: datetime, now: datetime) -> list[Spared]:
    """Who would have been refused since then, the most calls first. The ledger's last minute may lack."""
    values = {"since": since, "now": now, "observed": f"{rules.OBSERVED}%", "prefix": len(rules.OBSERVED)}
    parts = [_Part(*row) for row in session.execute(_NOTED, values)]
    if not parts:
        return []
    used = _used(session, {part.window_id for part in parts})
    given = giving.given(session, used)
    offered = plans.catalogue(session).of(LINE)
    grouped: dict[str, list[_Part]] = defaultdict(list)
    for part in parts:
        grouped[part.account_id].append(part)
    found = []
    for account_id, mine in grouped.items():
        held = plans.current(session, account_id, line=LINE, now=now)
        worths = [_worth(held, window, used, offered) for window in _windows(mine)]
        over_now = any(
            units >= held.ceilings(meter)[0] + given.get((part.window_id, meter), 0)
            for part in mine
            if part.kind != "test" and part.ends_at > now
            for meter, units in used[part.window_id].items()
        )
        found.append(
            Spared(account_id, held, tuple(_noted(mine)), tuple(one for one in worths if one), over_now)
        )
    return sorted(found, key=lambda one: (-one.calls, one.account_id))


def worth(
    held: Held, used: Mapping[str, int], *, by_quota: bool, by_rate: bool, offered: Sequence[Plan]
) -> Worth | None:
    """What would have let a billing month's calls pass: the dearer use of the plan held, else the next plan.

    The next plan is the cheapest on offer, dearer than the one held, that includes what was used (or has
    a price for what lies beyond) and, when calls came too fast, allows more of them a second. Worth is
    what it costs more a month. None when nothing would have had to change.
    """
    over = {meter: units - held.ceilings(meter)[0] for meter, units in used.items()} if by_quota else {}
    over = {meter: units for meter, units in over.items() if units > 0}
    if not over and not by_rate:
        return None
    if not by_rate and all(meter in held.overage for meter in over):
        currency = next(price.price.currency for price in held.overage.values())
        return Worth(Money(_cents(held.overage, over), currency), held.name, sum(over.values()))
    paying, found = held.price.amount if held.price else 0, []
    for plan in offered:
        if plan.month is None or plan.month.amount <= paying or (by_rate and plan.rate <= held.rate):
            continue
        beyond = {meter: used[meter] - plan.included.get(meter, 0) for meter in over}
        beyond = {meter: units for meter, units in beyond.items() if units > 0}
        if all(meter in plan.overage for meter in beyond):
            cents = plan.month.amount - paying + _cents(plan.overage, beyond)
            found.append((cents, Worth(Money(cents, plan.month.currency), plan.name, sum(beyond.values()))))
    return min(found, key=lambda one: one[0])[1] if found else Worth(None, "")


def _cents(prices: Mapping[str, plans.Overage], beyond: Mapping[str, int]) -> int:
    """Units beyond what is included, by started blocks, in minor units."""
    return sum(-(-units // prices[meter].per) * prices[meter].price.amount for meter, units in beyond.items())


def _worth(
    held: Held, parts: Sequence[_Part], used: Mapping[int, Mapping[str, int]], offered: Sequence[Plan]
) -> Worth | None:
    if parts[0].kind == "test":
        return None  # test keys are never billed
    codes = {part.code for part in parts}
    month = used[parts[0].window_id]
    return worth(held, month, by_quota=bool(codes & BY_QUOTA), by_rate=BY_RATE in codes, offered=offered)


def _windows(parts: Iterable[_Part]) -> list[list[_Part]]:
    found: dict[int, list[_Part]] = defaultdict(list)
    for part in parts:
        found[part.window_id].append(part)
    return list(found.values())


def _noted(parts: Iterable[_Part]) -> list[Noted]:
    found: dict[str, list[_Part]] = defaultdict(list)
    for part in parts:
        found[part.code].append(part)
    noted = [
        Noted(
            code,
            sum(part.calls for part in mine),
            min(part.first_at for part in mine),
            max(part.last_at for part in mine),
            len({key for part in mine for key in part.keys}),
        )
        for code, mine in found.items()
    ]
    return sorted(noted, key=lambda one: (-one.calls, one.code))


def _used(session: Session, windows: set[int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {window: {} for window in windows}
    rows = select(UsageTotal.window_id, UsageTotal.meter, UsageTotal.units)
    for window, meter, units in session.execute(rows.where(among(UsageTotal.window_id, windows))):
        if rules.is_counted(meter):
            found[window][meter] = units
    return found
