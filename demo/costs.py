"""Costs: what the platform pays each month, typed by the operator, and the cash it has."""

from typing import Final

from demo.people import Staff
from demo.stage import Stage
from portal import costs, sustainability
from portal.kit.money import Money
from portal.kit.period import calendar_month

# Since when (days ago), what, from whom, and cents a month.
BILLS: Final = (
    (90, "Application servers, 3 × CPX41", "Compute", 19_680),
    (90, "PostgreSQL with a standby", "Database", 22_400),
    (90, "Vector index, memory-optimised", "Database", 41_200),
    (90, "Object storage, 4 TB", "Storage", 5_390),
    (90, "Traffic and load balancer", "Network", 8_150),
    (90, "Monitoring and logs", "Tools", 9_900),
    (90, "Mail", "Tools", 2_500),
    (48, "Instance of Klinikum Lindenthal", "Compute", 1_140),
    (31, "Fourth application server", "Compute", 6_560),
)
CASH: Final = ((90, 2_150_000), (60, 2_074_000), (30, 2_031_000), (2, 2_008_500))
"""How much there was so many days ago, in cents."""


def note_down(stage: Stage, staff: Staff, days_ago: int, *, before: bool = False) -> None:
    """The operator types what is new on a day; with `before`, what was there when the story begins."""
    month = calendar_month(stage.now)[0]
    with stage.unit() as session:
        for since, name, service, cents in BILLS:
            if since == days_ago or (before and since > days_ago):
                costs.add(
                    session,
                    name,
                    service,
                    Money(cents),
                    begins_at=month,
                    actor=staff.operator,
                    now=stage.now,
                )
        for at, cents in CASH:
            if at == days_ago or (before and at > days_ago):
                sustainability.count_cash(session, Money(cents), actor=staff.operator, now=stage.now)
