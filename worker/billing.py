"""Billing, when its time comes: webhooks tried again, sweeps, reminders; nothing where payments are off."""

from collections.abc import Iterable
from datetime import timedelta

from portal import accounts, billing
from portal.kit import clock
from portal.kit.db import unit
from worker.app import home, task
from worker.house import House

DAY = timedelta(days=1)


@task("billing.retry_events", tried_again=False)
def retry_failed_events() -> None:
    """Every minute: think again about webhooks that failed or were lost on the way."""
    house = home()
    if house.stripe is not None:
        push(house, billing.retry_events(house.sessions, house.stripe, now=clock.now()))


@task("billing.remind", tried_again=False)
def remind_of_unpaid_invoices() -> None:
    """Every minute: letters that are due, and grace that is over."""
    house = home()
    if house.settings.payments is not None:
        with house.sessions() as session, unit(session):
            billing.remind(session, house.settings.payments, now=clock.now())


@task("billing.sweep_events", tried_again=False)
def sweep_undelivered_events() -> None:
    """Every hour: what Stripe could not deliver."""
    house = home()
    if house.stripe is not None:
        push(house, billing.sweep_events(house.sessions, house.stripe, now=clock.now()))


@task("billing.sweep_all", tried_again=False)
def sweep_every_customer() -> None:
    """Every ten minutes: compare with Stripe whoever was not compared for a day, and so everybody daily."""
    house = home()
    if house.stripe is not None:
        now = clock.now()
        push(house, billing.sweep_all(house.sessions, house.stripe, now=now, before=now - DAY, limit=100))


@task("billing.forget_old")
def forget_old_events() -> None:
    """Now and then: forget webhooks and drift of long ago."""
    with home().sessions() as session, unit(session):
        billing.forget_old(session, now=clock.now())


def push(house: House, account_ids: Iterable[str]) -> None:
    """Tell the gate what holds for these accounts now; their facts do the same a little later."""
    with house.sessions() as session, unit(session):
        tags = [accounts.tag(session, account_id) for account_id in account_ids]
    for tag in tags:
        house.gate.push(tag)
