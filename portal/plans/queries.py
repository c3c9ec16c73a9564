"""Plans, as asked."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from portal import accounts
from portal.kit.errors import Missing
from portal.kit.hours import Calendar, calendar_from_json
from portal.kit.money import Money
from portal.plans import comparing, rules
from portal.plans.catalogue import (
    FREE,
    Catalogue,
    Feature,
    Held,
    Line,
    Meter,
    OneOff,
    Overage,
    Plan,
    Sla,
)
from portal.plans.models import Edition, PlanVersion, Subscription

SHIPPED = Path(__file__).with_name("catalogue.toml")

_HOLDERS = text("""
    WITH held AS (
        SELECT account_id, line, plan, version FROM subscription
        WHERE ended_at IS NULL AND (ends_at IS NULL OR ends_at > :now)
    ), free AS (
        SELECT account.id, line.line,
               greatest(account.created_at, max(coalesce(earlier.ended_at, earlier.ends_at))) AS came_at
        FROM account CROSS JOIN (SELECT DISTINCT line FROM plan_version) AS line
        LEFT JOIN subscription AS earlier
            ON earlier.account_id = account.id AND earlier.line = line.line
        WHERE account.closed_at IS NULL AND NOT EXISTS (
            SELECT FROM held WHERE held.account_id = account.id AND held.line = line.line)
        GROUP BY account.id, line.line
    )
    SELECT held.plan AS slug, held.version, count(*) FROM held
    JOIN account ON account.id = held.account_id AND account.closed_at IS NULL GROUP BY 1, 2
    UNION ALL
    SELECT found.slug, found.version, count(*) FROM free CROSS JOIN LATERAL (
        SELECT slug, version FROM plan_version
        WHERE plan_version.line = free.line AND tier = :free
        ORDER BY published_at <= came_at DESC,
                 CASE WHEN published_at <= came_at THEN published_at END DESC,
                 CASE WHEN published_at <= came_at THEN version END DESC, published_at, version
        LIMIT 1) AS found GROUP BY 1, 2
""")


def current(session: Session, account_id: str, *, line: str = "api", now: datetime) -> Held:
    """What the account holds of one line at `now`: its subscription's plan, else the free one.

    Missing when the account does not exist or no catalogue with this line was ever published.
    """
    row = open_subscription(session, account_id, line)
    if row is None or (row.ends_at is not None and row.ends_at <= now):
        return _held(account_id, free_version(session, account_id, line, now), None)
    return _held(account_id, version(session, row.plan, row.version), row)


def held_lines(session: Session, account_id: str, *, now: datetime) -> dict[str, Held]:
    """What the account holds of every line on offer, by the line's slug, in the catalogue's order."""
    lines = catalogue(session).lines
    return {line.slug: current(session, account_id, line=line.slug, now=now) for line in lines}


def catalogue(session: Session) -> Catalogue:
    """What is on offer; Missing when nothing was published yet."""
    if (found := catalogue_or_none(session)) is None:
        raise Missing("No plans have been published yet.")
    return found


def catalogue_or_none(session: Session) -> Catalogue | None:
    """What is on offer, or None before the first publication."""
    data = session.scalar(select(Edition.data).order_by(Edition.id.desc()).limit(1))
    return None if data is None else catalogue_from_json(data)


def edition(session: Session) -> int:
    """The number of the newest publication; 0 before the first."""
    return session.scalar(select(func.max(Edition.id))) or 0


def preview(session: Session, offered: Catalogue) -> comparing.Preview:
    """What publishing this would change of what is on offer."""
    standing = catalogue_or_none(session)
    return comparing.compare(standing, offered, rules.numbered(offered, standing, highest(session)))


def holders(session: Session, *, now: datetime) -> dict[tuple[str, int], int]:
    """How many open accounts hold each version of each plan, by (slug, version); free plans too."""
    rows = session.execute(_HOLDERS, {"now": now, "free": FREE})
    return {(slug, number): count for slug, number, count in rows}


def paying(session: Session, line: str, *, now: datetime) -> dict[str, Plan]:
    """The plan of each account that holds one of a line which is not free, by the account's id."""
    rows = session.scalars(
        select(Subscription)
        .where(Subscription.line == line, Subscription.ended_at.is_(None))
        .where(or_(Subscription.ends_at.is_(None), Subscription.ends_at > now))
        .order_by(Subscription.account_id)
    )
    return {row.account_id: version(session, row.plan, row.version) for row in rows}


def is_published(session: Session, offered: Catalogue) -> bool:
    """Whether what was read from a file is what is on offer, so that publishing it would change nothing."""
    standing = catalogue_or_none(session)
    plans = rules.numbered(offered, standing, highest(session))
    return replace(offered, plans=tuple(plans)) == standing


