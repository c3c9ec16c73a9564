"""Laws of the worker's tasks, beside those of the house."""

import importlib
import inspect
import typing

import pytest
from celery import Celery, signals
from celery.beat import Scheduler, Service

from worker import schedule
from worker.app import MODULES, VERBS

for module in MODULES:
    importlib.import_module(module)


@pytest.mark.parametrize("name", VERBS)
def test_a_task_takes_ids(name):
    verb = VERBS[name]
    hints = typing.get_type_hints(verb)
    for parameter in inspect.signature(verb).parameters.values():
        assert hints[parameter.name] in (int, str)
        assert parameter.name.endswith("_id") or parameter.name == "reaction"


def test_a_duty_nobody_begins_is_dropped():
    for entry in schedule.beat().values():
        assert 0 < entry["options"]["expires"] <= max(5, entry["schedule"])


def test_a_clock_that_is_started_anew_each_hour_forgets_no_duty():
    clockwork = Celery("clock", broker="memory://", set_as_current=False)
    clockwork.conf.beat_schedule = schedule.beat()
    service = Service(clockwork, scheduler_cls=Scheduler)
    signals.beat_init.send(sender=service)
    waits = {entry.name: entry.is_due().next for entry in service.scheduler.schedule.values()}
    assert {duty.task for duty in schedule.DUTIES} <= waits.keys()
    assert {name: wait for name, wait in waits.items() if wait > 600} == {}
