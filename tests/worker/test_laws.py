"""Laws of the worker: its names, its queues, its arguments."""

import ast
import importlib
import inspect
import re
import typing

import pytest

from deploy.local import services
from tests.house.reading import ROOT, files, tree
from worker import schedule
from worker.app import MODULES, VERBS

for module in MODULES:
    importlib.import_module(module)


@pytest.mark.parametrize("name", VERBS)
def test_a_task_is_called_noun_and_verb(name):
    assert re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", name)


@pytest.mark.parametrize("name", VERBS)
def test_a_task_takes_ids(name):
    verb = VERBS[name]
    hints = typing.get_type_hints(verb)
    for parameter in inspect.signature(verb).parameters.values():
        assert hints[parameter.name] in (int, str)
        assert parameter.name.endswith("_id") or parameter.name == "reaction"


def test_every_module_with_tasks_is_told_to_the_worker():
    having = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in files("worker")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "task"
    }
    assert set(MODULES) == having


def test_every_duty_is_a_task():
    assert {duty.task for duty in schedule.DUTIES} <= set(VERBS)
    assert len({duty.task for duty in schedule.DUTIES}) == len(schedule.DUTIES)


def test_a_duty_nobody_begins_is_dropped():
    for entry in schedule.beat().values():
        assert 0 < entry["options"]["expires"] <= max(5, entry["schedule"])


def test_every_queue_that_is_named_exists_and_is_worked_on():
    assert set(schedule.ROUTES.values()) <= set(schedule.QUEUES)
    assert set(services.QUEUES.split(",")) == set(schedule.QUEUES)


def test_every_route_leads_somewhere():
    nouns = {name.split(".")[0] for name in VERBS}
    assert {pattern.removesuffix(".*") for pattern in schedule.ROUTES} <= nouns
