"""A month in which costs grow day by day: who is written to, when, and never twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from portal import costs
from portal.kit.db import unit
from tests.costs.bills import OSCAR, bill, line
from tests.worker.stage import follow, letters, someone
from worker.costs import watch

DAY = timedelta(days=1)
START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def operator(house):
    with house.sessions() as session, unit(session):
        someone(session, "Oscar", now=START).staff_role = "operator"
        someone(session, "Sue", now=START).staff_role = "support"


def billed(house, day):
    """The bill on the morning after `day`: October whole, and four dollars a day since."""
    past = [line("1", day=f"2026-10-{number:02}") for number in range(1, 32)]
    lines = [line("3", "ECS", day=f"2026-11-{n:02}") for n in range(1, day + 1)]
    lines += [line("1", "RDS", day=f"2026-11-{n:02}") for n in range(1, day + 1)]
    with house.sessions() as session, unit(session):
        now = START + day * DAY
        costs.take_bills(session, [bill(*past, *lines)], currency="usd", actor=OSCAR, now=now)


def test_in_a_simulated_month_every_alert_is_sent_exactly_once(house, operator):
    with ThreadPoolExecutor(2) as pool:
        for day in range(1, 31):
            billed(house, day)
            now = START + day * DAY - timedelta(minutes=10)
            assert sum(pool.map(lambda _, now=now: watch(house, now=now), range(2))) <= 3
            follow(house)
    written = letters(house, "costs/reached")
    assert {letter.to for letter in written} == {"oscar@example.com"}
    assert sorted(letter.subject for letter in written) == [
        "Costs of November 2026 reached $10",
        "Costs of November 2026 reached $100",
        "Costs of November 2026 reached $50",
        "Costs of November 2026 will reach $10",
        "Costs of November 2026 will reach $100",
        "Costs of November 2026 will reach $50",
    ]
    fifty = next(one for one in written if one.subject.endswith("reached $50"))
    assert "- ECS: $39.00, 75 %" in fifty.text and "- RDS: $13.00, 25 %" in fifty.text
    with house.sessions() as session:
        assert len(costs.raised(session)) == 6


def test_without_an_operator_nobody_is_written_to(house):
    billed(house, 20)
    watch(house, now=START + 20 * DAY)
    follow(house)
    assert not letters(house)
