"""Pools: what can be promised for a year, and the words with which it is bought.

Databases and caches stand in two of them each: newer machines (of the seventh generation on, and serverless;
Valkey alone among caches) can have a savings plan, others only reserved instances.
"""

from collections.abc import Sequence
from dataclasses import dataclass

YEAR_SECONDS = 31_536_000
NEWER = r"[a-z]+([7-9]|[1-9][0-9])[a-z-]*\."
PLANNED = (
    rf"db\.{NEWER}|serverless.*\y(acu|valkey)|\yacu.*serverless|aurora.*(serverless|\yacu)"
    rf"|valkey.*(serverless|cache\.{NEWER})|cache\.{NEWER}.*valkey"
)
"""What a row says of a machine that a Database Savings Plan covers, as a regular expression of PostgreSQL."""

BUY_PLAN = (
    "aws savingsplans create-savings-plan --savings-plan-offering-id OFFERING "
    "--commitment {commitment:.3f} --purchase-time QUEUED_AT"
)
UNDO_PLAN = (
    "While it is queued, which is for two days: aws savingsplans delete-queued-savings-plan "
    "--savings-plan-id PLAN. Afterwards, while AWS still takes it back: "
    "aws savingsplans return-savings-plan --savings-plan-id PLAN"
)


@dataclass(frozen=True)
class Pool:
    """One kind of commitment: the words that its services' names hold, and what its rows say or do not."""

    slug: str
    name: str
    services: tuple[str, ...]
    look: str
    buy: str
    terraform: str
    undo: str
    like: str | None = None
    unlike: str | None = None

    @property
    def rate(self) -> str:
        """The name of its rate."""
        return f"promise.{self.slug}"

    def steps(self, hourly: float, machines: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
        """The texts with which so much an hour is bought, each with its name. `machines` are what runs."""
        looks = [self.look.replace("MACHINE", one) for one in machines] if "MACHINE" in self.look else []
        return (
            ("See the real price", "\n".join(looks) or self.look),
            ("Buy", self.buy.format(commitment=hourly)),
            ("Terraform", self.terraform.format(commitment=hourly)),
        )


POOLS = (
    Pool(
        "compute",
        "Compute Savings Plan",
        ("fargate", "elastic container", "amazonecs", "lambda"),
        "aws savingsplans describe-savings-plans-offerings --plan-types Compute "
        f"--payment-options 'No Upfront' --durations {YEAR_SECONDS} --currencies USD",
        BUY_PLAN,
        "# Savings plans are bought by command or in the console. Keep this beside your code:\n"
        'locals {{\n  compute_savings_plan_usd_per_hour = "{commitment:.3f}"\n}}',
        UNDO_PLAN,
    ),
    Pool(
        "database",
        "RDS reserved instances",
        ("relational database", "amazonrds", "rds"),
        "aws rds describe-reserved-db-instances-offerings --offering-type 'No Upfront' "
        f"--duration {YEAR_SECONDS} --db-instance-class MACHINE --product-description ENGINE",
        "aws rds purchase-reserved-db-instances-offering --reserved-db-instances-offering-id OFFERING "
        "--db-instance-count COUNT  # together at most {commitment:.3f} USD an hour",
        'resource "aws_rds_reserved_instance" "base" {{\n  offering_id    = "OFFERING"\n'
        "  instance_count = COUNT # together at most {commitment:.3f} USD an hour\n}}",
        "There is no way back: AWS takes no reserved instance back before its year is over.",
        unlike=PLANNED,
    ),
    Pool(
        "cache",
        "ElastiCache reserved nodes",
        ("elasticache",),
        "aws elasticache describe-reserved-cache-nodes-offerings --offering-type 'No Upfront' "
        f"--duration {YEAR_SECONDS} --cache-node-type MACHINE",
        "aws elasticache purchase-reserved-cache-nodes-offering --reserved-cache-nodes-offering-id OFFERING "
        "--cache-node-count COUNT  # together at most {commitment:.3f} USD an hour",
        'resource "aws_elasticache_reserved_cache_node" "base" {{\n'
        '  reserved_cache_nodes_offering_id = "OFFERING"\n'
        "  cache_node_count                 = COUNT # together at most {commitment:.3f} USD an hour\n}}",
        "There is no way back: AWS takes no reserved node back before its year is over.",
        unlike=PLANNED,
    ),
    Pool(
        "database-plan",
        "Database Savings Plan",
        ("relational database", "amazonrds", "rds", "aurora", "elasticache"),
        "aws savingsplans describe-savings-plans-offerings --plan-types Database "
        f"--payment-options 'No Upfront' --durations {YEAR_SECONDS} --currencies USD",
        BUY_PLAN,
        "# Savings plans are bought by command or in the console. Keep this beside your code:\n"
        'locals {{\n  database_savings_plan_usd_per_hour = "{commitment:.3f}"\n}}',
        UNDO_PLAN,
        like=PLANNED,
    ),
)
