"""AWS, as met outside: the one place that speaks its library.

Every answer is turned into values here, and every failure into one of a few refusals, so that nothing else
knows how AWS's answers look.
"""

from portal.costs.gateway.counting import Counts, counts, set_desired
from portal.costs.gateway.giving import Allowance, Plan, allowances, plan
from portal.costs.gateway.guarding import (
    KINDS,
    Alarm,
    Budget,
    Guarded,
    add_note,
    add_reader,
    drop_alarm,
    drop_note,
    guarded,
    make_budget,
    make_topic,
    set_alarm,
    topic,
)
from portal.costs.gateway.loading import Hour, hours
from portal.costs.gateway.running import Running, runs
from portal.costs.gateway.shelves import Stored, fetch, stored
from portal.costs.gateway.speaking import Aws, AwsAway, Gone, NoCredentials, NotAllowed
from portal.costs.gateway.spending import Spent, account, spent

__all__ = [
    "KINDS",
    "Alarm",
    "Allowance",
    "Aws",
    "AwsAway",
    "Budget",
    "Counts",
    "Gone",
    "Guarded",
    "Hour",
    "NoCredentials",
    "NotAllowed",
    "Plan",
    "Running",
    "Spent",
    "Stored",
    "account",
    "add_note",
    "add_reader",
    "allowances",
    "counts",
    "drop_alarm",
    "drop_note",
    "fetch",
    "guarded",
    "hours",
    "make_budget",
    "make_topic",
    "plan",
    "runs",
    "set_alarm",
    "set_desired",
    "spent",
    "stored",
    "topic",
]
