"""What to do next, as decided: an ordered list, computed from what is counted.

Each line of `ERRANDS` waits for one count. The page that shows the list gathers the counts from all
rooms; what has no count there, or none of which there is, is not on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from portal.web.words import number


@dataclass(frozen=True)
class Errand:
    """What is to be done while something is counted: in the words for one and for many."""

    name: str
    urgency: str
    one: str
    many: str
    href: str
    verb: str


@dataclass(frozen=True)
class Deed:
    """One line of the list: how urgent, what is the matter, and where it is put right."""

    urgency: str
    words: str
    href: str
    verb: str


ERRANDS = (
    Errand(
        "tickets_breached",
        "danger",
        "One ticket is past its deadline.",
        "{count} tickets are past their deadlines.",
        "/staff/queue",
        "Open the queue",
    ),
    Errand(
        "disputes",
        "danger",
        "One dispute waits for your answer. Banks decide for the customer when none comes.",
        "{count} disputes wait for your answer. Banks decide for the customer when none comes.",
        "/operator/disputes",
        "See disputes",
    ),
    Errand(
        "webhooks",
        "danger",
        "One webhook from Stripe fails: what it told is not in the books yet.",
        "{count} webhooks from Stripe fail: what they told is not in the books yet.",
        "/operator/webhooks?state=failing",
        "See what went wrong",
    ),
    Errand(
        "drift",
        "danger",
        "One difference between our books and Stripe's is not healed.",
        "{count} differences between our books and Stripe's are not healed.",
        "/operator/drift",
        "See drift",
    ),
    Errand(
        "letters_failed",
        "due",
        "One letter was refused by the mail server.",
        "{count} letters were refused by the mail server.",
        "/operator/letters?state=failed",
        "See letters",
    ),
    Errand(
        "letters_in_doubt",
        "due",
        "One letter may not have been sent. It goes out again only when you say so.",
        "{count} letters may not have been sent. They go out again only when you say so.",
        "/operator/letters?state=in+doubt",
        "See letters",
    ),
    Errand(
        "tickets_unassigned",
        "due",
        "One open ticket is nobody's.",
        "{count} open tickets are nobody's.",
        "/staff/queue?assignee=nobody",
        "Open the queue",
    ),
    Errand(
        "requests",
        "due",
        "One customer waits for a plan to be set up.",
        "{count} customers wait for a plan to be set up.",
        "/staff/requests",
        "See requests",
    ),
    Errand(
        "plans",
        "due",
        "The plans file differs from what is on offer. Customers see the published plans.",
        "",
        "/operator/plans",
        "See what would change",
    ),
    Errand(
        "plans_broken",
        "due",
        "The plans file has a mistake in it and cannot be published.",
        "",
        "/operator/plans",
        "See where",
    ),
    Errand(
        "spikes",
        "due",
        "One service began to cost more than is usual for it.",
        "{count} services began to cost more than is usual for them.",
        "/operator/costs#unusual",
        "See which",
    ),
    Errand(
        "suggestions",
        "due",
        "One suggestion would lower your costs.",
        "{count} suggestions would lower your costs.",
        "/operator/suggestions",
        "See suggestions",
    ),
    Errand(
        "cost",
        "due",
        "No costs of this month are known. Type what you pay each month, the largest first.",
        "",
        "/operator/costs",
        "Add a cost",
    ),
    Errand(
        "cash",
        "due",
        "Tell us your cash: without it nobody can say how long it lasts.",
        "",
        "/operator/sustainability",
        "Count your cash",
    ),
    Errand(
        "cash_stale",
        "due",
        "Your cash was counted more than two months ago.",
        "",
        "/operator/sustainability",
        "Count it again",
    ),
    Errand(
        "backup",
        "due",
        "No backup is known. What is lost without one cannot be brought back.",
        "",
        "#step-backups",
        "How to make one",
    ),
    Errand(
        "backup_old",
        "due",
        "The newest backup is more than a week old.",
        "",
        "#step-backups",
        "How to make one",
    ),
)


def to_do(counts: Mapping[str, int], steps: Mapping[str, str] | None = None) -> list[Deed]:
    """What to do next, the most urgent first.

    `steps` are the sentences of what is still to be set up, each with where it is told how: after what
    harms customers now, before what can wait.
    """
    errands = [_deed(errand, counts.get(errand.name, 0)) for errand in ERRANDS if counts.get(errand.name)]
    set_up = [Deed("due", sentence, href, "See how") for sentence, href in (steps or {}).items()]
    urgent = [deed for deed in errands if deed.urgency == "danger"]
    return [*urgent, *set_up, *(deed for deed in errands if deed.urgency != "danger")]


def _deed(errand: Errand, count: int) -> Deed:
    words = errand.many.format(count=number(count)) if count > 1 and errand.many else errand.one
    return Deed(errand.urgency, words, errand.href, errand.verb)
