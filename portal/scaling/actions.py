"""Suggestions, as changed: worked out each night, decided by people, measured when they were applied."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts, costs
from portal.kit import ids
from portal.kit.errors import Invalid, Missing
from portal.scaling import living
from portal.scaling.advising import Advice, advise
from portal.scaling.models import Suggestion
from portal.scaling.pools import BY_SLUG, POOLS, Pool
from portal.scaling.queries import shown, standing

HISTORY = timedelta(days=455)
WEEK_HOURS = 168
REASON_LENGTH = 500
HOUR = timedelta(hours=1)
SEEN = "seen on the bill"


def suggest(session: Session, currency: str, survival: Sequence[float], *, now: datetime) -> list[str]:
    """Work out every pool anew and measure what was applied; the ids of what is new.

    `survival` is, for each month of a year, the odds that the platform still runs. What is open is brought
    up to date, or expires when it is not worth it any more; what was decided is left as it is.
    """
    fresh = []
    for pool in POOLS:
        demand = costs.billed_demand(session, pool.services, currency, now - HISTORY)
        row = standing(session, pool.slug, currency)
        if row is not None and row.accepted_at is not None and row.applied_at is None and demand:
            _notice(row, demand)
        if row is not None and row.applied_at is not None:
            _measure(session, pool, row, now)
        elif demand is not None and (row is None or row.accepted_at is None):
            hours, covered = np.array(demand.hours), demand.covered[-WEEK_HOURS:]
            advice = advise(hours, pool.rate, survival, max(covered, default=0.0))
            if _is_worth_saying(advice) and (row is not None or not _is_silent(session, pool, currency, now)):
                fresh += _tell(session, pool, currency, row, advice, demand.ends_at, now)
            elif row is not None:
                row.expired_at = now
    session.flush()
    return fresh


def accept(session: Session, suggestion_id: str, *, actor: accounts.Actor, now: datetime) -> None:
    """Mean to follow it. What it says stays as it is from now on."""
    row = _take(session, suggestion_id, "accept", now)
    row.accepted_at, row.accepted_by, row.snoozed_until = now, actor.label, None
    _note(session, row, "accepted", actor, now)


def snooze(session: Session, suggestion_id: str, *, actor: accounts.Actor, now: datetime) -> None:
    """Put it aside for 30 days."""
    row = _take(session, suggestion_id, "snooze", now)
    row.snoozed_until, row.snoozed_by = now + living.SNOOZE, actor.label
    _note(session, row, "snoozed", actor, now)


def dismiss(
    session: Session, suggestion_id: str, reason: str, *, actor: accounts.Actor, now: datetime
) -> None:
    """Decide against it, with a reason; its pool is left alone for 60 days."""
    if not 0 < len(reason := reason.strip()) <= REASON_LENGTH:
        raise Invalid(f"Say why, in 1 to {REASON_LENGTH} characters.", field="reason")
    row = _take(session, suggestion_id, "dismiss", now)
    row.dismissed_at, row.dismissed_by, row.reason = now, actor.label, reason
    _note(session, row, "dismissed", actor, now)


def apply(session: Session, suggestion_id: str, *, actor: accounts.Actor, now: datetime) -> None:
    """Note that it was carried out: from now on what it saves is measured."""
    row = _take(session, suggestion_id, "apply", now)
    row.accepted_at, row.accepted_by = row.accepted_at or now, row.accepted_by or actor.label
    row.applied_at, row.applied_by, row.snoozed_until = now, actor.label, None
    _note(session, row, "applied", actor, now)


def revert(session: Session, suggestion_id: str, *, actor: accounts.Actor, now: datetime) -> None:
    """Note that it was undone."""
    row = _take(session, suggestion_id, "revert", now)
    row.reverted_at, row.reverted_by = now, actor.label
    _note(session, row, "reverted", actor, now)


def _is_worth_saying(advice: Advice) -> bool:
    return advice.suggested is not None or advice.usual is not None


def _is_silent(session: Session, pool: Pool, currency: str, now: datetime) -> bool:
    dismissed = select(Suggestion.id).where(Suggestion.pool == pool.slug, Suggestion.currency == currency)
    return session.scalar(dismissed.where(Suggestion.dismissed_at > now - living.SILENT).limit(1)) is not None


def _tell(
    session: Session,
    pool: Pool,
    currency: str,
    row: Suggestion | None,
    advice: Advice,
    until: datetime,
    now: datetime,
) -> list[str]:
    told = asdict(advice) | {
        "needed": min(advice.needed, 1.0),  # JSON knows no infinity
        "break_even_months": advice.break_even_months,
    }
    if row is not None:
        row.advice, row.billed_until, row.refreshed_at = told, until, now
        return []
    row = Suggestion(
        id=ids.new("sug"),
        pool=pool.slug,
        currency=currency,
        advice=told,
        billed_until=until,
        suggested_at=now,
        refreshed_at=now,
    )
    session.add(row)
    session.flush()
    return [row.id]


def _notice(row: Suggestion, demand: costs.BilledDemand) -> None:
    """What was accepted is applied from the first hour on in which the bill covers half of it or more."""
    told = row.advice["suggested"]
    assert row.accepted_at is not None and told is not None
    enough = row.advice["promised"] + told["level"] / 2
    for number, covered in enumerate(demand.covered):
        at = demand.starts_at + number * HOUR
        if at >= row.accepted_at and covered >= enough:
            row.applied_at, row.applied_by = at, SEEN
            return


def _measure(session: Session, pool: Pool, row: Suggestion, now: datetime) -> None:
    """Read from charge rows what was saved since; after two weeks of them it is realised."""
    assert row.applied_at is not None
    whole_day = row.applied_at.replace(hour=0, minute=0, second=0, microsecond=0)
    found = costs.saved(session, pool.services, row.currency, whole_day)
    [amount] = costs.spread({"": Decimal(found.amount)}, row.currency).values()
    row.saved, row.measured_days = amount.amount, found.days
    if found.days >= living.MEASURED_DAYS:
        row.realised_at = now


def _take(session: Session, suggestion_id: str, deed: str, now: datetime) -> Suggestion:
    row = session.scalar(select(Suggestion).where(Suggestion.id == suggestion_id).with_for_update())
    if row is None or row.pool not in BY_SLUG:
        raise Missing("There is no such suggestion.")
    living.check(deed, shown(row, now).state)
    return row


def _note(session: Session, row: Suggestion, deed: str, actor: accounts.Actor, now: datetime) -> None:
    session.flush()
    accounts.record(
        session,
        actor,
        f"suggestion.{deed}",
        subject=row.id,
        reason=row.reason,
        now=now,
        data={"pool": row.pool},
    )
