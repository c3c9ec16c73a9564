"""Costs, as asked for: what Cost Explorer tells of each day and service, taken in like a bill.

Each question costs a cent, so it is written down before it is asked, and at most two a day are.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from portal import accounts
from portal.costs import cur, gateway, importing
from portal.costs.files import BillFile
from portal.costs.gateway import Aws, NoCredentials, NotAllowed, Spent
from portal.costs.models import Collection
from portal.kit import ids
from portal.kit.db import unit
from portal.kit.errors import Exhausted, Refusal
from portal.kit.money import Money
from portal.kit.period import add_months, calendar_month, midnight

SOURCE = "Cost Explorer"
REQUEST_COST = Money(1, "usd")
MOST_A_DAY = 2
DAY, AGAIN = timedelta(days=1), timedelta(hours=6)
TOLD_FROM_HOUR = 4
"""From which hour (UTC) on the day before is told, at least in part."""

RESTATED_DAYS = 10
"""So many days into a month the month before may still change."""

COLUMNS = (
    "ProviderName", "BillingAccountId", "BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd",
    "BillingCurrency", "ServiceName", "ChargeCategory", "BilledCost", "EffectiveCost",
)  # fmt: skip


@dataclass(frozen=True)
class Collected:
    """What a collection did: of each month whether it was `taken`, was the `same` as before, or has a `bill`,
    which tells more; and for how many questions AWS charges."""

    months: dict[datetime, str]
    requests: int


@dataclass(frozen=True)
class Asking:
    """How often Cost Explorer was asked in a month, what AWS charges for that, and when it was last.

    `problem` is what kept AWS from answering the last time, also what runs.
    """

    requests: int
    cost: Money
    last_at: datetime | None
    problem: str | None


def to_ask(now: datetime) -> tuple[datetime, datetime]:
    """The days that a collection asks for: this month until yesterday, and the last while it may change."""
    until = midnight(now)
    first = calendar_month(now)[0]
    return (add_months(first, -1) if now.day <= RESTATED_DAYS else first), until


def is_due(session: Session, *, now: datetime) -> bool:
    """Whether today's question is still to be asked; once more, hours later, when it went wrong."""
    today = midnight(now)
    asked = session.scalars(
        select(Collection)
        .where(Collection.kind == "costs", Collection.begun_at >= today)
        .order_by(Collection.begun_at)
    ).all()
    if not asked:
        return now.hour >= TOLD_FROM_HOUR
    went_wrong = asked[-1].done_at is None or asked[-1].problem is not None
    return went_wrong and len(asked) < MOST_A_DAY and asked[-1].begun_at <= now - AGAIN


def collect(
    sessions: sessionmaker[Session], aws: Aws, *, when_due: bool = False, actor: accounts.Actor, now: datetime
) -> Collected | None:
    """Ask what each day cost and take it in, a delivery for each month; the same again changes nothing.

    A month whose bill was imported keeps it. Exhausted after two times on one day; None, `when_due` and it is
    not. What AWS refuses is noted and raised.
    """
    with sessions() as session, unit(session):
        session.execute(importing.ONE_AT_A_TIME)
        if when_due and not is_due(session, now=now):
            return None
        begun = _begin(session, now)
    since, until = to_ask(now)
    try:
        account = gateway.account(aws)
        found = gateway.spent(aws, since, until)
    except Refusal as refusal:
        with sessions() as session, unit(session):
            _end(session, begun, 0 if _is_free(refusal) else aws.asked["ce"], now, refusal.sentence)
        raise
    months: dict[datetime, str] = {}
    with sessions() as session, unit(session):
        session.execute(importing.ONE_AT_A_TIME)  # a bill that is being brought in is seen, not overwritten
        while since < until:
            mine = [one for one in found if calendar_month(one.day)[0] == since]
            if mine:
                months[since] = _take(session, account, since, mine, actor, now)
            since = add_months(since, 1)
        _end(session, begun, aws.asked["ce"], now)
    return Collected(months, aws.asked["ce"])


def asking(session: Session, *, now: datetime) -> Asking:
    """How often Cost Explorer was asked in the calendar month of `now`."""
    month = calendar_month(now)[0]
    newest = select(Collection).order_by(Collection.begun_at.desc()).limit(1)
    last, survey = (session.scalar(newest.where(Collection.kind == kind)) for kind in ("costs", "loads"))
    problems = [one.problem for one in (last, survey) if one is not None and one.problem]
    requests = int(
        session.scalar(
            select(func.coalesce(func.sum(Collection.requests), 0)).where(
                Collection.kind == "costs",
                Collection.begun_at >= month,
                Collection.begun_at < add_months(month, 1),
            )
        )
        or 0
    )
    cost = Money(requests * REQUEST_COST.amount, REQUEST_COST.currency)
    return Asking(requests, cost, last.begun_at if last else None, " ".join(problems) or None)


def _begin(session: Session, now: datetime) -> str:
    """A question, counted before it is asked."""
    today = midnight(now)
    asked = select(func.count()).where(Collection.kind == "costs", Collection.requests > 0)
    if (session.scalar(asked.where(Collection.begun_at >= today)) or 0) >= MOST_A_DAY:
        raise Exhausted(
            f"AWS was asked {MOST_A_DAY} times today already. Each time costs, and its answer changes once a "
            "day: ask again tomorrow."
        )
    row = Collection(id=ids.new("col"), kind="costs", begun_at=now, requests=1)
    session.add(row)
    session.flush()
    return row.id


def _end(session: Session, begun: str, requests: int, now: datetime, problem: str | None = None) -> None:
    row = session.get_one(Collection, begun)
    row.done_at, row.requests, row.problem = now, requests, problem


def _is_free(refusal: Refusal) -> bool:
    """Whether AWS never answered the question itself."""
    return isinstance(refusal, NoCredentials | NotAllowed)


def _take(
    session: Session,
    account: str,
    month: datetime,
    found: Sequence[Spent],
    actor: accounts.Actor,
    now: datetime,
) -> str:
    if importing.is_billed(session, account, month):
        return "bill"
    file = BillFile(f"{SOURCE} {month:%Y-%m}", io.BytesIO(as_bill(account, month, found)))
    currency = found[0].currency.lower()
    done = importing.take(session, [file], currency=currency, asked_of=SOURCE, actor=actor, now=now)
    return "same" if done.repeated else "taken"


def as_bill(account: str, month: datetime, found: Sequence[Spent]) -> bytes:
    """What was told, in FOCUS columns: the same for the same answer, in whatever order it came."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in sorted(found, key=lambda one: (one.day, one.service, one.kind, one.currency)):
        amounts = one.currency, one.service, _category(one.kind), one.billed, one.effective
        days = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (month, one.day, one.day + DAY))
        writer.writerow(("AWS", account, *days, *amounts))
    return text.getvalue().encode()


def _category(kind: str) -> str:
    word = kind.replace(" ", "")
    return cur.CATEGORIES.get(word, "Adjustment" if word.endswith("Discount") else "Usage")
