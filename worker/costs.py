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
    """How many amounts were told, in the currency of the plans and in every other of this month's costs."""
    with house.sessions() as session, unit(session):
        catalogue = plans.catalogue_or_none(session)
        currency = catalogue.currency if catalogue else "usd"
        watched = costs.watched(session, currency, now=now)
        return sum(costs.watch(session, one, now=now) for one in watched)


@task("costs.collect", tried_again=False)
def collect_costs() -> None:
    """Every hour: ask AWS what the days cost, and what it gives for nothing, if that was not asked today."""
    now = clock.now()
    collect(home(), now=now)
    look_at_given(home(), now=now)


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


def look_at_given(house: House, *, now: datetime, aws: costs.Aws | None = None) -> costs.Given | None:
    """What AWS told of credits and its free tier; None when nobody wants it, it is not due, or refused."""
    if not house.settings.aws.collects:
        return None
    with house.sessions() as session:
        if not costs.is_given_due(session, now=now):
            return None
    try:
        return costs.ask_given(house.sessions, aws or costs.Aws(house.settings.aws), now=now)
    except Refusal as refusal:
        log.info("free tier not asked for", refusal=refusal.sentence)
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
