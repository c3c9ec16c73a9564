"""The bill, as AWS itself watches over it: what is lacking is planned, shown, and made on demand."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from portal.costs import gateway
from portal.costs.gateway import KINDS, Alarm, Aws, Guarded
from portal.kit.errors import Invalid

NAME = "upkeep-costs"
NOTES_MOST = 10
"""AWS takes no more notes in a budget."""

READERS_MOST = 10
TOLD = {"ACTUAL": "is reached", "FORECASTED": "is forecast"}


@dataclass(frozen=True)
class Step:
    """One thing to be made or taken away at AWS, in a sentence."""

    sentence: str
    take: Callable[[Aws], object]


def guard(aws: Aws, dollars: Sequence[float], mails: Sequence[str]) -> list[Step]:
    """What is lacking so that AWS tells these addresses when a month reaches these amounts, and will.

    Nothing is changed before a step is taken; none is left when all stands. Invalid when AWS takes no more.
    """
    if not dollars or not mails:
        raise Invalid("There is nothing to watch for: set an alert, and name an address.", field="mail")
    if len(dollars) * len(KINDS) > NOTES_MOST or len(mails) > READERS_MOST:
        most = NOTES_MOST // len(KINDS)
        raise Invalid(f"A budget of AWS tells of at most {most} amounts, {READERS_MOST} addresses each.")
    account = gateway.account(aws)
    return plan(gateway.guarded(aws, account, NAME), account, tuple(dollars), tuple(mails))


def plan(there: Guarded, account: str, dollars: tuple[float, ...], mails: tuple[str, ...]) -> list[Step]:
    """The steps from what is there to what should be; budgets and alarms of other names are let alone."""
    return [
        *_budget(there, account, dollars, mails),
        *_topic(there, account, mails),
        *_alarms(there, account, dollars),
    ]


def _budget(
    there: Guarded, account: str, dollars: tuple[float, ...], mails: tuple[str, ...]
) -> Iterator[Step]:
    notes, readers = [(kind, amount) for amount in dollars for kind in KINDS], ", ".join(mails)
    if there.budget is None:
        words = " and ".join(f"${amount:g}" for amount in dollars)
        yield Step(
            f"Make the budget {NAME} of ${max(dollars):g} a month, which writes to {readers} when {words} is "
            "reached, and when it is forecast.",
            partial(
                gateway.make_budget, account=account, name=NAME, limit=max(dollars), notes=notes, mails=mails
            ),
        )
        return
    for kind, amount in notes:
        if (kind, amount) not in there.budget.notes:
            yield Step(
                f"Add to the budget {NAME} that {readers} hears when ${amount:g} {TOLD[kind]}.",
                partial(gateway.add_note, account=account, name=NAME, kind=kind, dollars=amount, mails=mails),
            )
    for kind, amount in sorted(there.budget.notes - set(notes)):
        yield Step(
            f"Take from the budget {NAME} what is told when ${amount:g} {TOLD[kind]}.",
            partial(gateway.drop_note, account=account, name=NAME, kind=kind, dollars=amount),
        )


def _topic(there: Guarded, account: str, mails: tuple[str, ...]) -> Iterator[Step]:
    if there.readers is None:
        yield Step(
            f"Make the topic {NAME}, to which alarms are told.", partial(gateway.make_topic, name=NAME)
        )
    for mail in mails:
        if mail not in (there.readers or ()):
            yield Step(
                f"Let {mail} read the topic {NAME}. AWS writes to ask whether they want to.",
                partial(gateway.add_reader, topic=gateway.topic(account, NAME), mail=mail),
            )


def _alarms(there: Guarded, account: str, dollars: tuple[float, ...]) -> Iterator[Step]:
    stand = {alarm.name: alarm for alarm in there.alarms}
    wanted = {
        f"{NAME}-{amount:g}-usd": Alarm(f"{NAME}-{amount:g}-usd", amount, (gateway.topic(account, NAME),))
        for amount in dollars
    }
    for name, alarm in wanted.items():
        if stand.get(name) != alarm:
            yield Step(
                f"Set the alarm {name} on what this month cost so far.",
                partial(gateway.set_alarm, alarm=alarm),
            )
    for name in sorted(stand.keys() - wanted.keys()):
        yield Step(f"Take away the alarm {name}.", partial(gateway.drop_alarm, name=name))