def highest(session: Session) -> dict[str, int]:
    """The highest version that each plan ever had, by slug."""
    found = select(PlanVersion.slug, func.max(PlanVersion.version)).group_by(PlanVersion.slug)
    return dict(session.execute(found).all())


def calendar(session: Session, slug: str) -> Calendar:
    """The calendar called `slug` as it is now; one that is in the catalogue no more as it was last."""
    named = Edition.data["calendars"].contains([{"slug": slug}])
    data = session.scalar(select(Edition.data).where(named).order_by(Edition.id.desc()).limit(1))
    found = catalogue_from_json(data).calendar(slug) if data is not None else None
    if found is None:
        raise Missing(f"There is no calendar called {slug}.")
    return found


def version(session: Session, slug: str, number: int) -> Plan:
    """One version of a plan, on offer or not; Missing when it never was."""
    if (row := session.get(PlanVersion, (slug, number))) is None:
        raise Missing(f"There is no version {number} of a plan called {slug}.")
    return plan_from_json(row.data)


def held_by_payment(session: Session) -> list[tuple[str, str]]:
    """Whoever holds a plan by payment, as (account id, line)."""
    rows = select(Subscription.account_id, Subscription.line).where(
        Subscription.source == rules.PAYMENT, Subscription.ended_at.is_(None)
    )
    return [(account_id, line) for account_id, line in session.execute(rows.order_by(Subscription.id))]


def free_version(session: Session, account_id: str, line: str, now: datetime) -> Plan:
    """The free plan as it stood when the account last came to it: published later, it is for newcomers."""
    came_at = accounts.get(session, account_id).created_at
    left_at = session.scalar(
        select(func.max(func.coalesce(Subscription.ended_at, Subscription.ends_at))).where(
            Subscription.account_id == account_id, Subscription.line == line
        )
    )
    if left_at is not None and left_at <= now:
        came_at = max(came_at, left_at)
    # An account older than the first catalogue is on the first free plan there was.
    free = select(PlanVersion).where(PlanVersion.line == line, PlanVersion.tier == FREE)
    newest_first = (PlanVersion.published_at.desc(), PlanVersion.version.desc())
    row = session.scalar(
        free.where(PlanVersion.published_at <= came_at).order_by(*newest_first).limit(1)
    ) or session.scalar(free.order_by(PlanVersion.published_at, PlanVersion.version).limit(1))
    if row is None:
        raise Missing(f"No plans of the line {line} have been published yet.")
    return plan_from_json(row.data)


def open_subscription(session: Session, account_id: str, line: str) -> Subscription | None:
    """The account's open subscription in a line, lapsed or not, or None."""
    return session.scalar(
        select(Subscription)
        .where(
            Subscription.account_id == account_id,
            Subscription.line == line,
            Subscription.ended_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )


def catalogue_from_json(data: Mapping[str, Any]) -> Catalogue:
    """A catalogue from what an edition stores."""
    return Catalogue(
        currency=data["currency"],
        lines=tuple(Line(**item) for item in data["lines"]),
        meters=tuple(Meter(**item) for item in data["meters"]),
        features=tuple(Feature(**item) for item in data["features"]),
        plans=tuple(plan_from_json(item) for item in data["plans"]),
        one_offs=tuple(
            OneOff(**{**item, "low": Money(**item["low"]), "high": Money(**item["high"])})
            for item in data["one_offs"]
        ),
        calendars=tuple(calendar_from_json(item) for item in data.get("calendars", ())),
    )


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """A plan from what its version stores."""
    return Plan(
        **{
            **data,
            "points": tuple(data["points"]),
            "features": tuple(data["features"]),
            "month": data["month"] and Money(**data["month"]),
            "year": data["year"] and Money(**data["year"]),
            "sla": Sla(**data["sla"]) if data.get("sla") else None,
            "overage": {
                meter: Overage(Money(**item["price"]), item["per"]) for meter, item in data["overage"].items()
            },
        }
    )


def _held(account_id: str, plan: Plan, row: Subscription | None) -> Held:
    overrides = row.overrides if row is not None else {}
    plan = replace(plan, **rules.overridden(plan, overrides))
    return Held(
        account_id=account_id,
        line=plan.line,
        plan=plan.slug,
        version=plan.version,
        name=plan.name,
        tier=plan.tier,
        source=row.source if row else None,
        since=row.started_at if row else None,
        anchor_at=row.anchor_at if row else None,
        ends_at=row.ends_at if row else None,
        rate=plan.rate,
        burst=plan.burst,
        keys=plan.keys,
        included=plan.included,
        test_included=plan.test_included,
        overage=plan.overage,
        features=plan.features,
        price=plan.month,
        sla=plan.sla,
        overrides=overrides,
    )
