"""Costs, when their time comes: what reached an alert is told."""

from datetime import datetime

from portal import costs, plans
from portal.kit import clock
from portal.kit.db import unit
from worker.app import home, task
from worker.house import House


@task("costs.watch", tried_again=False)
def watch_costs() -> None:
    """Every ten minutes: tell which amounts the month reached or will reach, once of each."""
    watch(home(), now=clock.now())


def watch(house: House, *, now: datetime) -> int:
    """How many amounts were told, in the currency of the plans."""
    with house.sessions() as session, unit(session):
        catalogue = plans.catalogue_or_none(session)
        currency = catalogue.currency if catalogue else "usd"
        return costs.watch(session, currency, now=now)
