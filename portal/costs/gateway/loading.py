"""How busy things were, as CloudWatch tells it by the hour: kept there for 455 days.

Asked through GetMetricStatistics, of which the first million questions a month cost nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.costs.gateway.speaking import Aws

HOUR_SECONDS = 3600
AT_ONCE = timedelta(hours=1440)
"""More points than these AWS does not give in one answer."""

SEEN = ("Average", "Minimum", "Maximum", "Sum", "SampleCount")


@dataclass(frozen=True)
class Hour:
    """One metric in the hour that begins `at`; `samples` counts what was measured in it."""

    at: datetime
    average: float
    minimum: float
    maximum: float
    total: float
    samples: float


def hours(
    aws: Aws, namespace: str, metric: str, about: Mapping[str, str], since: datetime, until: datetime
) -> list[Hour]:
    """The whole hours of `[since, until)` in which a metric was measured, the earliest first."""
    dimensions = [{"Name": name, "Value": value} for name, value in about.items()]
    found: list[Hour] = []
    while since < until:
        end = min(since + AT_ONCE, until)
        answer = aws.ask(
            "cloudwatch",
            "GetMetricStatistics",
            Namespace=namespace,
            MetricName=metric,
            Dimensions=dimensions,
            StartTime=since,
            EndTime=end,
            Period=HOUR_SECONDS,
            Statistics=list(SEEN),
        )
        found += sorted(map(_hour, answer["Datapoints"]), key=lambda one: one.at)
        since = end
    return found


def _hour(point: Mapping[str, Any]) -> Hour:
    at = point["Timestamp"].astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return Hour(at, *(float(point[name]) for name in SEEN))
