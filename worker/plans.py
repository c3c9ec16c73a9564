"""Plans, when their time comes: subscriptions whose end has come are closed."""

from portal import plans
from portal.kit import clock
from portal.kit.db import unit
from worker.app import home, task


@task("plans.lapse", tried_again=False)
def close_ended_subscriptions() -> None:
    """Every half minute: close what has ended and tell of it. The gate holds to the moment by itself."""
    lapsed = True
    while lapsed:
        with home().sessions() as session, unit(session):
            lapsed = bool(plans.lapse(session, clock.now()))
