"""The application of Celery, and what all tasks have in common.

`celery -A worker.app worker` works, `celery -A worker.app beat` keeps the clock. Settings are read
when they are first needed, so that importing this needs none.
"""

import functools
import logging
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import redis
from celery import Celery, Task, signals
from celery.beat import Service
from sqlalchemy.exc import OperationalError

from portal.gate import Unavailable
from portal.kit import logs, settings
from worker import house, schedule

OUTSIDE = (OperationalError, redis.RedisError, Unavailable, OSError)
"""What goes wrong outside of the product, and may go right a little later."""

Verb = Callable[..., None]
NOUNS = (
    "relay",
    "letters",
    "metering",
    "plans",
    "accounts",
    "billing",
    "support",
    "post",
    "quotes",
    "costs",
    "scaling",
)
MODULES = tuple(f"worker.{noun}" for noun in NOUNS)
VERBS: dict[str, Verb] = {}
"""Every task that the imported modules made, by name."""

TASK_SECONDS = 240
"""The longest that any task may take; what is lost with a worker is begun anew a minute later."""


class Work(Task):  # type: ignore[misc]
    """A task: its arguments are ids; outside troubles are tried again, refusals never."""

    autoretry_for = OUTSIDE
    max_retries = 5
    retry_backoff = 1
    retry_backoff_max = 60


def configuration() -> dict[str, Any]:
    """What Celery is told, from this process's settings."""
    return {
        "broker_url": _read_settings().broker_url,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {"visibility_timeout": TASK_SECONDS + 60},
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "task_time_limit": TASK_SECONDS,
        "task_default_exchange": "upkeep",
        "task_default_exchange_type": "direct",
        "task_default_queue": "bulk",
        "task_default_routing_key": "bulk",
        "task_create_missing_queues": False,
        "task_queues": {
            name: {"exchange": "upkeep", "exchange_type": "direct", "routing_key": name}
            for name in schedule.QUEUES
        },
        "task_routes": {pattern: {"queue": queue} for pattern, queue in schedule.ROUTES.items()},
        "beat_schedule": schedule.beat(),
        "beat_scheduler": "celery.beat:Scheduler",  # in memory: every duty may be done once too often
        "timezone": "UTC",
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


app = Celery("upkeep", task_cls=Work, include=MODULES)
app.add_defaults(configuration)


def task(name: str, *, tried_again: bool = True) -> Callable[[Verb], Task]:
    """Make a verb a task called `noun.verb`; what the clock asks for again soon need not be tried again."""
    options: dict[str, Any] = {} if tried_again else {"autoretry_for": ()}

    def make(verb: Verb) -> Task:
        VERBS[name] = verb
        return app.task(name=name, **options)(verb)

    return make


@functools.cache
def home() -> house.House:
    """What this process's tasks work with; opened when the first one asks."""
    return house.open_house(_read_settings())


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]
def move_in(**_: Any) -> None:
    """A forked process shares no connection with its parent."""
    home.cache_clear()


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def write_logs(**_: Any) -> None:
    """Our JSON lines instead of Celery's, whose lines for every task and duty would drown the rest."""
    logs.configure()
    for chatty in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("celery.beat").addFilter(
        lambda line: not str(line.msg).startswith("Scheduler: Sending")
    )


@signals.beat_init.connect  # type: ignore[untyped-decorator]
def begin_soon(sender: Service, **_: Any) -> None:
    """A clock that is started anew does not wait for hours: whoever starts it daily would never see them."""
    for entry in sender.scheduler.schedule.values():
        entry.last_run_at -= max(entry.schedule.run_every - schedule.FIRST_AFTER, timedelta(0))


@signals.before_task_publish.connect  # type: ignore[untyped-decorator]
def carry_request_id(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """A task belongs to the request in which it was asked for."""
    if headers is not None and logs.request_id.get() is not None:
        headers.setdefault("request_id", logs.request_id.get())


@signals.task_prerun.connect  # type: ignore[untyped-decorator]
def follow_request_id(task_id: str, task: Task, **_: Any) -> None:
    """What a task logs, tells and asks for belongs to the same request, or to itself."""
    logs.request_id.set(task.request.get("request_id") or f"task_{task_id}")


def _read_settings() -> settings.Settings:
    try:
        return settings.load(os.environ)
    except settings.SettingsError as problem:
        sys.exit(str(problem))
