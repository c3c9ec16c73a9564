"""Plans, as changed."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import accounts
from portal.kit import ids
from portal.kit.errors import Conflict
from portal.kit.outbox import tell
from portal.kit.period import anchored_month
from portal.plans import queries, rules
from portal.plans.catalogue import Catalogue, Plan
from portal.plans.events import PlanChanged
from portal.plans.models import Edition, PlanVersion, Subscription

PUBLISHING = 0x706C616E  # "plan": the advisory lock that two publishers queue at


def sync(session: Session, offered: Catalogue, now: datetime) -> list[Plan]:
    """Publish a catalogue that was read from its file, and return the plans that are new or changed.

    A plan that changed becomes a new version; the old one stays for those who hold it. Publishing
    what is on offer already changes nothing.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PUBLISHING})
    standing = queries.catalogue_or_none(session)
    plans = rules.numbered(offered, standing, queries.highest(session))
    published = replace(offered, plans=tuple(plans))
    if published == standing:
        return []
    before = {(plan.slug, plan.version) for plan in standing.plans} if standing else set()
    fresh = [plan for plan in plans if (plan.slug, plan.version) not in before]
    for plan in fresh:
        session.add(
            PlanVersion(
                slug=plan.slug,
                version=plan.version,
                line=plan.line,
                tier=plan.tier,
                published_at=now,
                data=plan.as_json(),
            )
        )
    session.add(Edition(published_at=now, data=asdict(published)))
    session.flush()
    return fresh


def grant(
    session: Session,
    account_id: str,
    plan_slug: str,
    actor: accounts.Actor,
    now: datetime,
    *,
    source: str = "grant",
    overrides: Mapping[str, Any] | None = None,
    ends_at: datetime | None = None,
) -> str:
    """Give an account a plan without payment, at once: the id of its new subscription.

    From one paid plan to another the anchor of the paid months stays; from free to paid it is `now`.
    Conflict when the account holds exactly this already or pays for this line; Missing for an
    unknown account or plan; Invalid for the free plan or overrides that make no sense.
    """
    accounts.touch(session, account_id)
    offered = queries.catalogue(session)
    plan = offered.plan(plan_slug)
    overrides = dict(overrides or {})
    rules.check_overrides(overrides, [meter.slug for meter in offered.meters])
    rules.check_end(ends_at, now)
    before = queries.current(session, account_id, line=plan.line, now=now)
    row = _open(session, account_id, plan.line, now)
    anchor_at = now
    rules.check_not_free(plan)
    if row is not None:
        rules.check_not_paid(row.source, plan.line)
        wanted = (plan.slug, plan.version, overrides, ends_at)
        rules.check_not_held(plan, wanted, (row.plan, row.version, row.overrides, row.ends_at))
        anchor_at = row.anchor_at
        row.ended_at = now
        session.flush()  # the partial unique index allows the new row only once this one is closed
    subscription = Subscription(
        id=ids.new("sub"),
        account_id=account_id,
        line=plan.line,
        plan=plan.slug,
        version=plan.version,
        source=source,
        started_at=now,
        anchor_at=anchor_at,
        ends_at=ends_at,
        overrides=overrides,
    )
    session.add(subscription)
    session.flush()
    tell(session, PlanChanged(account_id, plan.line, before.plan, plan.slug))
    accounts.record(
        session,
        actor,
        "plan.granted",
        account_id=account_id,
        subject=subscription.id,
        now=now,
        data={"plan": plan.slug, "version": plan.version, "before": before.plan, "source": source},
    )
    return subscription.id


