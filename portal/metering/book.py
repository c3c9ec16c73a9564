"""The book: what PostgreSQL says of a tag, put together for the gate."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import keys, plans
from portal.accounts import Account
from portal.gate import AccountRecord, Admission, Allowance, Environment, Grant, Span, Terms, network
from portal.metering import giving, ledger, windows
from portal.metering.rules import milliseconds
from portal.plans import Held

LINE = "api"


def book(session: Session, tag: str, digests: Sequence[str], now: datetime) -> Admission | None:
    """All that the gate must know of the account behind a tag at `now`; None when there is none.

    Opens the windows that are needed, so it is run in a unit of its own. The version is read first:
    what is read after it is at least as new, and an answer that says less than its version is never
    given.
    """
    row = session.execute(
        select(
            Account.id, Account.version, Account.suspended_at, Account.closed_at, Account.observed_at
        ).where(Account.tag == tag)
    ).one_or_none()
    if row is None:
        return None
    held = plans.current(session, row.id, line=LINE, now=now)
    opened = windows.open_windows(session, held, now=now)
    meters = [meter.slug for meter in plans.catalogue(session).meters]
    given = {meter: units for (_, meter), units in giving.given(session, [opened.live.id]).items()}
    account = AccountRecord(
        id=row.id,
        version=row.version,
        plan=held.plan,
        plan_version=held.version,
        terms=_terms(held, opened, meters, given),
        features=held.features,
        rate=held.rate,
        burst=held.burst,
        suspended_ms=_ms(row.suspended_at or row.closed_at),
        observed_ms=_ms(row.observed_at),
        until_ms=_ms(_until(held, opened, given)),
    )
    grants = tuple(_grant(key) for key in keys.grants(session, row.id, digests, now=now))
    ids = (opened.live.id, opened.live_next.id, opened.test.id, opened.test_next.id)
    return Admission(account, grants, ledger.settled(session, tag, ids))


def _until(held: Held, opened: windows.Open, given: Mapping[str, int]) -> datetime | None:
    """When this answer ends: with the plan, and with the month that credits were given for."""
    ends = [held.ends_at, opened.live.ends_at if given else None]
    return min((at for at in ends if at is not None), default=None)


def _terms(
    held: Held, opened: windows.Open, meters: Sequence[str], given: Mapping[str, int]
) -> dict[Environment, Terms]:
    live: dict[str, Allowance] = {}
    test: dict[str, Allowance] = {}
    for meter in meters:
        included, test_included = held.ceilings(meter)
        live[meter] = Allowance(included + given.get(meter, 0), included)
        test[meter] = Allowance(test_included, test_included)
    return {
        "live": Terms(_span(opened.live), _span(opened.live_next), live),
        "test": Terms(_span(opened.test), _span(opened.test_next), test),
    }


def _grant(key: keys.KeyGrant) -> Grant:
    return Grant(
        digest=key.digest,
        key_id=key.key_id,
        environment="test" if key.environment == "test" else "live",
        lineage=key.lineage,
        revoked_ms=_ms(key.revoked_at),
        expires_ms=_ms(key.ends_at),
        scopes=key.scopes,
        networks=tuple(network(cidr) for cidr in key.allowed_cidrs),
        rate=key.rate,
        burst=key.burst,
        external_id=key.external_id,
    )


def _span(window: windows.Span) -> Span:
    return Span(window.id, milliseconds(window.starts_at), milliseconds(window.ends_at))


def _ms(at: datetime | None) -> int | None:
    return None if at is None else milliseconds(at)
