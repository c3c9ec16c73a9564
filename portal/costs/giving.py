"""What AWS gives for nothing, as kept: asked once a day, at no cost; the newest answer holds."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from portal.costs import gateway
from portal.costs.gateway import Allowance, Aws, Plan
from portal.costs.models import FreeTier
from portal.kit.db import unit
from portal.kit.period import midnight

NEARLY = 0.85
"""From this part of a limit on it is nearly used up."""


@dataclass(frozen=True)
class Given:
    """What AWS told then of the account's plan and of its free tier, what is nearly used up first."""

    told_at: datetime
    plan: Plan | None
    allowances: tuple[Allowance, ...]

    @property
    def nearly(self) -> tuple[Allowance, ...]:
        """What is forecast to be used to NEARLY of its limit, or beyond."""
        return tuple(one for one in self.allowances if one.share >= NEARLY)


def ask_given(sessions: sessionmaker[Session], aws: Aws, *, now: datetime) -> Given:
    """Ask AWS what it gives, and keep what it told last. Raises what AWS refuses."""
    account = gateway.account(aws)
    plan, found = gateway.plan(aws), list(gateway.allowances(aws))
    said = {"plan": _write(plan) if plan else None, "allowances": [asdict(one) for one in found]}
    told = insert(FreeTier).values(account=account, told_at=now, said=said)
    newer = {"told_at": told.excluded.told_at, "said": told.excluded.said}
    with sessions() as session, unit(session):
        session.execute(told.on_conflict_do_update(index_elements=[FreeTier.account], set_=newer))
    return _given(now, plan, found)


def given(session: Session) -> Given | None:
    """What AWS told last; None when it was never asked."""
    row = session.scalar(select(FreeTier).order_by(FreeTier.told_at.desc()).limit(1))
    if row is None:
        return None
    plan = row.said["plan"]
    return _given(
        row.told_at,
        _read(plan) if plan else None,
        [Allowance(**one) for one in row.said["allowances"]],
    )


def is_given_due(session: Session, *, now: datetime) -> bool:
    """Whether AWS did not tell today."""
    told = given(session)
    today = midnight(now)
    return told is None or told.told_at < today


def _given(at: datetime, plan: Plan | None, found: list[Allowance]) -> Given:
    return Given(at, plan, tuple(sorted(found, key=lambda one: (-one.share, one.service, one.usage))))


def _write(plan: Plan) -> dict[str, Any]:
    return {**asdict(plan), "ends_at": plan.ends_at.isoformat() if plan.ends_at else None}


def _read(told: dict[str, Any]) -> Plan:
    ends_at = told["ends_at"]
    return Plan(**{**told, "ends_at": datetime.fromisoformat(ends_at) if ends_at else None})
