"""Databases and caches, in words: the commands and Terraform that stop or shrink them, and the way back."""

from collections.abc import Mapping
from typing import Any

from portal import costs
from portal.scaling.cases import Step
from portal.scaling.texts import Texts, terraform_name


def pause(row: costs.CloudResource, starts_hour: int, ends_hour: int) -> Texts:
    """A database that is stopped each night from one hour (UTC) to another."""
    hours = {"stop": starts_hour, "start": ends_hour}
    steps = (
        *(Step(f"{verb.title()} it each night", _schedule(row, verb, hour)) for verb, hour in hours.items()),
        Step("Terraform, instead of the two", _terraform_schedule(row, hours)),
    )
    undo = "\n".join(f"aws scheduler delete-schedule --name {row.name}-{verb}" for verb in hours)
    return steps, f"{undo}\naws rds start-db-instance --db-instance-identifier {row.name}"


def end(row: costs.CloudResource) -> Texts:
    """An end to what nobody uses: a database is stopped, a cache deleted."""
    return (_end_database if row.kind == "rds" else _end_cache)(row)


def shrink(row: costs.CloudResource, kind: str) -> Texts:
    """Another type of machine for a database or a cache."""
    if row.kind == "rds":
        modify = f"aws rds modify-db-instance --db-instance-identifier {row.name} --db-instance-class"
        resource, word, now = "aws_db_instance", "instance_class", "In its next maintenance window"
    else:
        group = row.facts["group"]
        of = (
            f"replication-group --replication-group-id {group}"
            if group
            else f"cache-cluster --cache-cluster-id {row.name}"
        )
        modify = f"aws elasticache modify-{of} --cache-node-type"
        resource, word, now = (
            "aws_elasticache_replication_group" if group else "aws_elasticache_cluster",
            "node_type",
            "In its next maintenance window",
        )
    steps = (
        Step(now, f"{modify} {kind}"),
        Step("Or at once, with minutes in which it does not answer", f"{modify} {kind} --apply-immediately"),
        Step("Terraform", f'# In resource "{resource}" "{terraform_name(row.name)}":\n{word} = "{kind}"'),
    )
    return steps, f"{modify} {row.facts['type']} --apply-immediately"


def _end_database(row: costs.CloudResource) -> Texts:
    stop = f"aws rds stop-db-instance --db-instance-identifier {row.name}"
    steps = (
        Step("Stop it, with a snapshot", f"{stop} --db-snapshot-identifier {row.name}-before-its-stop"),
        Step("Stop it again each day: AWS starts it by itself after 7 days", _schedule(row, "stop", 3)),
        Step("Terraform", _terraform_schedule(row, {"stop": 3})),
    )
    return steps, (
        f"aws scheduler delete-schedule --name {row.name}-stop\n"
        f"aws rds start-db-instance --db-instance-identifier {row.name}"
    )


def _end_cache(row: costs.CloudResource) -> Texts:
    facts: Mapping[str, Any] = row.facts
    group, snapshot = facts["group"], f"{facts['group'] or row.name}-last"
    made_of = f"--engine {facts['engine']} --cache-node-type {facts['type']}"
    if group:
        create = f"aws elasticache create-snapshot --replication-group-id {group} --snapshot-name {snapshot}"
        delete = f"aws elasticache delete-replication-group --replication-group-id {group}"
        restore = (
            f"aws elasticache create-replication-group --replication-group-id {group} "
            f"--snapshot-name {snapshot} --replication-group-description restored {made_of}"
        )
    else:
        create = f"aws elasticache create-snapshot --cache-cluster-id {row.name} --snapshot-name {snapshot}"
        delete = f"aws elasticache delete-cache-cluster --cache-cluster-id {row.name}"
        restore = (
            f"aws elasticache create-cache-cluster --cache-cluster-id {row.name} --snapshot-name {snapshot} "
            f"{made_of} --num-cache-nodes {facts['nodes']}"
        )
    if facts["engine"] == "memcached":  # which cannot be kept
        return (Step("Delete it", delete),), restore.replace(f" --snapshot-name {snapshot}", "")
    return (Step("Keep what it holds", create), Step("Delete it, once that is done", delete)), restore


def _schedule(row: costs.CloudResource, verb: str, hour: int) -> str:
    """A schedule of EventBridge; ROLE may stop and start the database."""
    told = f'{{\\"DbInstanceIdentifier\\":\\"{row.name}\\"}}'
    target = f'{{"Arn":"arn:aws:scheduler:::aws-sdk:rds:{verb}DBInstance","RoleArn":"ROLE","Input":"{told}"}}'
    return (
        f"aws scheduler create-schedule --name {row.name}-{verb} --flexible-time-window Mode=OFF "
        f"--schedule-expression 'cron(0 {hour} * * ? *)' --target '{target}'"
    )


def _terraform_schedule(row: costs.CloudResource, hours: Mapping[str, int]) -> str:
    word = terraform_name(row.name)
    return "\n".join(
        f'resource "aws_scheduler_schedule" "{word}_{verb}" {{\n  name                = "{row.name}-{verb}"\n'
        f'  schedule_expression = "cron(0 {hour} * * ? *)"\n'
        '  flexible_time_window {\n    mode = "OFF"\n  }\n  target {\n'
        f'    arn      = "arn:aws:scheduler:::aws-sdk:rds:{verb}DBInstance"\n    role_arn = "ROLE"\n'
        f'    input    = jsonencode({{ DbInstanceIdentifier = "{row.name}" }})\n  }}\n}}'
        for verb, hour in hours.items()
    )
