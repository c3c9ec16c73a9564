"""What a month comes to: the range holds what comes, about as often as it says."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from portal import costs
from portal.costs.forecasting import Days, expect
from portal.kit.money import Money
from tests.costs.bills import OSCAR, bill, line, take

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def days(count, cost=lambda day: 2, until=START + 14 * DAY, others=None):
    """So many days up to `until`, included."""
    span = [until - number * DAY for number in range(count)]
    return Days({day: Decimal(str(cost(day))) for day in span}, others or {})


def on_the_bill(found):
    return sum((cost for day, cost in found.usage.items() if day >= START), Decimal())


def test_a_bill_that_never_changes_is_known_to_the_cent():
    found = days(60)
    expected = expect(found, on_the_bill(found), START, END)
    assert (expected.so_far, expected.low, expected.likely, expected.high) == (30, 60, 60, 60)


def test_the_newest_day_may_not_be_over():
    found = days(60, lambda day: 1 if day == START + 14 * DAY else 2)
    assert expect(found, on_the_bill(found), START, END).likely == 60


def test_without_a_past_the_range_is_wide():
    found = days(3, until=START + 2 * DAY)
    expected = expect(found, on_the_bill(found), START, END)
    assert expected.low < Decimal(50) and expected.high > Decimal(70)


def test_a_fee_that_came_late_in_the_last_month_is_expected_again():
    fees = {datetime(2026, 10, 3, tzinfo=UTC): Decimal(5), datetime(2026, 10, 31, tzinfo=UTC): Decimal(7)}
    found = days(60, others=fees)
    assert expect(found, on_the_bill(found), START, END).likely == 67


def test_a_month_without_a_bill_is_taken_from_the_one_before():
    found = days(60, until=START - DAY)
    assert expect(found, Decimal(), START, END).likely == 60


def test_an_old_bill_says_nothing_of_this_month():
    found = days(60, until=START - 60 * DAY)
    assert expect(found, Decimal(), START, END).high == 0


def test_the_range_holds_about_eight_of_ten_outcomes():
    drawn, held, tried = random.Random(7), 0, 0
    for _ in range(60):
        level, cost = 3.0, {}
        for number in range(150):
            level = max(0.5, level * (1 + drawn.gauss(0, 0.02)))
            cost[START - 120 * DAY + number * DAY] = level * (0.7 if number % 7 > 4 else 1)
        for known in (7, 14, 21):
            seen = {day: Decimal(str(one)) for day, one in cost.items() if day < START + known * DAY}
            found = Days(seen, {})
            expected = expect(found, on_the_bill(found), START, END)
            truth = sum(one for day, one in cost.items() if START <= day < END)
            held += float(expected.low) <= truth <= float(expected.high)
            tried += 1
    assert 0.7 <= held / tried <= 0.92, held / tried


def november(until, **more):
    lines = [line("2", day=f"{START - 60 * DAY + n * DAY:%Y-%m-%d}", **more) for n in range(60)]
    return [*lines, *(line("2", day=f"2026-11-{n:02}", **more) for n in range(1, until + 1))]


def test_what_is_typed_counts_whole_and_bills_are_expected_on_top(session):
    costs.add(session, "Mail", "Mail", Money(1000), begins_at=START, actor=OSCAR, now=START)
    take(session, bill(*november(10)))
    found = costs.outlook(session, "usd", now=START + 11 * DAY)
    assert (found.so_far, found.low, found.likely, found.high) == (
        Money(3000),
        Money(7000),
        Money(7000),
        Money(7000),
    )
    assert found.billed_until == datetime(2026, 11, 10, tzinfo=UTC)


def test_what_is_typed_for_a_bill_is_not_expected_twice(session):
    costs.add(session, "AWS", "AWS", Money(5000), begins_at=START, billed_by="aws", actor=OSCAR, now=START)
    take(session, bill(*november(0)))
    assert costs.outlook(session, "usd", now=START + 3 * DAY).likely == Money(5000)
    take(session, bill(*november(3)))
    assert costs.outlook(session, "usd", now=START + 3 * DAY).likely == Money(6000)
