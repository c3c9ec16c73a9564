"""Metering, when its time comes: counts into the ledger, ended windows closed."""

import structlog

from portal import metering
from portal.kit import clock
from portal.kit.db import unit
from worker.app import home, task

log = structlog.get_logger(__name__)


@task("metering.settle", tried_again=False)
def settle_counts() -> None:
    """Every few seconds: bring the gate's counts of past minutes into the ledger."""
    house = home()
    done = metering.settle(house.sessions, house.gate, now=clock.now())
    if done.batches:
        log.info("settled", batches=done.batches, lines=done.lines, notices=done.notices)


@task("metering.close_windows", tried_again=False)
def close_ended_windows() -> None:
    """Every few minutes: store the final counters of the months that have ended."""
    with home().sessions() as session, unit(session):
        metering.close_windows(session, now=clock.now())
