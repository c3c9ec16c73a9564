"""Back-testing: exact where the answer is known, and the advice better than what it is compared with."""

import gzip
import itertools
import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import scaling
from portal.cli import upkeep
from portal.scaling.hindsight import WEEK_HOURS, optimum

HEAD = "start_utc=2026-01-01 00:00:00 step=1h unit=calls\n"


def weeks_of(*levels):
    return np.repeat(np.array(levels, float), WEEK_HOURS).reshape(-1, WEEK_HOURS)


def wavy(weeks, growth=0.0, seed=1):
    """A demand with days, weekends, noise and growth."""
    hours, chance = np.arange(weeks * WEEK_HOURS), np.random.default_rng(seed)
    day = 10 + 4 * np.sin(hours / 24 * 2 * np.pi) - 2 * (hours // 24 % 7 >= 5)
    return np.maximum(0, day * (1 + growth * hours / len(hours)) + chance.normal(0, 1, len(hours)))


def cheapest(weeks, beta, term):
    """The least cost by trying every way to promise 0 to 3 units at the start of each week."""
    best = float("inf")
    for units in itertools.product(range(4), repeat=len(weeks)):
        level = np.zeros(len(weeks))
        for week, promised in enumerate(units):
            level[week : week + term] += promised
        best = min(best, beta * WEEK_HOURS * level.sum() + np.maximum(0, weeks - level[:, None]).sum())
    return best


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=7, max_size=7), min_size=1, max_size=4), st.integers(1, 3)
)
@settings(max_examples=25, deadline=None)
def test_hindsight_finds_the_cheapest_of_all_ways(days, term):
    weeks = np.repeat(np.array(days, float), 24, axis=1)
    assert optimum(weeks, 0.6, term) == pytest.approx(cheapest(weeks, 0.6, term))


def test_a_steady_demand_is_worth_the_whole_discount():
    assert optimum(weeks_of(*[5] * 60), 0.7, 52) == pytest.approx(0.7 * 5 * 60 * WEEK_HOURS)


def test_on_a_steady_demand_the_advice_is_the_optimum():
    found = scaling.backtest("steady", np.full(200 * WEEK_HOURS, 7.0), beta=0.7, history_weeks=13)
    assert found.weeks[0] == 104
    for outcome in found.outcomes["agreement"]:
        assert outcome.regret == pytest.approx(0, abs=1e-9) and outcome.of_on_demand == pytest.approx(0.7)


def test_nobody_beats_hindsight():
    found = scaling.backtest("wavy", wavy(150, growth=1.0), beta=0.7, history_weeks=13)
    assert min(one.regret for outcomes in found.outcomes.values() for one in outcomes) >= -1e-9


def test_the_advice_regrets_less_than_a_look_back_of_two_months_on_demand_with_seasons():
    year = 52 * WEEK_HOURS
    season = 1 + 0.5 * np.sin(np.arange(4 * year) / year * 2 * np.pi)
    found = scaling.summarise([scaling.backtest("seasons", wavy(208) * season, beta=0.7, history_weeks=60)])
    assert found["agreement"].mean_regret < 0.6 * found["look-back 60 d monthly"].mean_regret
    assert found["agreement"].worst_of_on_demand <= 1


def test_a_series_without_a_whole_window_is_tried_on_a_shorter_one_or_not_at_all():
    assert scaling.backtest("short", wavy(13 + 51), beta=0.7, history_weeks=13) is None
    assert scaling.backtest("short", wavy(13 + 60), beta=0.7, history_weeks=13).weeks == [60]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Line 1 of"),
        ("hours\n1\n", "Line 1 of"),
        (HEAD + "1\nmany\n", "Line 3 of"),
        (HEAD + "1\n-2\n", "Line 3 of"),
        (HEAD + "nan\n", "Line 2 of"),
        (HEAD + "1\n" * 100, "65 weeks"),
    ],
)
def test_a_file_that_cannot_be_tried_is_refused_with_its_line(tmp_path, text, complaint):
    path = tmp_path / "demand.csv"
    path.write_text(text)
    done = CliRunner().invoke(upkeep, ["scaling", "backtest", str(path)])
    assert done.exit_code == 1 and complaint in done.output


@pytest.mark.parametrize(
    "option", ["--beta=1", "--beta=0", "--history-weeks=0", "--caution=0", "--caution=2"]
)
def test_an_option_out_of_bounds_is_refused(tmp_path, option):
    path = tmp_path / "demand.csv"
    path.write_text(HEAD)
    done = CliRunner().invoke(upkeep, ["scaling", "backtest", str(path), option])
    assert done.exit_code == 1 and option.split("=")[0] in done.output


def test_the_command_says_the_regret_of_everybody(tmp_path):
    path, short = tmp_path / "wavy.csv.gz", tmp_path / "short.csv"
    path.write_bytes(gzip.compress((HEAD + "\n".join(f"{hour:.3f}" for hour in wavy(120))).encode()))
    short.write_text(HEAD + "1\n")
    done = CliRunner().invoke(upkeep, ["scaling", "backtest", str(path), str(short), "--json"])
    said = json.loads(done.output)
    assert done.exit_code == 0 and said["too_short"] == ["short"]
    assert set(said["overall"]) == set(scaling.POLICIES)
    assert said["overall"]["on-demand"]["worst_of_on_demand"] == pytest.approx(1)
    [series] = said["series"]
    assert (series["name"], series["windows"]) == ("wavy", 1)
    table = CliRunner().invoke(upkeep, ["scaling", "backtest", str(path), str(short)])
    assert "agreement" in table.output and "Too short to be tried: short." in table.output
