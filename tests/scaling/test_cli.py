"""Suggestions from the command line: worked out, shown and decided."""

import json

import pytest

from portal.cli.scaling import scaling_group
from portal.cli.suggestions import suggestions_group
from portal.kit import clock
from portal.kit.db import unit
from tests.costs.bills import OSCAR
from tests.costs.verbs import upkeep
from tests.web import charges

__all__ = ["upkeep"]


@pytest.fixture
def ids(database):
    with database() as session, unit(session):
        return charges.fill(session, OSCAR, clock.now())


def test_suggestions_are_walked_by_command(upkeep, ids):
    assert upkeep(suggestions_group, "refresh").output == "0 new.\n"
    found = json.loads(upkeep(suggestions_group, "list", "--json").output)
    assert {one["subject"]: one["state"] for one in found} == {
        "compute": "open",
        "database": "applied",
        "cache": "rejected",
    }
    one = ids["suggestion"]
    assert f"{one}  Compute Savings Plan: open" in upkeep(suggestions_group, "list").output
    assert "create-savings-plan" in upkeep(suggestions_group, "show", one).output
    for verb, said in (
        ("later", "Later."),
        ("accept", "Accepted."),
        ("applied", "Applied."),
        ("reverted", "Undone."),
    ):
        assert upkeep(suggestions_group, verb, one).output == f"{said}\n"
    assert upkeep(suggestions_group, "dismiss", one, "No.").exit_code == 1
    assert upkeep(suggestions_group, "hazard", "5").output == "Noted: 5 % a month.\n"
    assert upkeep(suggestions_group, "show", "sug_nothing").exit_code == 1


def test_demand_that_is_damaged_is_refused_with_one_sentence(upkeep, tmp_path):
    (tmp_path / "calls.txt.gz").write_bytes(b"\x1f\x8b\x08" + b"\0" * 6 + b"\x03" + b"\xff" * 20)
    refused = upkeep(scaling_group, "backtest", str(tmp_path / "calls.txt.gz"))
    assert refused.exit_code == 1 and "cannot be read" in refused.output
