"""Costs and cash from the command line."""

import gzip
import json
from datetime import timedelta

import pytest

from portal.cli.cloud import costs_group
from portal.cli.costs import cash_group
from portal.kit import clock
from tests.costs import clouds
from tests.costs.bills import line, text
from tests.costs.verbs import upkeep

__all__ = ["upkeep"]


def test_costs_are_added_listed_and_ended(upkeep):
    added = upkeep(costs_group, "add", "Database", "26.50", "--from", "2026-01")
    assert added.exit_code == 0, added.output
    sentence, cost = added.output.splitlines()
    assert sentence == "Database costs $26.50 a month."
    ended = upkeep(costs_group, "end", cost, "--last", "2026-03")
    assert (ended.exit_code, ended.output) == (0, "Database ends with March 2026.\n")
    listed = upkeep(costs_group, "list").output
    assert f"{cost}  Database (Database): $26.50 from 2026-01 until 2026-03" in listed
    [row] = json.loads(upkeep(costs_group, "list", "--json").output)["typed"]
    assert (row["amount"], row["currency"], row["until"], row["state"]) == (2650, "usd", "2026-03", "ended")


@pytest.mark.parametrize(
    "words",
    [
        ("add", "Database", "much"),
        ("add", "Database", "0"),
        ("add", "Database", "5", "--currency", "xyz"),
        ("add", "Database", "5", "--from", "2026-05", "--until", "2026-04"),
        ("end", "cost_nothing"),
    ],
)
def test_what_cannot_be_is_refused_with_one_sentence(upkeep, words):
    refused = upkeep(costs_group, *words)
    assert refused.exit_code == 1 and len(refused.output.strip().splitlines()) == 1


def test_bills_are_imported_and_shown_to_the_cent(upkeep, tmp_path):
    folder = tmp_path / "bills"
    (folder / "more").mkdir(parents=True)
    (folder / "a.csv").write_text(text(line("1.255", EffectiveCost="0.5"), line("no")))
    (folder / "more" / "b.csv.gz").write_bytes(gzip.compress(text(line("2", "RDS")).encode()))
    done = upkeep(costs_group, "import", str(folder))
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "a.csv, line 3: BilledCost is no number: no.",
        "November 2026: AWS, account 123",
        "3 rows read, 2 kept, 1 set aside.",
    ]
    assert "imported before" in upkeep(costs_group, "import", str(folder)).output
    told = json.loads(upkeep(costs_group, "show", "--month", "2026-11", "--json").output)
    assert (told["billed"], told["effective"]) == ({"usd": 326}, {"usd": 250})
    assert [one["service"] for one in told["services"]] == ["RDS", "Fargate"]
    aside = json.loads(upkeep(costs_group, "import", str(folder), "--json").output)["aside"]
    assert aside == [{"file": "a.csv", "line": 3, "reason": "BilledCost is no number: no."}]


def test_alerts_are_listed_and_changed(upkeep):
    assert upkeep(costs_group, "alerts", "list").output.split() == ["$10.00", "$50.00", "$100.00"]
    assert upkeep(costs_group, "alerts", "add", "250").exit_code == 0
    assert upkeep(costs_group, "alerts", "remove", "10").exit_code == 0
    assert upkeep(costs_group, "alerts", "list").output.split() == ["$50.00", "$100.00", "$250.00"]
    assert upkeep(costs_group, "alerts", "remove", "10").exit_code == 1
    assert upkeep(costs_group, "add", "Server", "5", "--currency", "eur").exit_code == 0
    assert upkeep(costs_group, "alerts", "add", "7.50", "--currency", "eur").exit_code == 0
    assert "€7.50" in upkeep(costs_group, "alerts", "list").output.split()


def test_a_folder_without_bills_is_refused(upkeep, tmp_path):
    refused = upkeep(costs_group, "import", str(tmp_path))
    assert refused.exit_code == 1 and "holds no file that ends with" in refused.output


def test_cash_is_counted_and_the_runway_said(upkeep):
    assert "not known without costs" in upkeep(cash_group, "count", "4,200").output
    upkeep(costs_group, "add", "Servers", "500")
    assert (
        upkeep(cash_group, "count", "4200").output == "Noted: $4,200.00 in hand.\nRunway: About 8 months.\n"
    )


def test_aws_is_asked_by_command_and_before_that_it_is_said_what(upkeep, aws_url):
    environ, yesterday = clouds.environ(aws_url), clock.now() - timedelta(days=1)
    asked = upkeep(costs_group, "collect", "--dry-run", **environ).output
    assert f"to {yesterday:%Y-%m-%d} cost, for $0.01." in asked and "Asked this month: 0 times" in asked
    clouds.spends(aws_url, (f"{yesterday:%Y-%m-%d}", {("Amazon RDS", "Usage"): ("3", "3")}))
    done = upkeep(costs_group, "collect", **environ)
    assert done.exit_code == 0 and f"{yesterday:%Y-%m}: taken in." in done.output, done.output
    assert "0 found, 0 hours read." in upkeep(costs_group, "survey", **environ).output


@pytest.mark.parametrize("verb", ["collect", "survey"])
def test_without_a_region_or_aws_the_command_is_refused_with_one_sentence(upkeep, verb):
    for environ in ({}, clouds.environ("http://127.0.0.1:9")):
        refused = upkeep(costs_group, verb, **environ)
        assert refused.exit_code == 1 and len(refused.output.strip().splitlines()) == 1
