"""Costs, when their time comes: AWS is asked, and what reached an alert is told."""

from datetime import datetime

import structlog

from portal import accounts, costs, plans
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Refusal
from worker.app import home, task
from worker.house import House

COLLECTOR = accounts.Actor(None, "daily collection")

log = structlog.get_logger(__name__)


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


@task("costs.collect", tried_again=False)
def collect_costs() -> None:
    """Every hour: ask AWS what the days cost, if that was not asked today."""
    collect(home(), now=clock.now())


@task("costs.survey", tried_again=False)
def survey_loads() -> None:
    """Every hour: see what runs at AWS, and how busy it was."""
    survey(home(), now=clock.now())


def collect(house: House, *, now: datetime) -> costs.Collected | None:
    """What was collected; None when nobody wants it, it is not due, or AWS refuses."""
    if not house.settings.aws.collects:
        return None
    aws = costs.Aws(house.settings.aws)
    try:
        return costs.collect(house.sessions, aws, when_due=True, actor=COLLECTOR, now=now)
    except Refusal as refusal:
        log.warning("costs not collected", refusal=refusal.sentence)
        return None


def survey(house: House, *, now: datetime) -> int:
    """How many hours of load were read."""
    if not house.settings.aws.collects:
        return 0
    with house.sessions() as session, unit(session):
        costs.forget_loads(session, now=now)
    try:
        return costs.survey(house.sessions, costs.Aws(house.settings.aws), now=now)
    except Refusal as refusal:
        log.warning("loads not surveyed", refusal=refusal.sentence)
        return 0
