"""Credits: units given to an account for one billing month, beside what its plan includes."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import accounts, plans
from portal.kit import ids
from portal.kit.db import among
from portal.kit.errors import Conflict
from portal.kit.outbox import tell
from portal.metering import rules
from portal.metering.events import CreditGiven
from portal.metering.models import Credit
from portal.metering.windows import open_windows

LINE = "api"


def give(
    session: Session,
    account_id: str,
    meter: str,
    units: int,
    reason: str,
    *,
    nonce: str,
    actor: accounts.Actor,
    now: datetime,
) -> Credit:
    """Give an account units of a meter until its present billing month ends, once for each nonce.

    They count for live keys, and are used after what the plan includes. Missing for no such account;
    Conflict when it is closed, or the nonce was used for something else; Invalid for units, a meter or
    a reason that will not do.
    """
    accounts.touch(session, account_id)
    if accounts.get(session, account_id).closed_at is not None:
        raise Conflict("This account is closed.")
    rules.check_credit(units, meter, [one.slug for one in plans.catalogue(session).meters])
    reason = rules.clean_reason(reason)
    known = select(Credit).where(Credit.account_id == account_id, Credit.nonce == nonce)
    if (before := session.scalars(known).one_or_none()) is not None:
        rules.check_again((before.meter, before.units, before.reason) == (meter, units, reason))
        return before
    held = plans.current(session, account_id, line=LINE, now=now)
    credit = Credit(
        id=ids.new("crd"),
        account_id=account_id,
        window_id=open_windows(session, held, now=now).live.id,
        meter=meter,
        units=units,
        reason=reason,
        nonce=nonce,
        given_at=now,
        given_by=actor.label,
    )
    session.add(credit)
    session.flush()
    tell(session, CreditGiven(account_id))
    accounts.record(
        session,
        actor,
        "credit.given",
        account_id=account_id,
        subject=credit.id,
        reason=reason,
        now=now,
        data={"meter": meter, "units": units},
    )
    return credit


def of_month(session: Session, account_id: str, window_id: int) -> list[Credit]:
    """What was given to an account in one of its billing months, in order."""
    where = Credit.account_id == account_id, Credit.window_id == window_id
    return list(session.scalars(select(Credit).where(*where).order_by(Credit.given_at, Credit.id)))


def given(session: Session, windows: Iterable[int]) -> dict[tuple[int, str], int]:
    """The units given in these windows, by (window, meter)."""
    statement = (
        select(Credit.window_id, Credit.meter, func.sum(Credit.units))
        .where(among(Credit.window_id, windows))
        .group_by(Credit.window_id, Credit.meter)
    )
    return {(window, meter): int(units) for window, meter, units in session.execute(statement)}
