"""The relay: brings every fact to the reactions that are registered for it."""

from collections.abc import Callable
from typing import Any

import structlog

from portal.kit import clock, outbox
from portal.kit.db import unit
from portal.kit.errors import Refusal
from portal.kit.outbox import Errand, Fact
from worker import reactions
from worker.app import home, task
from worker.house import House
from worker.writing import Occasion

Find = Callable[[Fact, str], reactions.Reaction]

log = structlog.get_logger(__name__)


@task("relay.hand_out", tried_again=False)
def hand_out_facts() -> None:
    """Every second: hand out what was told, and what was lost on the way."""
    hand_out(home(), send)


@task("reactions.react")
def react_to_fact(fact_id: int, reaction: str) -> None:
    """Bring one fact to one reaction."""
    react(home(), fact_id, reaction)


@task("relay.clean")
def clean_facts() -> None:
    """Now and then: delete facts that were done long ago."""
    with home().sessions() as session, unit(session):
        outbox.clean(session, now=clock.now())


def send(errand: Errand) -> None:
    """Give an errand to the broker, in the name of the request that told the fact."""
    react_to_fact.apply_async(
        (errand.fact_id, errand.reaction),
        headers={"request_id": errand.request_id} if errand.request_id else None,
    )


def hand_out(house: House, send: Callable[[Errand], Any]) -> int:
    """Hand out what is undone; how many errands.

    Sending comes after the commit: what is lost between the two is handed out again, and no lock is
    held while the broker is slow.
    """
    with house.sessions() as session, unit(session):
        errands = outbox.take(session, reactions.REGISTERED, now=clock.now())
    for errand in errands:
        send(errand)
    return len(errands)


def react(house: House, fact_id: int, reaction: str, *, find: Find = reactions.find) -> None:
    """Let a reaction hear a fact, once: its own effects and the mark are one transaction.

    A refusal is heard too and not tried again. Anything else leaves no trace, and the relay hands the
    fact out again.
    """
    now = clock.now()
    with house.sessions() as session:
        try:
            with unit(session):
                if (told := outbox.hear(session, fact_id, reaction, now=now)) is None:
                    return
                fact = outbox.read(told)
                occasion = Occasion(told.id, told.told_at, house, now)
                find(fact, reaction)(session, fact, occasion)
            log.info("fact heard", fact=fact_id, name=told.name, reaction=reaction)
        except Refusal as refusal:
            log.warning("reaction refused", fact=fact_id, reaction=reaction, refusal=refusal.sentence)
            with unit(session):
                outbox.hear(session, fact_id, reaction, now=now, refusal=refusal.sentence)
        with unit(session):
            outbox.finish(session, fact_id, reactions.REGISTERED, now=now)
