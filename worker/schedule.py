"""When work is done and where: the duties of the clock, and the queue of every task."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

QUEUES = ("urgent", "bulk", "letters")

ROUTES = {
    "relay.*": "urgent",
    "reactions.*": "urgent",
    "metering.*": "urgent",
    "letters.*": "letters",
    "post.*": "letters",
}
"""Which queue a task goes to; what is not named goes to bulk."""


@dataclass(frozen=True)
class Duty:
    """A task that the clock asks for. One not begun before the next is due is dropped."""

    task: str
    every_seconds: float

    @property
    def expires_seconds(self) -> float:
        """How long the duty may wait for a worker: a while longer than a busy moment, never for ever."""
        return max(self.every_seconds, 5.0)


MINUTE, HOUR = 60, 3600
FIRST_AFTER = timedelta(minutes=5)
"""How long a clock that was just started waits at most with any duty: it remembers nothing from before."""

DUTIES = (
    Duty("relay.hand_out", 1),
    Duty("letters.send_due", 2),
    Duty("metering.settle", 3),
    Duty("post.read", 3),
    Duty("plans.lapse", 30),
    Duty("support.watch", 30),
    Duty("billing.retry_events", 30),
    Duty("billing.remind", 30),
    Duty("quotes.expire", MINUTE),
    Duty("scaling.steer", MINUTE),
    Duty("metering.close_windows", 5 * MINUTE),
    Duty("billing.sweep_all", 10 * MINUTE),
    Duty("costs.watch", 10 * MINUTE),
    Duty("billing.sweep_events", HOUR),
    Duty("costs.collect", HOUR),
    Duty("costs.survey", HOUR),
    Duty("accounts.forget_old", HOUR),
    Duty("scaling.suggest", 6 * HOUR),
    Duty("scaling.refresh_rates", 6 * HOUR),
    Duty("relay.clean", 6 * HOUR),
    Duty("letters.clean", 6 * HOUR),
    Duty("post.clean", 6 * HOUR),
    Duty("billing.forget_old", 6 * HOUR),
)


def beat() -> dict[str, Any]:
    """The duties as Celery's beat wants them."""
    return {
        duty.task: {
            "task": duty.task,
            "schedule": duty.every_seconds,
            "options": {"expires": duty.expires_seconds},
        }
        for duty in DUTIES
    }
