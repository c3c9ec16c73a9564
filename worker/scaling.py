"""Scaling, when its time comes: what to promise is worked out, and what was promised is measured."""

from datetime import datetime

from portal import plans, sustainability
from portal.kit import clock
from portal.kit.db import unit
from worker.app import home, task
from worker.house import House


@task("scaling.suggest", tried_again=False)
def suggest_capacity() -> None:
    """Now and then: suggestions brought up to date from the newest bills."""
    suggest(home(), now=clock.now())


def suggest(house: House, *, now: datetime) -> list[str]:
    """The ids of what is new, in the currency of the plans."""
    with house.sessions() as session, unit(session):
        catalogue = plans.catalogue_or_none(session)
        currency = catalogue.currency if catalogue else "usd"
        return sustainability.suggest(session, house.settings.payments, currency, now=now)
