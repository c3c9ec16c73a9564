"""Plans, as told."""

from dataclasses import dataclass

from portal.kit.outbox import Fact


@dataclass(frozen=True)
class PlanChanged(Fact):
    """An account's plan of one line changed; `before` and `after` are slugs, of the free plan too."""

    account_id: str
    line: str
    before: str
    after: str
