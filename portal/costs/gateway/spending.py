"""What was spent, as Cost Explorer tells it: by day, service and kind of charge. Each page is a request."""

from dataclasses import dataclass
from datetime import UTC, datetime

from portal.costs.gateway.speaking import Aws

BILLED, EFFECTIVE = "UnblendedCost", "AmortizedCost"


@dataclass(frozen=True)
class Spent:
    """What one service cost on one day, for one kind of charge in AWS's words, with every digit."""

    day: datetime
    service: str
    kind: str
    currency: str
    billed: str
    effective: str


def account(aws: Aws) -> str:
    """The number of the account that the credentials belong to."""
    return str(aws.ask("sts", "GetCallerIdentity")["Account"])


def spent(aws: Aws, since: datetime, until: datetime) -> list[Spent]:
    """What was spent on each day of `[since, until)`, both midnights UTC; what cost nothing is left out."""
    answers = aws.pages(
        "ce",
        "GetCostAndUsage",
        "NextPageToken",
        TimePeriod={"Start": f"{since:%Y-%m-%d}", "End": f"{until:%Y-%m-%d}"},
        Granularity="DAILY",
        Metrics=[BILLED, EFFECTIVE],
        GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "RECORD_TYPE"}],
    )
    found = []
    for answer in answers:
        for day in answer["ResultsByTime"]:
            at = datetime.strptime(day["TimePeriod"]["Start"][:10], "%Y-%m-%d").replace(tzinfo=UTC)
            for group in day.get("Groups", ()):
                billed, effective = group["Metrics"][BILLED], group["Metrics"][EFFECTIVE]
                if float(billed["Amount"]) or float(effective["Amount"]):
                    service, kind = group["Keys"]
                    found.append(
                        Spent(at, service, kind, billed["Unit"], billed["Amount"], effective["Amount"])
                    )
    return found
