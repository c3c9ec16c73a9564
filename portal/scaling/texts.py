"""Changes at AWS, in words: what every kind of them has in common."""

from portal import costs
from portal.scaling.cases import Step

Texts = tuple[tuple[Step, ...], str]
"""The commands and Terraform that carry it out, and the way back."""


TOGETHER = (
    "Beside others",
    "Each suggestion is worked out for what runs now: what two of them save of one thing does not add up",
)


def caveats(row: costs.CloudResource) -> tuple[tuple[str, str], ...]:
    """What to know before, by kind: a term and a sentence."""
    of_kind = {
        "ecs": (
            (
                "Scaling by itself",
                "If it does already, put its own least and most into the step that wakes it",
            ),
        ),
        "rds": (
            ("Stopped for long", "AWS starts a stopped database by itself after 7 days"),
            ("Backups and maintenance", "Are not done while it is stopped: let their windows lie by day"),
            ("Storage", "Is paid for as before while it is stopped"),
        ),
        "cache": (("Stopping", "ElastiCache cannot be stopped, only deleted and restored from a snapshot"),),
    }
    return (*of_kind[row.kind], TOGETHER)


def terraform_name(name: str) -> str:
    """A name as Terraform takes it."""
    return "".join(one if one.isalnum() else "_" for one in name)
