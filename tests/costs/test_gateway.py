"""AWS: asked over HTTP, answered in our words, and refused with a sentence that says what to do."""

import ast
import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from portal import costs
from portal.costs import gateway
from portal.costs.gateway import speaking
from portal.costs.gateway.running import services
from tests.costs import clouds
from tests.house.reading import ROOT, calls, files

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_nothing_is_loaded_of_its_library_until_something_is_asked():
    code = "import sys, portal.costs; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_what_was_spent_is_told_by_day_service_and_kind_with_every_digit(aws, aws_url):
    kind = ("Amazon RDS", "Usage")
    clouds.spends(
        aws_url,
        ("2026-11-01", {kind: ("1.2345678901", "0.5"), ("Tax", "Tax"): ("0", "0")}),
        ("2026-11-02", {kind: ("2", "2")}),
    )
    first = datetime(2026, 11, 1, tzinfo=UTC)
    found = gateway.spent(aws, first, first + 2 * DAY)
    assert found == [
        gateway.Spent(first, *kind, "USD", "1.2345678901", "0.5"),
        gateway.Spent(first + DAY, *kind, "USD", "2", "2"),
    ]
    assert aws.asked["ce"] == 1 and gateway.account(aws) == clouds.ACCOUNT


def test_every_page_of_an_answer_is_counted():
    page = {"ResultsByTime": [], "NextPageToken": "more"}
    aws = clouds.recorded("ce", ("get_cost_and_usage", page), ("get_cost_and_usage", {"ResultsByTime": []}))
    assert gateway.spent(aws, NOW - DAY, NOW) == [] and aws.asked["ce"] == 2


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("AccessDeniedException", costs.NotAllowed, "ce:GetCostAndUsage"),
        ("ExpiredTokenException", costs.NoCredentials, "ExpiredTokenException"),
        ("ThrottlingException", costs.AwsAway, "ThrottlingException was said"),
    ],
)
def test_what_aws_refuses_is_said_with_the_permission_that_is_missing(code, kind, words):
    with pytest.raises(kind, match=words):
        gateway.spent(clouds.recorded("ce", ("get_cost_and_usage", code)), NOW - DAY, NOW)


def test_an_aws_that_does_not_answer_is_away():
    nobody = costs.Aws(clouds.settings("http://127.0.0.1:9"))
    with pytest.raises(costs.AwsAway, match="sts:GetCallerIdentity"):
        gateway.account(nobody)


def test_without_a_region_it_is_said_what_to_set():
    with pytest.raises(costs.NoCredentials, match="AWS_REGION"):
        gateway.runs(costs.Aws(clouds.settings("http://127.0.0.1:9", region=None)))


def test_what_runs_is_told(aws, aws_url):
    build(aws_url)
    found = {one.id: one.facts for one in gateway.runs(aws)}
    assert set(found) == {"ecs/main/web", "ecs/main/worker", "rds/db", "cache/sessions"}
    web, worker = found["ecs/main/web"], found["ecs/main/worker"]
    assert (web["launch"], web["desired"], web["cpu"], web["memory"]) == ("FARGATE", 2, 256, 512)
    assert (worker["desired"], worker["target_group"]) == (3, None)
    assert (found["rds/db"]["type"], found["rds/db"]["status"]) == ("db.t4g.micro", "available")
    assert found["cache/sessions"]["type"] == "cache.t4g.micro"


def test_the_capacity_that_a_service_takes_is_told():
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 3}]
    service = {"serviceName": "worker", "taskDefinition": "app:1", "desiredCount": 3}
    arn = "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/web/ab"
    service |= {"capacityProviderStrategy": strategy, "loadBalancers": [{"targetGroupArn": arn}]}
    shape = {"containerDefinitions": [{"cpu": 512, "memoryReservation": 1024}]}
    aws = clouds.recorded(
        "ecs",
        ("list_clusters", {"clusterArns": ["arn:aws:ecs:eu-central-1:1:cluster/main"]}),
        ("list_services", {"serviceArns": ["arn:aws:ecs:eu-central-1:1:service/main/worker"]}),
        ("describe_services", {"services": [service]}),
        ("describe_task_definition", {"taskDefinition": shape}),
    )
    [found] = services(aws)
    assert found.facts["providers"] == [{"name": "FARGATE_SPOT", "weight": 3, "base": 0}]
    assert found.facts["target_group"] == "targetgroup/web/ab"
    assert (found.facts["cpu"], found.facts["memory"]) == (512, 1024)


