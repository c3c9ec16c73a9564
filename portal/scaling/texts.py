"""Changes at AWS, in words: the commands and Terraform that carry them out, and the way back."""

from collections.abc import Mapping
from typing import Any

from portal import costs
from portal.scaling.cases import Step

Texts = tuple[tuple[Step, ...], str]
"""The steps, and how to undo them."""

AUTOSCALING = "aws application-autoscaling"
DIMENSION = "--service-namespace ecs --scalable-dimension ecs:service:DesiredCount"
CLEAN = (
    "del(.taskDefinitionArn, .revision, .status, .requiresAttributes, .compatibilities, .registeredAt, "
    ".registeredBy)"
)


def sleep(row: costs.CloudResource, starts_hour: int, ends_hour: int, count: int) -> Texts:
    """A pause each night from one hour (UTC) to another; a service has so many tasks by day."""
    return (_sleep_service if row.kind == "ecs" else _sleep_database)(row, starts_hour, ends_hour, count)


def end(row: costs.CloudResource) -> Texts:
    """An end to what nobody uses, with a way back."""
    if row.kind == "ecs":
        update = (
            f"aws ecs update-service --cluster {row.facts['cluster']} --service {row.name} --desired-count"
        )
        terraform = f'# In resource "aws_ecs_service" "{_word(row.name)}":\ndesired_count = 0'
        return (
            Step("Switch it off", f"{update} 0"),
            Step("Terraform", terraform),
        ), f"{update} {row.facts['desired']}"
    if row.kind == "rds":
        stop = f"aws rds stop-db-instance --db-instance-identifier {row.name}"
        steps = (
            Step("Stop it, with a snapshot", f"{stop} --db-snapshot-identifier {row.name}-before-its-stop"),
            Step("Stop it again each day: AWS starts it by itself after 7 days", _schedule(row, "stop", 3)),
            Step("Terraform", _terraform_schedule(row, {"stop": 3})),
        )
        return steps, (
            f"aws scheduler delete-schedule --name {row.name}-stop; "
            f"aws rds start-db-instance --db-instance-identifier {row.name}"
        )
    return _end_cache(row)


def shrink_task(row: costs.CloudResource, cpu: int, memory: int) -> Texts:
    """Another size for the tasks of a service."""
    family, update = row.facts["definition"].partition(":")[0], f"{_update(row)} --task-definition"
    steps = (
        Step(
            "Write it down in its new size",
            f"aws ecs describe-task-definition --task-definition {family} --query taskDefinition "
            f'| jq \'.cpu = "{cpu}" | .memory = "{memory}" | {CLEAN}\' > task.json',
        ),
        Step("Register it", "aws ecs register-task-definition --cli-input-json file://task.json"),
        Step("Roll it out", f"{update} {family}"),
        Step(
            "Terraform",
            f'# In resource "aws_ecs_task_definition" "{_word(family)}":\ncpu    = {cpu}\nmemory = {memory}',
        ),
    )
    return steps, f"{update} {row.facts['definition']}"


def shrink_machine(row: costs.CloudResource, kind: str) -> Texts:
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
        Step("Terraform", f'# In resource "{resource}" "{_word(row.name)}":\n{word} = "{kind}"'),
    )
    return steps, f"{modify} {row.facts['type']} --apply-immediately"


def caveats(row: costs.CloudResource) -> tuple[tuple[str, str], ...]:
    """What to know before, by kind: a term and a sentence."""
    return {
        "ecs": (
            (
                "Scaling by itself",
                "If it does already, put its own least and most into the step that wakes it",
            ),
        ),
        "rds": (
            ("Stopped for long", "AWS starts a stopped database by itself after 7 days"),
            ("Storage", "Is paid for as before while it is stopped"),
        ),
        "cache": (("Stopping", "ElastiCache cannot be stopped, only deleted and restored from a snapshot"),),
    }[row.kind]


