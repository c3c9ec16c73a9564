"""Tasks of ECS, in words: the commands and Terraform that pause, shrink or move them, and the way back."""

from portal import costs
from portal.scaling.cases import Step
from portal.scaling.texts import Texts, terraform_name

AUTOSCALING = "aws application-autoscaling"
DIMENSION = "--service-namespace ecs --scalable-dimension ecs:service:DesiredCount"
CLEAN = (
    "del(.taskDefinitionArn, .revision, .status, .requiresAttributes, .compatibilities, .registeredAt, "
    ".registeredBy)"
)


def pause(row: costs.CloudResource, starts_hour: int, ends_hour: int, count: int) -> Texts:
    """A pause each night from one hour (UTC) to another; by day so many tasks run."""
    service = f"{DIMENSION} --resource-id service/{row.facts['cluster']}/{row.name}"

    def action(name: str, hour: int, tasks: int) -> str:
        return (
            f"{AUTOSCALING} put-scheduled-action {service} --scheduled-action-name {row.name}-{name} "
            f"--schedule 'cron(0 {hour} * * ? *)' "
            f"--scalable-target-action MinCapacity={tasks},MaxCapacity={tasks}"
        )

    word = terraform_name(row.name)
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
    undo = "\n".join(
        f"{AUTOSCALING} delete-scheduled-action {service} --scheduled-action-name {row.name}-{name}"
        for name in ("sleep", "wake")
    )
    return steps, f"{undo}\n{_update(row)} --desired-count {count}"


def end(row: costs.CloudResource) -> Texts:
    """No task any more."""
    terraform = f'# In resource "aws_ecs_service" "{terraform_name(row.name)}":\ndesired_count = 0'
    steps = (Step("Switch it off", f"{_update(row)} --desired-count 0"), Step("Terraform", terraform))
    return steps, f"{_update(row)} --desired-count {row.facts['desired']}"


def shrink(row: costs.CloudResource, cpu: int, memory: int) -> Texts:
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
            f'# In resource "aws_ecs_task_definition" "{terraform_name(family)}":\n'
            f"cpu    = {cpu}\nmemory = {memory}",
        ),
    )
    return steps, f"{update} {row.facts['definition']}"


def spot(row: costs.CloudResource, tasks: int, base: int) -> Texts:
    """A second service on spot, with the one that is there as its base and its stand-in."""
    cluster, spare, family = (
        row.facts["cluster"],
        f"{row.name}-spot",
        row.facts["definition"].partition(":")[0],
    )
    create = (
        f"aws ecs create-service --cluster {cluster} --service-name {spare} --task-definition {family} "
        f"--desired-count {tasks - base} --capacity-provider-strategy capacityProvider=FARGATE_SPOT,weight=1 "
        "--network-configuration NETWORK"
    )
    behind = " --load-balancers BALANCERS" if row.facts["target_group"] else ""
    terraform = (
        f'resource "aws_ecs_service" "{terraform_name(spare)}" {{ # the rest as in {row.name}\n'
        f'  name            = "{spare}"\n  cluster         = "{cluster}"\n'
        f'  task_definition = "{family}"\n  desired_count   = {tasks - base}\n'
        '  capacity_provider_strategy {\n    capacity_provider = "FARGATE_SPOT"\n'
        "    weight            = 1\n  }\n}"
    )
    steps = (
        Step(
            "See its network and load balancer",
            f"aws ecs describe-services --cluster {cluster} --services {row.name} "
            "--query 'services[0].[networkConfiguration,loadBalancers]'",
        ),
        Step(
            "Let the cluster use spot",
            f"aws ecs put-cluster-capacity-providers --cluster {cluster} --capacity-providers FARGATE "
            "FARGATE_SPOT --default-capacity-provider-strategy capacityProvider=FARGATE,weight=1",
        ),
        Step("Make a second service on spot", create + behind),
        Step("Leave the base on demand", f"{_update(row)} --desired-count {base}"),
        Step(
            "Let Upkeep stand in for missing spot tasks (its environment)",
            f"SPOT_PAIRS={cluster}/{spare}+{row.name}:{base}:{tasks}\nSPOT_CONTROLLER=on",
        ),
        Step("Terraform", terraform),
    )
    delete = f"aws ecs delete-service --cluster {cluster} --service {spare} --force"
    return steps, f"{_update(row)} --desired-count {tasks}\n{delete}"


def _update(row: costs.CloudResource) -> str:
    return f"aws ecs update-service --cluster {row.facts['cluster']} --service {row.name}"
