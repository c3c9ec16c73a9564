"""What runs, as AWS tells it: services of ECS, databases of RDS, and nodes of ElastiCache."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portal.costs.gateway.speaking import Aws

AT_ONCE = 10
"""How many services ECS describes in one answer."""


@dataclass(frozen=True)
class Running:
    """One thing that runs: of kind `ecs`, `rds` or `cache`, with what is known of it, as plain JSON.

    Of `ecs`: cluster, launch (such as FARGATE), providers, desired, running, pending, cpu (1024 make a
    processor), memory (MB), architecture, definition (family:revision), target_group (None without a load
    balancer). Of `rds`: type, engine, status, multi_az, cluster, replicates (whether it has
    or is a replica). Of `cache`: type, engine, status, nodes, group.
    """

    id: str
    kind: str
    name: str
    facts: dict[str, Any]


def runs(aws: Aws) -> list[Running]:
    """All that runs in the region."""
    return [*services(aws), *_databases(aws), *_caches(aws)]


def services(aws: Aws) -> Iterator[Running]:
    """The services of every cluster."""
    shapes: dict[str, dict[str, Any]] = {}
    for clusters in aws.pages("ecs", "ListClusters", "nextToken"):
        for cluster in clusters["clusterArns"]:
            for page in aws.pages("ecs", "ListServices", "nextToken", cluster=cluster, maxResults=AT_ONCE):
                if not page["serviceArns"]:
                    continue
                told = aws.ask("ecs", "DescribeServices", cluster=cluster, services=page["serviceArns"])
                for service in told["services"]:
                    if service.get("status", "ACTIVE") != "ACTIVE" or "taskDefinition" not in service:
                        continue  # what others deploy has its tasks elsewhere
                    yield _service(aws, _last(cluster), service, shapes)


def _service(
    aws: Aws, cluster: str, service: Mapping[str, Any], shapes: dict[str, dict[str, Any]]
) -> Running:
    definition = service["taskDefinition"]
    if definition not in shapes:
        told = aws.ask("ecs", "DescribeTaskDefinition", taskDefinition=definition)
        shapes[definition] = _shape(told["taskDefinition"])
    name = service["serviceName"]
    targets = [one["targetGroupArn"] for one in service.get("loadBalancers", ()) if "targetGroupArn" in one]
    facts = {
        "cluster": cluster,
        "launch": service.get("launchType"),
        "providers": [
            {
                "name": one["capacityProvider"],
                "weight": int(one.get("weight", 0)),
                "base": int(one.get("base", 0)),
            }
            for one in service.get("capacityProviderStrategy", ())
        ],
        "desired": int(service["desiredCount"]),
        "running": int(service.get("runningCount", 0)),
        "pending": int(service.get("pendingCount", 0)),
        "definition": _last(definition),
        "target_group": targets[0].rsplit(":", 1)[-1] if targets else None,
        **shapes[definition],
    }
    return Running(f"ecs/{cluster}/{name}", "ecs", name, facts)


def _shape(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What one task takes: of the task itself, or of its containers together."""
    containers = definition.get("containerDefinitions", ())
    cpu = definition.get("cpu") or sum(one.get("cpu") or 0 for one in containers)
    memory = definition.get("memory") or sum(
        one.get("memory") or one.get("memoryReservation") or 0 for one in containers
    )
    platform = definition.get("runtimePlatform") or {}
    return {
        "cpu": int(cpu),
        "memory": int(memory),
        "architecture": platform.get("cpuArchitecture") or "X86_64",
    }


def _databases(aws: Aws) -> Iterator[Running]:
    for page in aws.pages("rds", "DescribeDBInstances", "Marker"):
        for one in page["DBInstances"]:
            name = one["DBInstanceIdentifier"]
            facts = {
                "type": one["DBInstanceClass"],
                "engine": one["Engine"],
                "status": one.get("DBInstanceStatus"),
                "multi_az": bool(one.get("MultiAZ")),
                "cluster": one.get("DBClusterIdentifier") or None,
                "replicates": bool(
                    one.get("ReadReplicaDBInstanceIdentifiers")
                    or one.get("ReadReplicaSourceDBInstanceIdentifier")
                ),
            }
            yield Running(f"rds/{name}", "rds", name, facts)


def _caches(aws: Aws) -> Iterator[Running]:
    for page in aws.pages("elasticache", "DescribeCacheClusters", "Marker"):
        for one in page["CacheClusters"]:
            name = one["CacheClusterId"]
            facts = {
                "type": one["CacheNodeType"],
                "engine": one["Engine"],
                "status": one.get("CacheClusterStatus"),
                "nodes": int(one.get("NumCacheNodes") or 1),
                "group": one.get("ReplicationGroupId") or None,
            }
            yield Running(f"cache/{name}", "cache", name, facts)


def _last(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
