"""Rates and pools: dated, told anew by AWS, and told apart by what the rows of a bill say."""

import json

import pytest

from portal import costs, scaling
from tests.costs.bills import COLUMNS, bill, take
from tests.scaling.test_suggestions import DAY, NOW, RDS, SURE, day_of

REGION = "eu-central-1"
MORE = (*COLUMNS, "ChargeDescription", "SkuId")
CACHE = "Amazon ElastiCache"


class RecordedAws:
    """AWS as it answered once, for two plans and their prices; `asked` is what it was asked."""

    def __init__(self, plan="0.03886080", price="0.0485760000"):
        self.plan, self.price, self.asked = plan, price, []

    def ask(self, service, operation, /, *, region=None, **what):
        self.asked.append((service, operation))
        if service == "savingsplans" and "nextToken" not in what:
            return {"searchResults": [], "nextToken": "more"}
        if service == "savingsplans":
            if what["savingsPlanTypes"] == ["Database"]:
                return {"searchResults": []}
            offer = {
                "offeringId": "a",
                "paymentOption": "No Upfront",
                "planType": "Compute",
                "currency": "USD",
            }
            one = {
                "savingsPlanOffering": offer | {"durationSeconds": 31536000},
                "rate": self.plan,
                "unit": "Hrs",
                "productType": "Fargate",
                "serviceCode": "AmazonECS",
                "usageType": "EUC1-Fargate-vCPU-Hours:perCPU",
                "properties": [{"name": "region", "value": REGION}],
            }
            three = one | {"savingsPlanOffering": offer | {"durationSeconds": 94608000}, "rate": "0.01"}
            return {"searchResults": [three, one]}
        dimension = {"unit": "hours", "pricePerUnit": {"USD": self.price}}
        product = {
            "product": {"attributes": {"usagetype": "EUC1-Fargate-vCPU-Hours:perCPU", "regionCode": REGION}},
            "terms": {"OnDemand": {"X.Y": {"priceDimensions": {"X.Y.Z": dimension}}}},
        }
        return {"PriceList": [json.dumps(product)]}

    def pages(self, service, operation, token, given=None, /, **what):
        return costs.Aws.pages(self, service, operation, token, given, **what)


def test_every_pool_has_a_dated_rate_with_its_source():
    for pool in scaling.POOLS:
        rate = scaling.shipped_rates()[pool.rate]
        assert 0 < rate.value < 1 and rate.source.startswith("https://aws.amazon.com/")
        assert rate.words == "assumed, no offer, as of 22 November 2026"


def test_what_aws_tells_holds_and_says_since_when(session):
    found = scaling.refresh_rates(RecordedAws(), REGION, now=NOW)
    assert [(one.name, one.value) for one in found] == [("promise.compute", 0.8)]
    scaling.note_rates(session, found, now=NOW)
    scaling.note_rates(session, scaling.refresh_rates(RecordedAws("0.034"), REGION, now=NOW), now=NOW + DAY)
    rate = scaling.rates(session)["promise.compute"]
    assert (rate.value, rate.assumed, rate.as_of) == (0.6999, False, (NOW + DAY).date())
    assert "price list, eu-central-1, as of 2 November 2026" in rate.words
    assert scaling.rates(session)["promise.cache"].assumed


@pytest.mark.parametrize("aws", [RecordedAws(plan="0.06"), RecordedAws(price="0")])
def test_what_cannot_be_is_not_believed(aws):
    assert scaling.refresh_rates(aws, REGION, now=NOW) == []


@pytest.mark.parametrize(
    ("service", "said", "pool"),
    [
        (RDS, "$0.018 per RDS db.t3.micro Single-AZ instance hour running PostgreSQL", "database"),
        (RDS, "$0.129 per RDS db.t4g.large instance hour running PostgreSQL", "database"),
        (RDS, "$0.225 per RDS db.r6g.large Single-AZ instance hour running Aurora PostgreSQL", "database"),
        (RDS, "$0.239 per RDS db.r7g.large Single-AZ instance hour running PostgreSQL", "database-plan"),
        (RDS, "db.m8gd.xlarge instance hour running MySQL", "database-plan"),
        (RDS, "$0.12 per ACU hour for Aurora Serverless v2", "database-plan"),
        (CACHE, "$0.017 per cache.t3.micro node-hour running Valkey", "cache"),
        (CACHE, "$0.219 per cache.r7g.large node-hour running Redis", "cache"),
        (CACHE, "$0.175 per cache.r7g.large node-hour running Valkey", "database-plan"),
        (CACHE, "", "cache"),
    ],
)
def test_what_a_database_savings_plan_covers_is_told_by_its_machine(session, service, said, pool):
    begin = NOW.replace(hour=0) - 60 * DAY
    days = [day_of(begin + n * DAY, ServiceName=service, ChargeDescription=said) for n in range(60)]
    take(session, bill(*days, columns=MORE), now=NOW)
    [found] = scaling.suggest(session, "usd", SURE, now=NOW)
    shown = scaling.suggestion(session, found, now=NOW)
    assert shown.row.subject == pool
    machine = next((word for word in said.split() if word.startswith(("db.", "cache."))), None)
    assert dict(shown.case.checks).get("Machines") == (machine and f"{machine}: as your bills name them")
    if machine and pool != "database-plan":
        assert f"{machine}" in shown.steps[0][1] and "MACHINE" not in shown.steps[0][1]
