"""Suggestions, as changed: worked out each night, decided by people, measured when they were applied."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from portal import accounts, costs
from portal.kit import ids
from portal.kit.errors import Invalid, Missing
from portal.scaling import cases, living
from portal.scaling.cases import Asked, Found
from portal.scaling.kinds import KINDS, Kind
from portal.scaling.models import Suggestion
from portal.scaling.queries import shown, standing

REASON_LENGTH = 500
SPOKEN_OF = timedelta(days=7)
SEEN = "seen on the bill"
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('scaling.suggestions'))")


def suggest(
    session: Session,
    currency: str,
    survival: Sequence[float],
    *,
    now: datetime,
    cash: float | None = None,
    kinds: Iterable[Kind] = tuple(KINDS.values()),
) -> list[str]:
    """Look for every kind anew and measure what was applied; the ids of what is new.

    `survival` is, for each month of a year, the odds that the platform still runs, `cash` what is in hand in
    units of the currency. What is open is brought up to date, or expires when it is not worth it any more;
    what was decided is left as it is.
    """
    session.execute(ONE_AT_A_TIME)
    asked, fresh = Asked(currency, survival, now, cash), list[str]()
    for kind in kinds:
        rows = {row.subject: row for row in standing(session, kind.slug, currency)}
        for row in rows.values():
            _follow(session, kind, row, now)
        for found in kind.look(session, asked):
            fresh += _hear(session, kind, rows.get(found.subject), found, asked)
        for row in rows.values():
            if row.accepted_at is None and row.refreshed_at <= now - SPOKEN_OF:
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
    """Decide against it, with a reason; its subject is left alone for 60 days."""
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


def _follow(session: Session, kind: Kind, row: Suggestion, now: datetime) -> None:
    """What was accepted may be seen to be applied; what was applied is measured, and at last realised."""
    if row.accepted_at is not None and row.applied_at is None:
        at = kind.notice(session, row)
        if at is not None:
            row.applied_at, row.applied_by = at, SEEN
    if row.applied_at is not None:
        found = kind.measure(session, row, now)
        [amount] = costs.spread({"": found.amount}, row.currency).values()
        row.saved, row.measured_days = amount.amount, found.days
        if found.days >= living.MEASURED_DAYS:
            row.realised_at = now


def _hear(session: Session, kind: Kind, row: Suggestion | None, found: Found, asked: Asked) -> list[str]:
    """The id of a new suggestion, if it is one."""
    now = asked.now
    if row is not None and row.accepted_at is not None:
        return []
    if found.case is None:
        if row is not None:
            row.expired_at = now
        return []
    told = cases.write(found.case)
    if row is not None:
        row.case, row.known_until, row.refreshed_at = told, found.until, now
        return []
    if _is_silent(session, kind, found.subject, asked):
        return []
    row = Suggestion(
        id=ids.new("sug"),
        kind=kind.slug,
        subject=found.subject,
        currency=asked.currency,
        case=told,
        known_until=found.until,
        suggested_at=now,
        refreshed_at=now,
    )
    session.add(row)
    session.flush()
    return [row.id]


def _is_silent(session: Session, kind: Kind, subject: str, asked: Asked) -> bool:
    """Whether it was dismissed not long ago, or is put aside and was not worth it for a while."""
    told = select(Suggestion.id).where(
        Suggestion.kind == kind.slug,
        Suggestion.subject == subject,
        Suggestion.currency == asked.currency,
        or_(Suggestion.dismissed_at > asked.now - living.SILENT, Suggestion.snoozed_until > asked.now),
    )
    return session.scalar(told.limit(1)) is not None


def _take(session: Session, suggestion_id: str, deed: str, now: datetime) -> Suggestion:
    row = session.scalar(select(Suggestion).where(Suggestion.id == suggestion_id).with_for_update())
    if row is None or row.kind not in KINDS:
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
        data={"kind": row.kind, "subject": row.subject},
    )
