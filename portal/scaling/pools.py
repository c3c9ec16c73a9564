"""Pools: what can be promised for a year, at which price, and the words with which it is bought.

Rates are shares of the on-demand price for one year with nothing upfront. They are assumptions, dated, on the
cautious side of what is commonly said, and no offer: the first command of each pool prints the real one.
"""

from dataclasses import dataclass

RATES_OF = "November 2026"
YEAR_SECONDS = 31_536_000


@dataclass(frozen=True)
class Pool:
    """One kind of commitment: the words that its services' names hold, and its promised price."""

    slug: str
    name: str
    services: tuple[str, ...]
    rate: float
    look: str
    buy: str
    terraform: str
    undo: str

    def steps(self, hourly: float) -> tuple[tuple[str, str], ...]:
        """The texts with which so much an hour is bought, each with its name."""
        return (
            ("See the real price", self.look),
            ("Buy", self.buy.format(commitment=hourly)),
            ("Terraform", self.terraform.format(commitment=hourly)),
        )


POOLS = (
    Pool(
        "compute",
        "Compute Savings Plan",
        ("fargate", "elastic container", "amazonecs", "lambda"),
        0.80,
        "aws savingsplans describe-savings-plans-offerings --plan-types Compute "
        f"--payment-options 'No Upfront' --durations {YEAR_SECONDS} --currencies USD",
        "aws savingsplans create-savings-plan --savings-plan-offering-id OFFERING "
        "--commitment {commitment:.3f} --purchase-time QUEUED_AT",
        "# Savings plans are bought by command or in the console. Keep this beside your code:\n"
        'locals {{\n  compute_savings_plan_usd_per_hour = "{commitment:.3f}"\n}}',
        "While it is queued, which is for two days: aws savingsplans delete-queued-savings-plan "
        "--savings-plan-id PLAN. Afterwards, while AWS still takes it back: "
        "aws savingsplans return-savings-plan --savings-plan-id PLAN",
    ),
    Pool(
        "database",
        "RDS reserved instances",
        ("relational database", "amazonrds", "rds"),
        0.70,
        "aws rds describe-reserved-db-instances-offerings --offering-type 'No Upfront' "
        f"--duration {YEAR_SECONDS} --db-instance-class CLASS --product-description ENGINE",
        "aws rds purchase-reserved-db-instances-offering --reserved-db-instances-offering-id OFFERING "
        "--db-instance-count COUNT  # together at most {commitment:.3f} USD an hour",
        'resource "aws_rds_reserved_instance" "base" {{\n  offering_id    = "OFFERING"\n'
        "  instance_count = COUNT # together at most {commitment:.3f} USD an hour\n}}",
        "There is no way back: AWS takes no reserved instance back before its year is over.",
    ),
    Pool(
        "cache",
        "ElastiCache reserved nodes",
        ("elasticache",),
        0.70,
        "aws elasticache describe-reserved-cache-nodes-offerings --offering-type 'No Upfront' "
        f"--duration {YEAR_SECONDS} --cache-node-type TYPE",
        "aws elasticache purchase-reserved-cache-nodes-offering --reserved-cache-nodes-offering-id OFFERING "
        "--cache-node-count COUNT  # together at most {commitment:.3f} USD an hour",
        'resource "aws_elasticache_reserved_cache_node" "base" {{\n'
        '  reserved_cache_nodes_offering_id = "OFFERING"\n'
        "  cache_node_count                 = COUNT # together at most {commitment:.3f} USD an hour\n}}",
        "There is no way back: AWS takes no reserved node back before its year is over.",
    ),
)
BY_SLUG = {pool.slug: pool for pool in POOLS}
