"""Credits, as suggested: until when a provider's credits pay the bill, and what of them would lapse."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from sqlalchemy.orm import Session

from portal import costs
from portal.scaling.cases import Asked, BreakEven, Case, Evidence, Found, Saving, Step, Worst
from portal.scaling.figures import Credits, figures

SUBJECT = "balance"
MONTH_DAYS = 365 / 12
DAY = timedelta(days=1)


def look(session: Session, asked: Asked) -> Iterable[Found]:
    """The credits that were typed, against what a month costs now."""
    known = figures(session).credits
    if known is None:
        return
    monthly = float(costs.measured(session, asked.currency, now=asked.now).monthly)
    yield Found(SUBJECT, case(known, monthly, asked), asked.now)


def case(known: Credits, monthly: float, asked: Asked) -> Case | None:
    """What is said of credits; None when there are none left, or nothing is paid with them."""
    now, ends_at = asked.now, datetime.combine(known.ends, time(), UTC)
    if known.balance <= 0 or monthly <= 0 or ends_at <= now:
        return None
    daily = monthly / MONTH_DAYS
    lasts_until = now + timedelta(days=min(known.balance / daily, 36_500))
    over_at = min(lasts_until, ends_at)
    days = max(1, (over_at - now).days)
    lapses = max(0.0, known.balance - daily * (ends_at - now).days)
    on, ends_on = f"{over_at:%d %B %Y}".lstrip("0"), f"{ends_at:%d %B %Y}".lstrip("0")
    use = (
        f"At this pace {lapses:,.2f} of them lapse on {ends_on}: bring forward what you mean to try anyway."
        if lapses
        else "They are used up before they lapse."
    )
    paid = min(monthly, known.balance)
    return Case(
        title=f"Credits until {on}",
        what=f"Have {monthly:,.2f} a month ready from {on} on, which credits pay until then.",
        why=use,
        saving=Saving(paid, paid, paid, "What credits pay of the bill a month, until they end."),
        worst=Worst(monthly, "a month is charged to your card from the day on which they end", days),
        break_even=BreakEven("Now", f"{known.balance:,.2f} are left, of which {lapses:,.2f} would lapse."),
        evidence=Evidence(
            title="What is left of the credits",
            words="What is left at the end of each month, in whole units, at the present pace.",
            heading="Month",
            unit="left",
            series=_left(known.balance, daily, now, ends_at),
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


def _left(balance: float, daily: float, now: datetime, ends_at: datetime) -> tuple[tuple[str, int], ...]:
    found = [("now", round(balance))]
    for number in range(1, 13):
        at = now + timedelta(days=number * MONTH_DAYS)
        left = 0.0 if at >= ends_at else max(0.0, balance - daily * (at - now).days)
        found.append((f"{at:%b %Y}", round(left)))
        if not left:
            break
    return tuple(found)
