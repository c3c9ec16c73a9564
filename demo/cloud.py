"""The cloud of the story: what AWS would answer about the services that run there, and how busy they are."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from demo.stage import Stage
from portal import costs
from portal.kit.settings import Aws

REGION: Final = "eu-central-1"
CLUSTER: Final = "arn:aws:ecs:eu-central-1:210987654321:cluster/memoryhub"
MEASURED: Final = timedelta(days=32)
HOUR: Final = timedelta(hours=1)
Busy = Callable[[datetime], float]


def survey(stage: Stage) -> None:
    """See what runs, how busy it was, and what is free of it, as an installation does that collects."""
    aws = replace(stage.settings.aws or Aws(), region=REGION)
    costs.survey(stage.sessions, costs.Aws(aws, makes=_Cloud(stage.now)), now=stage.now)
    costs.ask_given(stage.sessions, costs.Aws(aws, makes=_Cloud(stage.now)), now=stage.now)


@dataclass(frozen=True)
class Service:
    """A service on Fargate: its tasks, what each has, and how busy it is in percent at an hour."""

    tasks: int
    cpu: int
    memory: int
    target: str | None
    busy: Busy
    held: Busy
    requests: Busy = lambda at: 0.0


def _by_day(most: float, least: float) -> Busy:
    def busy(at: datetime) -> float:
        return most if 7 <= at.hour < 20 and at.weekday() < 5 else least

    return busy


def _in_office(most: float) -> Busy:
    return lambda at: most if 6 <= at.hour < 18 and at.weekday() < 5 else 0.0


SERVICES: Final = {
    "web": Service(
        2, 1024, 2048, "targetgroup/web/6d0e", _by_day(34, 12), _by_day(33, 27), _by_day(4100, 380)
    ),
    "embedding": Service(6, 2048, 4096, None, _by_day(88, 71), _by_day(74, 66)),
    "staging": Service(
        2, 512, 2048, "targetgroup/staging/91ba", _in_office(64), _by_day(61, 55), _in_office(140)
    ),
    "search-2025": Service(1, 512, 2048, "targetgroup/search/07cd", lambda at: 0.4, lambda at: 58.0),
}


FREE: Final = (
    ("AmazonCloudWatch", "EUC1-CW:MetricMonitorUsage", "Metrics", 8.4, 9.2, 10.0),
    ("AWS Lambda", "Global-Request", "Requests", 212_000.0, 264_000.0, 1_000_000.0),
    ("Amazon Simple Notification Service", "EUC1-Requests-Tier1", "Requests", 3_100.0, 4_000.0, 1_000_000.0),
)
"""What is always free: of what, by which usage, in which unit, used so far, forecast and limit."""


class _Cloud:
    """AWS's clients, all in one: it makes itself."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def client(self, service_name: str, **options: Any) -> Any:
        return self

    def list_clusters(self) -> dict[str, Any]:
        return {"clusterArns": [CLUSTER]}

    def list_services(self, **asked: Any) -> dict[str, Any]:
        return {"serviceArns": [f"{CLUSTER}/{name}" for name in SERVICES]}

    def describe_services(self, **asked: Any) -> dict[str, Any]:
        return {
            "services": [
                {
                    "serviceName": name,
                    "taskDefinition": f"task-definition/{name}:7",
                    "launchType": "FARGATE",
                    "desiredCount": one.tasks,
                    "runningCount": one.tasks,
                    "loadBalancers": [{"targetGroupArn": f"arn:aws:elb:x:1:{one.target}"}]
                    if one.target
                    else [],
                }
                for name, one in SERVICES.items()
            ]
        }

    def describe_task_definition(self, *, taskDefinition: str) -> dict[str, Any]:
        one = SERVICES[taskDefinition.partition("/")[2].partition(":")[0]]
        return {"taskDefinition": {"cpu": str(one.cpu), "memory": str(one.memory)}}

    def describe_db_instances(self) -> dict[str, Any]:
        return {"DBInstances": []}

    def describe_cache_clusters(self) -> dict[str, Any]:
        return {"CacheClusters": []}

    def get_caller_identity(self) -> dict[str, Any]:
        return {"Account": CLUSTER.split(":")[4]}

    def get_account_plan_state(self) -> dict[str, Any]:
        return {"accountPlanType": "PAID", "accountPlanStatus": "ACTIVE"}

    def get_free_tier_usage(self) -> dict[str, Any]:
        names = ("service", "usageType", "unit", "actualUsageAmount", "forecastedUsageAmount", "limit")
        return {
            "freeTierUsages": [
                {**dict(zip(names, one, strict=True)), "freeTierType": "Always Free"} for one in FREE
            ]
        }

    def get_metric_statistics(self, **asked: Any) -> dict[str, Any]:
        about = {one["Name"]: one["Value"] for one in asked["Dimensions"]}
        name = about.get("ServiceName") or about["TargetGroup"].split("/")[1].replace("search", "search-2025")
        one, drawn = SERVICES[name], random.Random(f"{name} {asked['MetricName']}")
        parts = {
            "CPUUtilization": one.busy,
            "MemoryUtilization": one.held,
            "RequestCountPerTarget": one.requests,
        }
        busy, points = parts[asked["MetricName"]], list[dict[str, Any]]()
        at = max(asked["StartTime"], (self._now - MEASURED).replace(minute=0, second=0, microsecond=0))
        while at < asked["EndTime"]:
            most = busy(at) * drawn.uniform(0.8, 1)
            told = {"Average": most * 0.6, "Minimum": most * 0.3, "Maximum": most, "Sum": most}
            points.append({"Timestamp": at, "SampleCount": 60.0 * one.tasks, **told})
            at += HOUR
        return {"Datapoints": points}
