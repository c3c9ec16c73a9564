"""Sharing machines, as suggested: simulated on the metered hours of customers that run apart."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from sqlalchemy.orm import Session

from portal import metering, plans
from portal.kit.money import MINOR_DIGITS, small
from portal.scaling import sharing
from portal.scaling.cases import Alternative, Asked, BreakEven, Case, Evidence, Found, Saving, Step, Worst
from portal.scaling.figures import Capacity, figures

SUBJECT, LINE = "hosting", "hosting"
MONTH_HOURS, LEAST_MONTHLY = 730, 1.0
WEEKS = 4
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)


def look(session: Session, asked: Asked) -> Iterable[Found]:
    """The customers with instances of their own, when there are two or more and a task's load is known."""
    known, until = figures(session).capacity, asked.now.replace(minute=0, second=0, microsecond=0)
    apart = plans.paying(session, LINE, now=asked.now)
    if known is None or len(apart) < 2:
        return
    since = until - WEEKS * WEEK
    hours = metering.load_of(session, list(apart), since, until)
    series = []
    for account_id in apart:
        counted = hours.get(account_id, {})
        series.append(np.array([counted.get(at, 0) for at in _hours(since, until)], float))
    earned = sum(plan.month.amount for plan in apart.values() if plan.month)
    found = sharing.share(series, known.calls_an_hour)
    digits = MINOR_DIGITS[asked.currency]
    yield Found(SUBJECT, case(found, len(apart), known, earned / 10**digits, asked.currency), until)


def case(found: sharing.Shared, tenants: int, known: Capacity, earned: float, currency: str) -> Case | None:
    """What is said of customers that run apart and pay `earned` a month for it; None: it saves nothing."""
    saved = [freed * known.hourly * MONTH_HOURS for freed in found.freed]
    low, likely, high = (float(one) for one in np.quantile(saved, (0.1, 0.5, 0.9)))
    if likely < LEAST_MONTHLY:
        return None
    hourly = small(Decimal(repr(known.hourly)), currency)
    apart, together = max(found.apart), max(found.together)
    bare = [one + known.hourly * MONTH_HOURS for one in saved]
    return Case(
        title=f"{tenants} instances on shared machines",
        what=(
            f"Run the instances of {tenants} customers on {together} shared tasks instead of {apart} of "
            "their own."
        ),
        why="Their busy hours differ: together they never needed what each of them needs apart.",
        saving=Saving(low, likely, high, f"Simulated on each of {len(saved)} weeks of their own calls."),
        worst=Worst(earned, "a month is lost if all of them leave because they no longer run alone", 31),
        break_even=BreakEven("First month", "It costs nothing but the work of moving."),
        evidence=Evidence(
            title="Tasks by week",
            words="How many tasks carry the busiest hour, each customer apart and all together.",
            columns=("Week", "Apart", "Together", "Fewer"),
            rows=tuple(
                (_ago(len(found.apart) - number), str(one), str(other), str(one - other))
                for number, (one, other) in enumerate(zip(found.apart, found.together, strict=True))
            ),
        ),
        known_from=f"{len(saved)} weeks of calls",
        steps=(
            Step(
                "Make the shared service",
                f"aws ecs update-service --cluster CLUSTER --service shared --desired-count {together}",
            ),
            Step(
                "Terraform",
                'resource "aws_ecs_service" "shared" {\n  name          = "shared"\n'
                f"  desired_count = {together}\n}}",
            ),
        ),
        undo="For each: aws ecs update-service --cluster CLUSTER --service CUSTOMER --desired-count 1",
        alternatives=(
            Alternative(
                "One shared task fewer",
                Saving(min(bare), float(np.median(bare)), max(bare)),
                earned,
                "Nothing would be left when one of them fails, or in the busiest hour.",
            ),
        ),
        checks=(
            (
                "A task",
                f"Carries {known.calls_an_hour:,} calls an hour and costs {hourly} in it, as typed",
            ),
            ("Promised to them", "A dedicated instance: move those alone who agree"),
        ),
        data={"services": ["fargate", "elastic container", "amazonecs"], "by_calls": True},
    )


def _ago(weeks: int) -> str:
    return "last week" if weeks == 1 else f"{weeks} weeks ago"


def _hours(since: datetime, until: datetime) -> list[datetime]:
    return [since + number * HOUR for number in range(int((until - since) / HOUR))]
