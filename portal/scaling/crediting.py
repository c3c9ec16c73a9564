"""Credits, as suggested: until when a provider's credits pay the bill, and what of them would lapse."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from sqlalchemy.orm import Session

from portal import costs
from portal.kit.money import MINOR_DIGITS, Money
from portal.scaling.cases import Asked, BreakEven, Case, Evidence, Found, Saving, Step, Worst
from portal.scaling.figures import Credits, figures

SUBJECT = "balance"
MONTH_DAYS = 365 / 12
DAY = timedelta(days=1)


def look(session: Session, asked: Asked) -> Iterable[Found]:
    """The credits that were typed, against what a month costs now."""
    known = figures(session)
    if known.credits is not None:
        monthly = float(costs.measured(session, asked.currency, now=asked.now).monthly)
        found = case(known.credits, known.typed_at["credits"], monthly, asked)
        yield Found(SUBJECT, found, asked.now)


def case(known: Credits, typed_at: datetime, monthly: float, asked: Asked) -> Case | None:
    """What is said of credits that were typed then; None when none are left, or nothing is paid with them."""
    now, ends_at, daily = asked.now, datetime.combine(known.ends, time(), UTC), monthly / MONTH_DAYS
    balance = known.balance - daily * (now - typed_at).days
    if balance <= 0 or monthly <= 0 or ends_at <= now:
        return None
    over_at = min(now + timedelta(days=min(balance / daily, 36_500)), ends_at)
    lapses = max(0.0, balance - daily * (ends_at - now).days)
    on, ends_on = (f"{at.day} {at:%B %Y}" for at in (over_at, ends_at))
    left, lapsing, bill = (_money(one, asked.currency) for one in (balance, lapses, monthly))
    months = max(1.0, (ends_at - now).days / MONTH_DAYS)
    return Case(
        title=f"Credits until {on}",
        what=f"Have {bill} a month ready from {on} on: until then credits pay.",
        why=(
            f"At this pace {lapsing} of them lapse on {ends_on}: bring forward what you mean to try anyway."
            if lapses
            else f"At this pace they are used up before they lapse on {ends_on}."
        ),
        saving=Saving(0.0, lapses / months, lapses / months, "What would lapse, if you use it up."),
        worst=Worst(monthly, f"a month is charged to your card from {on} on"),
        break_even=BreakEven("Now", f"About {left} are left, of which {lapsing} would lapse."),
        evidence=Evidence(
            title="What is left of the credits",
            words="What is left at the end of each month, in whole units, at the present pace.",
            heading="Month",
            unit="left",
            series=_left(balance, daily, now, ends_at),
        ),
        known_from="what was typed, and the newest bills",
        steps=(
            Step(
                "See what AWS knows of them",
                "aws freetier get-account-plan-state\naws freetier get-free-tier-usage --query "
                "'freeTierUsages[].[service,actualUsageAmount,limit,freeTierType]' --output table",
            ),
            Step(
                "Terraform: a letter when they are nearly gone",
                'resource "aws_budgets_budget" "after_credits" {\n  name         = "after-credits"\n'
                '  budget_type  = "COST"\n  limit_unit   = "USD"\n  limit_amount = "1"\n'
                '  time_unit    = "MONTHLY"\n  cost_types {\n    include_credit = true\n  }\n}',
            ),
        ),
        undo="There is nothing to undo: it changes nothing but what you expect.",
        checks=(
            (
                "Free tier",
                "Accounts made since 15 July 2025 get credits instead of a free year. Always free: a million "
                "calls and 400,000 GB seconds of Lambda a month",
            ),
        ),
    )


def _money(amount: float, currency: str) -> str:
    return Money(round(amount * 10 ** MINOR_DIGITS[currency]), currency).exact


def _left(balance: float, daily: float, now: datetime, ends_at: datetime) -> tuple[tuple[str, int], ...]:
    found = [("now", round(balance))]
    for number in range(1, 13):
        at = now + timedelta(days=number * MONTH_DAYS)
        left = 0.0 if at >= ends_at else max(0.0, balance - daily * (at - now).days)
        found.append((f"{at:%b %Y}", round(left)))
        if not left:
            break
    return tuple(found)