def end(
    session: Session,
    account_id: str,
    line: str,
    actor: accounts.Actor,
    now: datetime,
    *,
    with_month: bool = False,
) -> datetime:
    """End an account's subscription in a line, at once or together with its paid month; when it ends.

    Conflict when the account is on the free plan of that line, or pays for it by card.
    """
    accounts.touch(session, account_id)
    name = queries.catalogue(session).line(line).name
    row = _open(session, account_id, line, now)
    if row is None:
        raise Conflict(f"This account is on the free plan of {name} already: there is nothing to end.")
    rules.check_not_paid(row.source, line)
    if with_month:
        row.ends_at = anchored_month(row.anchor_at, now)[1]
    else:
        row.ended_at = now
        session.flush()
        after = queries.current(session, account_id, line=line, now=now)
        tell(session, PlanChanged(account_id, line, row.plan, after.plan))
    accounts.record(
        session,
        actor,
        "plan.ended",
        account_id=account_id,
        subject=row.id,
        now=now,
        data={"plan": row.plan, "ends_at": (row.ended_at or row.ends_at or now).isoformat()},
    )
    return row.ended_at or row.ends_at or now


def hold(
    session: Session,
    account_id: str,
    plan: Plan,
    now: datetime,
    *,
    anchor_at: datetime,
    ends_at: datetime | None = None,
) -> bool:
    """Let an account hold what it pays for, until `ends_at` or for as long as it pays; whether that is new.

    From one paid plan to another the anchor of the paid months stays, from free to paid it is
    `anchor_at`: so usage is never reset by a payment. Conflict when the account holds a plan of this
    line by grant or contract.
    """
    if _held_so(_open(session, account_id, plan.line, now), plan, ends_at):
        return False
    accounts.touch(session, account_id)
    before = queries.current(session, account_id, line=plan.line, now=now)
    row = _open(session, account_id, plan.line, now)
    if row is not None:
        rules.check_paid(row.source, plan.line)
        if (row.plan, row.version) == (plan.slug, plan.version):
            row.ends_at = ends_at
            return True
        anchor_at = row.anchor_at
        row.ended_at = now
        session.flush()  # the partial unique index allows the new row only once this one is closed
    session.add(
        Subscription(
            id=ids.new("sub"),
            account_id=account_id,
            line=plan.line,
            plan=plan.slug,
            version=plan.version,
            source=rules.PAYMENT,
            started_at=now,
            anchor_at=anchor_at,
            ends_at=ends_at,
            overrides={},
        )
    )
    session.flush()
    if before.plan != plan.slug:
        tell(session, PlanChanged(account_id, plan.line, before.plan, plan.slug, paid=before.paid))
    return True


def release(session: Session, account_id: str, line: str, now: datetime) -> bool:
    """End at once what an account holds of a line by payment; False when it holds nothing so."""
    row = _open(session, account_id, line, now)
    if row is None or row.source != rules.PAYMENT:
        return False
    accounts.touch(session, account_id)
    row.ended_at = now
    session.flush()
    after = queries.current(session, account_id, line=line, now=now)
    tell(session, PlanChanged(account_id, line, row.plan, after.plan, paid=True))
    return True


def lapse(session: Session, now: datetime, limit: int = 100) -> list[str]:
    """Close subscriptions whose end has come and tell of it; the ids of their accounts."""
    due = (
        select(Subscription.account_id, Subscription.line)
        .where(Subscription.ended_at.is_(None), Subscription.ends_at <= now)
        .order_by(Subscription.account_id)  # one order of locks for everyone
        .limit(limit)
    )
    lapsed = []
    for account_id, line in session.execute(due).all():
        accounts.touch(session, account_id)
        if _open(session, account_id, line, now) is None:
            lapsed.append(account_id)
    return lapsed


def _held_so(row: Subscription | None, plan: Plan, ends_at: datetime | None) -> bool:
    """Whether exactly this is held by payment already."""
    if row is None or row.source != rules.PAYMENT:
        return False
    return (row.plan, row.version, row.ends_at) == (plan.slug, plan.version, ends_at)


def _open(session: Session, account_id: str, line: str, now: datetime) -> Subscription | None:
    """The subscription that still holds at `now`; one whose end has passed is closed on the way."""
    row = queries.open_subscription(session, account_id, line)
    if row is None or row.ends_at is None or row.ends_at > now:
        return row
    row.ended_at = row.ends_at
    session.flush()
    after = queries.current(session, account_id, line=line, now=now)
    tell(session, PlanChanged(account_id, line, row.plan, after.plan, paid=row.source == rules.PAYMENT))
    return None
