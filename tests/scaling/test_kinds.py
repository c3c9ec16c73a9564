"""Kinds: every one says its case in the same shape, lives the same life, and is measured in its own way."""

import importlib
from dataclasses import replace

import pytest

from portal import scaling
from portal.kit.money import Money
from portal.scaling import cases, kinds
from tests.costs.bills import bill, take
from tests.scaling.test_suggestions import DAY, NOW, SURE, act, day_of, past, shown

CASE = scaling.Case(
    title="Two tasks instead of three",
    what="Run two tasks at night.",
    why="The third was idle in every night of four weeks.",
    saving=scaling.Saving(4.5, 5, 6.25, "Measured on 28 nights."),
    worst=scaling.Worst(12, "more is paid if every night is busy", 30),
    break_even=scaling.BreakEven("First night", "It costs nothing to try."),
    evidence=scaling.Evidence("Load", "By hour.", columns=("Hour", "Calls"), rows=(("02:00", "14"),)),
    known_from="28 days of calls",
    steps=(scaling.Step("Change", "aws ecs update-service --at QUEUED_AT"),),
    undo="aws ecs update-service",
    alternatives=(scaling.Alternative("One task", scaling.Saving(9, 9, 9), 400, "Too few by day."),),
    checks=(("Load", "Known"),),
    data={"services": ["relational"]},
)


def made(session, kind="pause", case=CASE, now=NOW, subject="web"):
    """The id of a suggestion of a kind, as a night of looking made it."""
    looked = replace(kinds.KINDS[kind], look=lambda session, asked: [scaling.Found(subject, case, now)])
    [found] = scaling.suggest(session, "usd", SURE, now=now, kinds=(looked,))
    return found


@pytest.mark.parametrize(
    "evidence", [CASE.evidence, scaling.Evidence("Load", "x", "Hour", "calls", (("2", 3),), (2, "y"))]
)
def test_a_case_is_read_as_it_was_written(evidence):
    case = replace(CASE, evidence=evidence)
    assert cases.read(cases.write(case)) == case


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_every_kind_is_shown_in_money_with_its_dates(session, kind):
    one = shown(session, made(session, kind))
    assert one.saving.words == "$4.50 to $6.25" and one.worst == Money(12_00) and one.state == "open"
    assert one.ends_at == NOW + 30 * DAY
    assert one.steps == (("Change", "aws ecs update-service --at 2026-11-03T03:00:00Z"),)
    assert [other.saving.words for other in one.alternatives] == ["$9.00"]


def test_what_its_kind_does_not_speak_of_for_a_week_expires(session):
    one = made(session)
    scaling.suggest(session, "usd", SURE, now=NOW + 6 * DAY)
    assert shown(session, one).state == "open"
    scaling.suggest(session, "usd", SURE, now=NOW + 7 * DAY)
    assert shown(session, one).state == "expired"


def test_what_is_put_aside_stays_so_when_it_was_not_worth_it_for_a_night(session):
    def night(at, case):
        looked = replace(kinds.KINDS["pause"], look=lambda session, asked: [scaling.Found("web", case, at)])
        return scaling.suggest(session, "usd", SURE, now=at, kinds=(looked,))

    act(session, scaling.snooze, made(session))
    assert night(NOW + DAY, None) == night(NOW + 2 * DAY, CASE) == []
    assert len(night(NOW + 31 * DAY, CASE)) == 1


def test_what_stands_is_listed_before_what_is_over(session):
    one = made(session)
    act(session, scaling.dismiss, made(session, subject="worker", now=NOW + DAY), "It is needed.")
    assert [found.row.id for found in scaling.suggestions(session, "usd", now=NOW + DAY, size=1)] == [one]


def test_two_subjects_of_a_kind_stand_side_by_side(session):
    assert len({made(session, subject=subject) for subject in ("web", "worker")}) == 2


def test_what_changes_what_runs_is_decided_before_it_is_promised(session):
    take(session, bill(*past()), now=NOW)
    [promise] = scaling.suggest(session, "usd", SURE, now=NOW)
    other, apart = (
        made(session, subject=subject, case=replace(CASE, data={"services": [subject]}))
        for subject in ("rds", "lambda")
    )
    first = scaling.to_decide_first(session, shown(session, promise), now=NOW)
    assert [one.row.id for one in first] == [other]
    act(session, scaling.dismiss, other, "It is needed.")
    assert scaling.to_decide_first(session, shown(session, promise), now=NOW) == []
    assert scaling.to_decide_first(session, shown(session, apart), now=NOW) == []


def test_another_shape_is_measured_by_what_a_day_cost_before_and_costs_since(session):
    one = made(session)
    act(session, scaling.apply, one)
    cheaper = [day_of(NOW.replace(hour=0) + number * DAY, "1.00") for number in range(16)]
    take(session, bill(*past(28), *cheaper), now=NOW + 16 * DAY)
    scaling.suggest(session, "usd", SURE, now=NOW + 16 * DAY)
    found = shown(session, one)
    assert (found.state, found.row.measured_days, found.saved) == ("realised", 15, Money(15 * 1_40))


def test_what_was_suggested_before_there_were_kinds_is_read_in_their_shape():
    step = importlib.import_module("migrations.versions.0013_kinds")
    promise = {
        "hourly": 0.07,
        "level": 0.1,
        "low": 2,
        "likely": 2,
        "high": 3,
        "worst": 613,
        "saved": 4,
        "tried": 5,
    }
    told = {"days": 60, "needed": 0.7, "promised": 0, "above": {"30": 1.0}, "break_even_months": 8.4}
    case = cases.read(step.case("database", told | {"suggested": promise, "usual": None}))
    assert case.title == "RDS reserved instances" and not case.against and case.worst.days == 365
    assert case.evidence.series == (("30 days", 100),)
    assert cases.read(step.case("database", told | {"suggested": None, "usual": promise})).against
