"""Laws of the worker: every queue is consumed, every fact reacted to, every task named and known."""

import ast
import re
from fnmatch import fnmatch

import portal.schema  # noqa: F401 - tells every fact
from deploy.local import services
from portal.kit.outbox import Fact
from tests.house.reading import files, tree
from worker import reactions, schedule

NAME = re.compile(r"^[a-z]+\.[a-z_]+$")


def tasks():
    """The name of every task with its file's name, read from the decorators."""
    return [
        (mark.args[0].value, path.stem)
        for path in files("worker")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "task"
    ]


def included():
    """The files that the worker reads its tasks from."""
    [application] = [path for path in files("worker") if path.stem == "app"]
    return application.read_text()


def test_every_queue_is_consumed():
    assert set(services.QUEUES.split(",")) == set(schedule.QUEUES)
    assert set(schedule.ROUTES.values()) <= set(schedule.QUEUES)


def test_every_route_leads_a_task():
    assert all(any(fnmatch(name, pattern) for name, _ in tasks()) for pattern in schedule.ROUTES)


def test_every_task_is_called_noun_verb():
    assert tasks() and all(NAME.match(name) for name, _ in tasks())


def test_no_two_tasks_share_a_name():
    assert len({name for name, _ in tasks()}) == len(tasks())


def test_every_file_with_tasks_is_read_by_the_worker():
    assert all(f'"{stem}"' in included() for _, stem in tasks())


def test_every_duty_has_its_task():
    assert {duty.task for duty in schedule.DUTIES} <= {name for name, _ in tasks()}


def test_every_fact_has_its_place_in_the_table():
    told = {name for name, fact in Fact.known.items() if fact.__module__.startswith("portal.")}
    assert told == set(reactions.REGISTERED)


def test_the_names_of_a_facts_reactions_differ():
    assert all(len(set(names)) == len(names) for names in reactions.REGISTERED.values())
