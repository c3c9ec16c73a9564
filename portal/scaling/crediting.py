"""Credits, as suggested: until when a provider's credits pay the bill, what of them would lapse, and which
limits of its free tier are nearly used up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy.orm import Session

from portal import costs
from portal.kit.money import MINOR_DIGITS, Money
from portal.scaling.cases import Asked, BreakEven, Case, Evidence, Found, Saving, Step, Worst
from portal.scaling.figures import Figures, figures

SUBJECT, CURRENCY = "balance", "usd"
MONTH_DAYS = 365 / 12
DAY = timedelta(days=1)
FRESH = 7 * DAY
"""For how long what AWS told is believed more than what was typed since."""

SHOWN = 12
PLANS = {"FREE": "Free plan", "PAID": "Paid plan"}


@dataclass(frozen=True)
class Left:
    """What was left of credits `at` a moment, in units of the currency, and when they end, if that is known;
    `source` is who said so."""

    balance: float
    at: datetime
    ends_at: datetime | None
    source: str = "what was typed"


def look(session: Session, asked: Asked) -> Iterable[Found]:
    """The credits that AWS told of, or that were typed, against what a month costs without them."""
    told = costs.given(session) if asked.currency == CURRENCY else None
    left = known(figures(session), told, asked.now)
    if left is not None:
        month = costs.measured(session, asked.currency, now=asked.now)
        found = case(left, float(month.monthly + month.credits), asked, told)
        yield Found(SUBJECT, found, asked.now)


def known(typed: Figures, told: costs.Given | None, now: datetime) -> Left | None:
    """What is known best of credits: what AWS told this week, else what is newer, that or what was typed."""
    by_hand = None
    if typed.credits is not None:
        ends = datetime.combine(typed.credits.ends, time(), UTC)
        by_hand = Left(typed.credits.balance, typed.typed_at["credits"], ends)
    plan = told.plan if told else None
    if told is None or plan is None or plan.credits is None or plan.currency != CURRENCY:
        return by_hand
    if by_hand is not None and told.told_at <= now - FRESH and told.told_at < by_hand.at:
        return by_hand
    ends_at = plan.ends_at or (by_hand.ends_at if by_hand else None)
    return Left(plan.credits, told.told_at, ends_at, "what AWS says of your account")


def case(left: Left, monthly: float, asked: Asked, told: costs.Given | None = None) -> Case | None:
    """What is said of credits; None when none are left, or nothing is paid with them."""
    now, ends_at, daily = asked.now, left.ends_at, monthly / MONTH_DAYS
    balance = left.balance - daily * (now - left.at).days
    if balance <= 0 or monthly <= 0 or (ends_at is not None and ends_at <= now):
        return None
    used_up_at = now + timedelta(days=min(balance / daily, 36_500))
    over_at = min(used_up_at, ends_at) if ends_at else used_up_at
    lapses = max(0.0, balance - daily * (ends_at - now).days) if ends_at else 0.0
    on = _day(over_at)
    remaining, lapsing, bill = (_money(one, asked.currency) for one in (balance, lapses, monthly))
    months = max(1.0, (ends_at - now).days / MONTH_DAYS) if ends_at else 1.0
    free = told.allowances[:SHOWN] if told else ()
    return Case(
        title=f"Credits until {on}",
        what=f"Have {bill} a month ready from {on} on: until then credits pay.",
        why=_why(lapsing if lapses else None, ends_at),
        saving=Saving(0.0, lapses / months, lapses / months, "What would lapse, if you use it up."),
        worst=Worst(monthly, f"a month is charged to your card from {on} on"),
        break_even=BreakEven("Now", f"About {remaining} are left, of which {lapsing} would lapse."),
        evidence=Evidence(
            title="What is left of the credits",
            words="What is left at the end of each month, in whole units, at the present pace."
            + (" Below it what is free each month, what is used most first." if free else ""),
            heading="Month",
            unit="left",
            series=_left(balance, daily, now, ends_at),
            columns=("Free each month", "Used so far", "Forecast", "Limit") if free else (),
            rows=tuple((name(one), *one.words) for one in free),
        ),
        known_from=f"{left.source}, and the newest bills",
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
        checks=_checks(told),
    )


def _why(lapsing: str | None, ends_at: datetime | None) -> str:
    if ends_at is None:
        return "At this pace they are used up then. When they lapse AWS does not say: see its console."
    if lapsing is None:
        return f"At this pace they are used up before they lapse on {_day(ends_at)}."
    return (
        f"At this pace {lapsing} of them lapse on {_day(ends_at)}: bring forward what you mean to try anyway."
    )


def _checks(told: costs.Given | None) -> tuple[tuple[str, str], ...]:
    if told is None:
        return (
            (
                "Free tier",
                "Accounts made since 15 July 2025 get credits instead of a free year. Always free: a million "
                "calls and 400,000 GB seconds of Lambda a month",
            ),
        )
    nearly = ", ".join(f"{name(one)} ({100 * one.share:.0f} %)" for one in told.nearly)
    calm = "Far from every limit" if told.allowances else "Nothing of it is used"
    free = ("Nearly used up, as AWS expects" if nearly else "Free tier", nearly or calm)
    plan = told.plan
    if plan is None:
        return (free,)
    until = f" until {_day(plan.ends_at)}" if plan.ends_at else ""
    return ("Plan of the account", f"{PLANS.get(plan.kind, plan.kind)}{until}, {plan.status.lower()}"), free


def name(one: costs.Allowance) -> str:
    """What is free, in AWS's words."""
    kind = f", {one.kind.lower()}" if one.kind else ""
    return f"{one.service}: {one.usage}{kind}"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


def _money(amount: float, currency: str) -> str:
    return Money(round(amount * 10 ** MINOR_DIGITS[currency]), currency).exact


def _left(
    balance: float, daily: float, now: datetime, ends_at: datetime | None
) -> tuple[tuple[str, int], ...]:
    found = [("now", round(balance))]
    for number in range(1, 13):
        at = now + timedelta(days=number * MONTH_DAYS)
        left = 0.0 if ends_at and at >= ends_at else max(0.0, balance - daily * (at - now).days)
        found.append((f"{at:%b %Y}", round(left)))
        if not left:
            break
    return tuple(found)
