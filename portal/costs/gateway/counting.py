"""How many tasks a service of ECS runs, as AWS tells it, and as it is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.costs.gateway.speaking import Aws, Gone


@dataclass(frozen=True)
class Counts:
    """Tasks of a service: how many there should be, how many run, and how many are being started."""

    desired: int
    running: int
    pending: int


def counts(aws: Aws, cluster: str, services: Sequence[str]) -> dict[str, Counts]:
    """The counts of each of these services, by name; Gone when one of them is not there."""
    told = aws.ask("ecs", "DescribeServices", cluster=cluster, services=list(services))
    found = {
        one["serviceName"]: Counts(one["desiredCount"], one["runningCount"], one["pendingCount"])
        for one in told["services"]
        if one.get("status") != "INACTIVE"
    }
    if lacking := [name for name in services if name not in found]:
        raise Gone(f"The ECS cluster {cluster} has no service {' and no '.join(lacking)}.")
    return found


def set_desired(aws: Aws, cluster: str, service: str, desired: int) -> None:
    """Let a service run so many tasks."""
    aws.ask("ecs", "UpdateService", cluster=cluster, service=service, desiredCount=desired)