def _sleep_service(row: costs.CloudResource, starts_hour: int, ends_hour: int, count: int) -> Texts:
    service = f"{DIMENSION} --resource-id service/{row.facts['cluster']}/{row.name}"

    def action(name: str, hour: int, tasks: int) -> str:
        return (
            f"{AUTOSCALING} put-scheduled-action {service} --scheduled-action-name {row.name}-{name} "
            f"--schedule 'cron(0 {hour} * * ? *)' "
            f"--scalable-target-action MinCapacity={tasks},MaxCapacity={tasks}"
        )

    word = _word(row.name)
    target = "\n".join(
        f"  {name} = aws_appautoscaling_target.{word}.{name}"
        for name in ("service_namespace", "resource_id", "scalable_dimension")
    )
    terraform = "\n".join(
        [
            f'resource "aws_appautoscaling_target" "{word}" {{',
            '  service_namespace  = "ecs"',
            f'  resource_id        = "service/{row.facts["cluster"]}/{row.name}"',
            '  scalable_dimension = "ecs:service:DesiredCount"',
            f"  min_capacity       = 0\n  max_capacity       = {count}\n}}",
            *(
                f'resource "aws_appautoscaling_scheduled_action" "{word}_{name}" {{\n'
                f'  name     = "{row.name}-{name}"\n  schedule = "cron(0 {hour} * * ? *)"\n{target}\n'
                f"  scalable_target_action {{\n    min_capacity = {tasks}\n"
                f"    max_capacity = {tasks}\n  }}\n}}"
                for name, hour, tasks in (("sleep", starts_hour, 0), ("wake", ends_hour, count))
            ),
        ]
    )
    steps = (
        Step(
            "Let its number of tasks be set",
            f"{AUTOSCALING} register-scalable-target {service} --min-capacity 0 --max-capacity {count}",
        ),
        Step("Send it to sleep", action("sleep", starts_hour, 0)),
        Step("Wake it", action("wake", ends_hour, count)),
        Step("Terraform, instead of the three", terraform),
    )
    undo = "; ".join(
        f"{AUTOSCALING} delete-scheduled-action {service} --scheduled-action-name {row.name}-{name}"
        for name in ("sleep", "wake")
    )
    return steps, f"{undo}; {_update(row)} --desired-count {count}"


def _sleep_database(row: costs.CloudResource, starts_hour: int, ends_hour: int, count: int) -> Texts:
    hours = {"stop": starts_hour, "start": ends_hour}
    steps = (
        *(Step(f"{verb.title()} it each night", _schedule(row, verb, hour)) for verb, hour in hours.items()),
        Step("Terraform, instead of the two", _terraform_schedule(row, hours)),
    )
    undo = "; ".join(f"aws scheduler delete-schedule --name {row.name}-{verb}" for verb in hours)
    return steps, f"{undo}; aws rds start-db-instance --db-instance-identifier {row.name}"


def _schedule(row: costs.CloudResource, verb: str, hour: int) -> str:
    """A schedule of EventBridge; ROLE may stop and start the database."""
    told = f'{{\\"DbInstanceIdentifier\\":\\"{row.name}\\"}}'
    target = f'{{"Arn":"arn:aws:scheduler:::aws-sdk:rds:{verb}DBInstance","RoleArn":"ROLE","Input":"{told}"}}'
    return (
        f"aws scheduler create-schedule --name {row.name}-{verb} --flexible-time-window Mode=OFF "
        f"--schedule-expression 'cron(0 {hour} * * ? *)' --target '{target}'"
    )


def _terraform_schedule(row: costs.CloudResource, hours: Mapping[str, int]) -> str:
    word = _word(row.name)
    return "\n".join(
        f'resource "aws_scheduler_schedule" "{word}_{verb}" {{\n  name                = "{row.name}-{verb}"\n'
        f'  schedule_expression = "cron(0 {hour} * * ? *)"\n'
        '  flexible_time_window {\n    mode = "OFF"\n  }\n  target {\n'
        f'    arn      = "arn:aws:scheduler:::aws-sdk:rds:{verb}DBInstance"\n    role_arn = "ROLE"\n'
        f'    input    = jsonencode({{ DbInstanceIdentifier = "{row.name}" }})\n  }}\n}}'
        for verb, hour in hours.items()
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


def _update(row: costs.CloudResource) -> str:
    return f"aws ecs update-service --cluster {row.facts['cluster']} --service {row.name}"


def _word(name: str) -> str:
    """A name as Terraform takes it."""
    return "".join(one if one.isalnum() else "_" for one in name)
