"""Spot, as planned and suggested: the smallest base on demand that keeps enough tasks running."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.scaling.models import SpotFallback
from portal.scaling.spotting import beats_promise, cost_ratio, plan, plans, short
from tests.scaling.running import always, runs
from tests.scaling.test_pausing import suggested


def test_what_it_costs_of_all_on_demand():
    assert cost_ratio(4, 4, 0.5, 0.9) == 1
    assert cost_ratio(4, 1, 0.5, 1) == pytest.approx(0.25 + 0.75 * 0.5)
    assert cost_ratio(4, 0, 0.5, 0.9) == pytest.approx(0.45 + 0.1)


@pytest.mark.parametrize(
    ("tasks", "needed", "availability", "least", "base"),
    [(4, 3, 0.95, 2, 2), (4, 2, 0.95, 0, 0), (2, 2, 0.95, 1, 2), (4, 3, 1.0, 1, 1), (4, 3, 0.5, 1, 3)],
)
def test_the_smallest_base_that_meets_the_target(tasks, needed, availability, least, base):
    assert plan(tasks, needed, 0.5, availability, target=0.01, least=least).base == base


def test_without_a_stand_in_more_has_to_stay_on_demand():
    with_it = plan(4, 3, 0.5, 0.95, target=0.01)
    without = plan(4, 3, 0.5, 0.95, target=0.01, stood_in_for=False)
    assert with_it.base < without.base == 3


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 12),
    st.floats(0, 1),
    st.floats(0.05, 1),
    st.floats(0, 0.2),
    st.booleans(),
    st.data(),
)
def test_a_plan_keeps_its_target_with_the_fewest_and_more_base_is_never_shorter(
    tasks, availability, ratio, target, stood_in_for, data
):
    needed, least = data.draw(st.integers(1, tasks)), data.draw(st.integers(0, tasks))
    every = plans(tasks, needed, ratio, availability, stood_in_for=stood_in_for)
    assert all(one.short >= more.short - 1e-9 for one, more in pairwise(every))
    assert all(0 <= one.short <= 1 and one.cost_ratio <= 1 + 1e-9 for one in every)
    assert every[-1].short == 0
    found = plan(tasks, needed, ratio, availability, target=target, least=least, stood_in_for=stood_in_for)
    assert found.short <= target and found.base >= least
    assert all(one.short > target for one in every[least : found.base])


def test_independent_outages_are_counted_exactly():
    assert short(2, 0, 1, 0.9, stood_in_for=False) == pytest.approx(0.5 * 0.1 + 0.5 * 0.01)


def test_a_promise_is_cheaper_where_spot_is_hardly_ever_there():
    assert beats_promise(0.5, 0.95, 0.8) and not beats_promise(0.5, 0.3, 0.8)


def test_a_service_and_a_worker_on_demand_are_suggested_for_spot_with_both_texts(session):
    runs(session, "ecs", facts={"desired": 4}, cpu=always(80), memory=always(80), requests=always(9))
    facts = {"target_group": None, "desired": 4, "definition": "worker:2"}
    runs(session, "ecs", "worker", facts=facts, cpu=always(80), memory=always(80))
    found = suggested(session)
    web, worker = found["spot", "ecs/main/web"], found["spot", "ecs/main/worker"]
    assert web.case.what == "Run 2 of the 4 tasks of web on spot."
    assert worker.case.what == "Run 4 of the 4 tasks of worker on spot."
    assert web.saving.low < web.saving.likely < web.saving.high and web.worst.amount == 0
    texts = dict(web.steps)
    assert "capacityProvider=FARGATE_SPOT,weight=1" in texts["Make a second service on spot"]
    assert "--load-balancers" in texts["Make a second service on spot"]
    assert any("SPOT_PAIRS=main/web-spot+web:2:4" in text for text in texts.values())
    assert "delete-service" in web.case.undo and "--desired-count 4" in web.case.undo
    assert ("2, suggested", "76 %", "0.66 %") in web.case.evidence.rows
    assert "95 %, assumed" in dict(web.case.checks)["Availability of spot"]
    assert [one.told.name for one in web.alternatives] == ["Promise all of it for a year instead"]


def test_how_many_run_is_taken_from_the_week_and_not_from_a_moment_of_sleep(session):
    busy = {"cpu": always(80), "memory": always(80), "requests": always(9)}
    row = runs(session, "ecs", facts={"desired": 4}, **busy)
    row.facts = row.facts | {"desired": 0}
    session.flush()
    assert suggested(session)["spot", "ecs/main/web"].case.what == "Run 2 of the 4 tasks of web on spot."


def test_what_is_on_spot_or_stands_in_for_it_is_left_alone(session):
    spot = {"launch": None, "providers": [{"name": "FARGATE_SPOT", "weight": 1, "base": 0}], "desired": 4}
    busy = {"cpu": always(80), "memory": always(80), "requests": always(9)}
    runs(session, "ecs", "api-spot", facts=spot, **busy)
    runs(session, "ecs", "api", facts={"desired": 4}, **busy)
    runs(session, "ecs", "web", facts={"desired": 4}, **busy)
    session.add(SpotFallback(pair="main/other+web"))
    runs(session, "ecs", "small", facts={"desired": 1}, **busy)
    assert set(suggested(session)) == set()


def test_availability_is_measured_once_enough_was_watched(session):
    session.add(SpotFallback(pair="main/other+else", watched=100_000, missing=40_000))
    runs(session, "ecs", facts={"desired": 4}, cpu=always(80), memory=always(80), requests=always(9))
    assert suggested(session)["spot", "ecs/main/web"].case.what == "Run 1 of the 4 tasks of web on spot."
    session.get(SpotFallback, "main/other+else").missing = 100
    one = suggested(session)["spot", "ecs/main/web"]
    assert one.case.what == "Run 2 of the 4 tasks of web on spot."
    assert "99.9 %, measured" in dict(one.case.checks)["Availability of spot"]
