"""Unusual costs: told once, where they begin, and not for what comes every week."""

import csv
import gzip
import io
import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from portal import costs
from portal.costs.anomalies import unusual
from portal.kit.money import Money
from tests.costs.bills import bill, line, real, take

HOUR = timedelta(hours=1)
WEEK = [10, 10, 10, 10, 10, 4, 4]


def places(series, **options):
    return [one.at for one in unusual(series, **options)]


def test_a_spike_is_told_with_what_is_usual():
    [found] = unusual([*WEEK * 4, 10, 25])
    assert (found.at, found.value, found.usual) == (29, 25, 10)


def test_what_stays_high_is_told_once():
    assert places([10] * 30 + [20] * 30) == [30]


@pytest.mark.parametrize(
    "series",
    [WEEK * 8, [0.01] * 20 + [0.5], [10 * 1.02**n for n in range(60)], [10] * 11 + [50], [10] * 30 + [2]],
    ids=["every week", "less than a dollar", "growth", "too short a past", "a fall"],
)
def test_what_is_usual_or_not_worth_a_look_is_not_told(series):
    assert places(series) == []


def test_noise_raises_few_false_alarms():
    drawn, told = random.Random(5), 0
    for _ in range(50):
        told += len(unusual([max(0, drawn.gauss(20, 3)) for _ in range(70)]))
    assert told <= 10


def test_services_are_looked_at_apart(session):
    lines = [line("10", "ECS", f"2026-10-{day:02}") for day in range(1, 32)]
    lines += [line("5", "RDS", f"2026-10-{day:02}") for day in range(1, 31)]
    lines.append(line("15", "RDS", "2026-10-31"))
    take(session, bill(*lines))
    [found] = costs.spikes(session, "usd", now=datetime(2026, 11, 1, tzinfo=UTC))
    assert (found.service, found.day.day, found.cost, found.usual) == ("RDS", 31, Money(1500), Money(500))
    assert costs.spikes(session, "usd", now=datetime(2026, 11, 20, tzinfo=UTC)) == []


def test_the_labelled_anomalies_are_found_with_few_false_alarms():
    folder, false = real("cloudwatch"), 0
    for name, windows in json.loads((folder / "labels_windows.json").read_text()).items():
        content = gzip.decompress((folder / f"{name.rpartition('/')[2]}.gz").read_bytes()).decode()
        hours = {}
        for row in csv.DictReader(io.StringIO(content)):
            at = datetime.fromisoformat(row["timestamp"]).replace(minute=0, second=0)
            hours.setdefault(at, []).append(float(row["value"]))
        times = sorted(hours)
        series = [sum(hours[at]) / len(hours[at]) for at in times]
        told = [times[at] for at in places(series, season=24, least=0)]
        spans = [[datetime.fromisoformat(one) for one in window] for window in windows]
        hit = [[at for at in told if begin - HOUR <= at <= end] for begin, end in spans]
        assert all(hit), name
        false += len(told) - sum(map(len, hit))
    assert false <= 4
