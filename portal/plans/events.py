"""Plans, as told."""

from dataclasses import dataclass

from portal.kit.outbox import Fact


@dataclass(frozen=True)
class PlanChanged(Fact):
    """An account's plan of one line changed; `before` and `after` are slugs, of the free plan too.

    `paid`: a payment, or the want of one, brought it about, which has letters of its own.
    """

    account_id: str
    line: str
    before: str
    after: str
    paid: bool = False
