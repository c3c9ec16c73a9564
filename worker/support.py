"""Support, when its time comes: what is due soon or overdue is told."""

from portal import support
from portal.kit import clock
from portal.kit.db import unit
from worker.app import home, task


@task("support.watch", tried_again=False)
def watch_clocks() -> None:
    """Every half minute: warn of what is due soon, and tell what is overdue, once of each."""
    told = 1
    while told:
        with home().sessions() as session, unit(session):
            told = support.watch(session, now=clock.now())
