"""Scaling, when its time comes: what to promise is worked out and measured, and spot is stood in for."""

from datetime import datetime, timedelta

import structlog

from portal import accounts, costs, plans, scaling, sustainability
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Refusal
from worker.app import home, task
from worker.house import House

CONTROLLER = accounts.Actor(None, "spot controller")

KNOWN = timedelta(days=7)
"""For how long what AWS told of its prices is not asked again."""

log = structlog.get_logger(__name__)


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


@task("scaling.steer", tried_again=False)
def steer_spot() -> None:
    """Every minute: let on-demand tasks stand in for missing spot tasks, or say that they would."""
    steer(home(), now=clock.now())


def steer(house: House, *, now: datetime) -> dict[str, int]:
    """What each service was told to run, or would be, by its pair; pairs whose number stays are left out."""
    settings, told = house.settings.aws, dict[str, int]()
    if settings.spot_mode == "off":
        return told
    for pair in settings.spot_pairs:
        is_dry, ecs = settings.spot_mode != "on", scaling.Ecs(costs.Aws(settings))
        try:
            wanted = scaling.steer(house.sessions, ecs, pair, is_dry=is_dry, actor=CONTROLLER, now=now)
        except Refusal as refusal:
            log.warning("spot not stood in for", pair=scaling.pair_name(pair), refusal=refusal.sentence)
            continue
        if wanted is not None:
            told[scaling.pair_name(pair)] = wanted
    return told


@task("scaling.refresh_rates", tried_again=False)
def refresh_rates() -> None:
    """Every six hours: ask AWS what a promise costs, if it was not asked this week."""
    refresh(home(), now=clock.now())


def refresh(house: House, *, now: datetime, asks: scaling.Asks | None = None) -> int:
    """How many rates AWS told. Where the credentials may not ask, the shipped ones hold."""
    aws = house.settings.aws
    if not aws.collects or aws.region is None:
        return 0
    with house.sessions() as session:
        rate = scaling.rates(session)["promise.compute"]
    if not rate.assumed and rate.as_of > (now - KNOWN).date():
        return 0
    try:
        found = scaling.refresh_rates(asks or costs.Aws(aws), aws.region, now=now)
    except Refusal as refusal:
        log.info("rates not refreshed", refusal=refusal.sentence)
        return 0
    with house.sessions() as session, unit(session):
        scaling.note_rates(session, found, now=now)
    return len(found)
