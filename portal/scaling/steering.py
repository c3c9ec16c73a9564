"""The stand-in for spot capacity, as steered: looked at, decided, written down, and then told to ECS."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from portal import accounts, costs
from portal.kit.db import unit
from portal.kit.errors import Refusal
from portal.kit.settings import SpotPair
from portal.scaling.fallback import Bounds, Standing, count_missing, decide
from portal.scaling.models import SpotFallback

SENDING = timedelta(minutes=1)
"""Longer than telling ECS can take: a step that was not told by then is told again."""

OLD = timedelta(hours=1)
"""A step that nobody told for so long is forgotten."""


class Capacity(Protocol):
    """Where tasks run."""

    def counts(self, cluster: str, services: Sequence[str]) -> Mapping[str, costs.TaskCounts]:
        """The tasks of each service."""

    def set_desired(self, cluster: str, service: str, desired: int) -> None:
        """Let a service run so many tasks."""


class Ecs:
    """The tasks of ECS, at AWS."""

    def __init__(self, aws: costs.Aws) -> None:
        self._aws = aws

    def counts(self, cluster: str, services: Sequence[str]) -> Mapping[str, costs.TaskCounts]:
        return costs.task_counts(self._aws, cluster, services)

    def set_desired(self, cluster: str, service: str, desired: int) -> None:
        costs.set_tasks(self._aws, cluster, service, desired)


def pair_name(pair: SpotPair) -> str:
    """What a pair is called, as it is written in SPOT_PAIRS."""
    return f"{pair.cluster}/{pair.spot}+{pair.on_demand}"


def steer(
    sessions: sessionmaker[Session],
    capacity: Capacity,
    pair: SpotPair,
    *,
    is_dry: bool,
    actor: accounts.Actor,
    now: datetime,
) -> int | None:
    """Look at a pair and let its on-demand service stand in; the tasks it was told to run, or would be.

    None when nothing changes, or somebody else decides at this moment. Each step is in the audit with what
    was before and after it. What AWS refuses is noted and raised.
    """
    with sessions() as session, unit(session):
        row = _row(session, pair)
        is_old = row.step_at is not None and row.step_at < now - OLD
        if is_dry or (row.sent_at is None and is_old):
            row.lent, row.wanted = 0, None  # whoever switched it off has set the service as they want it
        version, pending, began = row.version, row.wanted if row.sent_at is None else None, row.step_at
    try:
        if pending is not None and began is not None:
            return _tell_again(sessions, capacity, pair, version, pending, began, now)
        found = capacity.counts(pair.cluster, (pair.spot, pair.on_demand))
        wanted = _decide(sessions, pair, version, found, is_dry, actor, now)
        if wanted is not None and not is_dry:
            capacity.set_desired(pair.cluster, pair.on_demand, wanted)
            _told(sessions, pair, version + 1, now)
    except Refusal as refusal:
        with sessions() as session, unit(session):
            _row(session, pair).problem = refusal.sentence
        raise
    return wanted


def _decide(
    sessions: sessionmaker[Session],
    pair: SpotPair,
    version: int,
    found: Mapping[str, costs.TaskCounts],
    is_dry: bool,
    actor: accounts.Actor,
    now: datetime,
) -> int | None:
    spot, before = found[pair.spot], found[pair.on_demand].desired
    with sessions() as session, unit(session):
        row = _row(session, pair)
        if row.version != version:
            return None  # what was seen may be older than the step that somebody else took
        lent = row.imagined if is_dry else row.lent
        if is_dry:
            before = max(pair.base, before) + lent
        missing, row.short_since = count_missing(
            spot.desired, spot.running, spot.pending, row.short_since, now=now
        )
        row.version, row.seen_at, row.problem = version + 1, now, None
        row.watched, row.missing = row.watched + spot.desired, row.missing + missing
        if not spot.desired and not found[pair.on_demand].desired:
            return None  # both sleep, and whoever sent them there wakes them
        bounds = Bounds(pair.base, pair.most)
        done = decide(before, missing, Standing(lent, row.calm_since), bounds, now=now)
        row.calm_since = done.standing.calm_since
        if is_dry:
            row.imagined = done.standing.lent
        else:
            row.lent, row.imagined = done.standing.lent, 0
        if done.desired == before:
            return None
        if not is_dry:
            row.wanted, row.step_at, row.sent_at = done.desired, now, None
        verb = "raised" if done.desired > before else "lowered"
        told = {"before": before, "after": done.desired, "missing": missing}
        deed = f"spot.would_be_{verb}" if is_dry else f"spot.{verb}"
        accounts.record(session, actor, deed, subject=pair_name(pair), now=now, data=told)
    return done.desired


def _tell_again(
    sessions: sessionmaker[Session],
    capacity: Capacity,
    pair: SpotPair,
    version: int,
    wanted: int,
    began: datetime,
    now: datetime,
) -> int | None:
    """A step that was decided and perhaps never told: by somebody who was killed, or is at it now."""
    if began > now - SENDING:
        return None
    with sessions() as session, unit(session):
        taken = session.execute(
            update(SpotFallback)
            .where(SpotFallback.pair == pair_name(pair), SpotFallback.version == version)
            .values(version=version + 1, step_at=now)
            .returning(SpotFallback.pair)
        ).one_or_none()
    if taken is None:
        return None
    capacity.set_desired(pair.cluster, pair.on_demand, wanted)
    _told(sessions, pair, version + 1, now)
    return wanted


def _told(sessions: sessionmaker[Session], pair: SpotPair, version: int, now: datetime) -> None:
    with sessions() as session, unit(session):
        session.execute(
            update(SpotFallback)
            .where(SpotFallback.pair == pair_name(pair), SpotFallback.version == version)
            .values(sent_at=now)
        )


def _row(session: Session, pair: SpotPair) -> SpotFallback:
    session.execute(insert(SpotFallback).values(pair=pair_name(pair)).on_conflict_do_nothing())
    statement = select(SpotFallback).where(SpotFallback.pair == pair_name(pair)).with_for_update()
    return session.scalars(statement).one()


def fallbacks(session: Session) -> Mapping[str, SpotFallback]:
    """How each pair stands that was ever looked at, by its name."""
    return {row.pair: row for row in session.scalars(select(SpotFallback).order_by(SpotFallback.pair))}