def test_a_service_whose_tasks_are_defined_elsewhere_is_left_out():
    aws = clouds.recorded(
        "ecs",
        ("list_clusters", {"clusterArns": ["arn:aws:ecs:eu-central-1:1:cluster/main"]}),
        ("list_services", {"serviceArns": ["arn:aws:ecs:eu-central-1:1:service/main/web"]}),
        ("describe_services", {"services": [{"serviceName": "web", "desiredCount": 1}]}),
    )
    assert list(services(aws)) == []


def test_hours_are_told_in_order_and_only_whole_ones(aws, aws_url):
    measure(aws_url, {"ClusterName": "main", "ServiceName": "web"}, "AWS/ECS", "CPUUtilization", [1, 5, 3])
    at = NOW - 3 * timedelta(hours=1)
    about = {"ClusterName": "main", "ServiceName": "web"}
    found = gateway.hours(aws, "AWS/ECS", "CPUUtilization", about, NOW - 455 * DAY, NOW)
    assert [(one.at, one.average, one.maximum) for one in found] == [
        (at + number * timedelta(hours=1), value, value) for number, value in enumerate((1, 5, 3))
    ]
    assert aws.asked["cloudwatch"] == 8


def test_tasks_are_counted_and_set(aws, aws_url):
    build(aws_url)
    assert gateway.counts(aws, "main", ["web"])["web"].desired == 2
    gateway.set_desired(aws, "main", "web", 3)
    assert gateway.counts(aws, "main", ["web", "worker"])["web"].desired == 3
    with pytest.raises(costs.Gone, match="no service nothing"):
        gateway.counts(aws, "main", ["nothing"])


def test_a_bucket_is_listed_and_read(aws, aws_url):
    shelf = clouds.client(aws_url, "s3", "us-east-1")
    shelf.create_bucket(Bucket="bills")
    shelf.put_object(Bucket="bills", Key="a/1.csv", Body=b"content")
    [found] = gateway.stored(aws, "bills", "a/")
    assert (found.key, found.size) == ("a/1.csv", 7)
    gateway.fetch(aws, "bills", found.key, into := io.BytesIO())
    assert into.getvalue() == b"content"
    with pytest.raises(costs.Gone):
        gateway.fetch(aws, "bills", "a/2.csv", io.BytesIO())


def build(url, *, machines=True):
    """A small platform: two services and, unless told otherwise, a database and a cache."""
    ecs = clouds.client(url, "ecs")
    ecs.create_cluster(clusterName="main", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    ecs.register_task_definition(
        family="app",
        cpu="256",
        memory="512",
        requiresCompatibilities=["FARGATE"],
        containerDefinitions=[{"name": "app", "image": "app"}],
    )
    told = {"cluster": "main", "taskDefinition": "app"}
    ecs.create_service(serviceName="web", desiredCount=2, launchType="FARGATE", **told)
    ecs.create_service(serviceName="worker", desiredCount=3, launchType="FARGATE", **told)
    if not machines:
        return
    clouds.client(url, "rds").create_db_instance(
        DBInstanceIdentifier="db",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="root",
        MasterUserPassword="a password",
    )
    clouds.client(url, "elasticache").create_cache_cluster(
        CacheClusterId="sessions", CacheNodeType="cache.t4g.micro", Engine="redis", NumCacheNodes=1
    )


def measure(url, about, namespace, metric, values):
    """So busy it was in each of the hours before NOW."""
    dimensions = [{"Name": name, "Value": value} for name, value in about.items()]
    first = NOW - len(values) * timedelta(hours=1)
    clouds.client(url, "cloudwatch").put_metric_data(
        Namespace=namespace,
        MetricData=[
            {
                "MetricName": metric,
                "Dimensions": dimensions,
                "Timestamp": first + number * timedelta(hours=1),
                "Value": value,
            }
            for number, value in enumerate(values)
        ],
    )


def asked_operations():
    """Every operation that the product asks of AWS by its name, with its service."""
    asked = set()
    for path in files("portal"):
        for node, name in calls(path):
            words = [one.value for one in node.args if isinstance(one, ast.Constant)]
            if name in ("ask", "pages") and len(words) > 1 and words[1][:1].isupper():
                asked.add((words[0], words[1]))
    return asked


def test_every_permission_that_is_needed_stands_in_the_policies():
    page, asked = (ROOT / "docs" / "aws.md").read_text(), asked_operations()
    assert len(asked) > 20
    for service, operation in asked - {("sts", "GetCallerIdentity")}:
        assert f'"{speaking.permission(service, operation)}"' in page


def test_the_policies_give_nothing_that_is_not_asked_for():
    needed = {speaking.permission(*one) for one in asked_operations()}
    policies = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "aws.md").read_text(), re.DOTALL)
    given = [action for text in policies for one in json.loads(text)["Statement"] for action in one["Action"]]
    assert policies and set(given) <= needed
