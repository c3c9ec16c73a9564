"""What AWS itself watches over, as it is told: a budget, alarms on the bill, and whom they are told to."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portal.costs.gateway.speaking import EVERYWHERE, Aws, Gone

KINDS = ("ACTUAL", "FORECASTED")
"""In AWS's words: what a month cost so far, and what it is expected to."""


@dataclass(frozen=True)
class Budget:
    """A monthly budget in US dollars, with the amounts at which it tells whom: (kind, dollars)."""

    limit: float
    notes: frozenset[tuple[str, float]]


@dataclass(frozen=True)
class Alarm:
    """An alarm on what the month cost so far, in US dollars, and the topics that it tells."""

    name: str
    dollars: float
    topics: tuple[str, ...]


@dataclass(frozen=True)
class Guarded:
    """What is there: the budget of a name, the alarms whose names begin with it, and the readers of the topic
    of that name (None: there is no topic)."""

    budget: Budget | None
    alarms: tuple[Alarm, ...]
    readers: frozenset[str] | None


def guarded(aws: Aws, account: str, name: str) -> Guarded:
    """What watches over an account under this name."""
    return Guarded(_budget(aws, account, name), tuple(_alarms(aws, name)), _topic(aws, topic(account, name)))


def topic(account: str, name: str) -> str:
    """What a topic of this name is called."""
    return f"arn:aws:sns:{EVERYWHERE}:{account}:{name}"


def make_budget(
    aws: Aws,
    account: str,
    name: str,
    limit: float,
    notes: Iterable[tuple[str, float]],
    mails: tuple[str, ...],
) -> None:
    """A budget a month with all its notes: (kind, dollars), each told to these addresses."""
    aws.ask(
        "budgets",
        "CreateBudget",
        AccountId=account,
        Budget={
            "BudgetName": name,
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": f"{limit:.2f}", "Unit": "USD"},
        },
        NotificationsWithSubscribers=[
            {"Notification": _note(kind, dollars), "Subscribers": _readers(mails)} for kind, dollars in notes
        ],
    )


def add_note(aws: Aws, account: str, name: str, kind: str, dollars: float, mails: tuple[str, ...]) -> None:
    """One amount more at which a budget tells these addresses."""
    note, readers = _note(kind, dollars), _readers(mails)
    aws.ask(
        "budgets",
        "CreateNotification",
        AccountId=account,
        BudgetName=name,
        Notification=note,
        Subscribers=readers,
    )


def drop_note(aws: Aws, account: str, name: str, kind: str, dollars: float) -> None:
    """One amount less."""
    note = _note(kind, dollars)
    aws.ask("budgets", "DeleteNotification", AccountId=account, BudgetName=name, Notification=note)


def make_topic(aws: Aws, name: str) -> None:
    """The topic of this name; there is one of each."""
    aws.ask("sns", "CreateTopic", region=EVERYWHERE, Name=name)


def add_reader(aws: Aws, topic: str, mail: str) -> None:
    """One address more that reads a topic, once it said yes to AWS's question."""
    aws.ask("sns", "Subscribe", region=EVERYWHERE, TopicArn=topic, Protocol="email", Endpoint=mail)


def set_alarm(aws: Aws, alarm: Alarm) -> None:
    """An alarm, made or made anew."""
    aws.ask(
        "cloudwatch",
        "PutMetricAlarm",
        region=EVERYWHERE,
        AlarmName=alarm.name,
        AlarmDescription=f"This month's AWS bill reached ${alarm.dollars:g}.",
        Namespace="AWS/Billing",
        MetricName="EstimatedCharges",
        Dimensions=[{"Name": "Currency", "Value": "USD"}],
        Statistic="Maximum",
        Period=6 * 3600,
        EvaluationPeriods=1,
        Threshold=alarm.dollars,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=list(alarm.topics),
    )


def drop_alarm(aws: Aws, name: str) -> None:
    """One alarm less."""
    aws.ask("cloudwatch", "DeleteAlarms", region=EVERYWHERE, AlarmNames=[name])


def _budget(aws: Aws, account: str, name: str) -> Budget | None:
    try:
        told = aws.ask("budgets", "DescribeBudget", AccountId=account, BudgetName=name)["Budget"]
    except Gone:
        return None
    notes = {
        (note["NotificationType"], float(note["Threshold"]))
        for page in aws.pages(
            "budgets", "DescribeNotificationsForBudget", "NextToken", AccountId=account, BudgetName=name
        )
        for note in page.get("Notifications", ())
        if note.get("ThresholdType") == "ABSOLUTE_VALUE"
    }
    return Budget(float(told.get("BudgetLimit", {}).get("Amount", 0)), frozenset(notes))


def _alarms(aws: Aws, name: str) -> Iterator[Alarm]:
    for page in aws.pages(
        "cloudwatch", "DescribeAlarms", "NextToken", region=EVERYWHERE, AlarmNamePrefix=f"{name}-"
    ):
        for one in page.get("MetricAlarms", ()):
            yield Alarm(one["AlarmName"], float(one["Threshold"]), tuple(one.get("AlarmActions", ())))


def _topic(aws: Aws, arn: str) -> frozenset[str] | None:
    try:
        pages = aws.pages("sns", "ListSubscriptionsByTopic", "NextToken", region=EVERYWHERE, TopicArn=arn)
        return frozenset(one["Endpoint"] for page in pages for one in page.get("Subscriptions", ()))
    except Gone:
        return None


def _note(kind: str, dollars: float) -> Mapping[str, Any]:
    return {
        "NotificationType": kind,
        "ComparisonOperator": "GREATER_THAN",
        "Threshold": dollars,
        "ThresholdType": "ABSOLUTE_VALUE",
    }


def _readers(mails: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"SubscriptionType": "EMAIL", "Address": mail} for mail in mails]
