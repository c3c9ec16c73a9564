"""AWS, as met outside: the one place that speaks its library.

Every answer is turned into values here, and every failure into one of a few refusals, so that nothing else
knows how AWS's answers look.
"""

from portal.costs.gateway.counting import Counts, counts, set_desired
from portal.costs.gateway.guarding import Alarm, Budget, Guarded, guarded
from portal.costs.gateway.loading import Hour, hours
from portal.costs.gateway.running import Running, runs
from portal.costs.gateway.shelves import Stored, fetch, stored
from portal.costs.gateway.speaking import Aws, AwsAway, Gone, NoCredentials, NotAllowed
from portal.costs.gateway.spending import Spent, account, spent

__all__ = [
    "Alarm",
    "Aws",
    "AwsAway",
    "Budget",
    "Counts",
    "Gone",
    "Guarded",
    "Hour",
    "NoCredentials",
    "NotAllowed",
    "Running",
    "Spent",
    "Stored",
    "account",
    "counts",
    "fetch",
    "guarded",
    "hours",
    "runs",
    "set_desired",
    "spent",
    "stored",
]
