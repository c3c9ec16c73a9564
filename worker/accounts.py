"""Accounts, when their time comes: what limits no longer look at is forgotten."""

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from worker.app import home, task


@task("accounts.forget_attempts")
def forget_old_attempts() -> None:
    """Now and then: forget how often something was tried some time ago."""
    with home().sessions() as session, unit(session):
        accounts.forget_old_attempts(session, now=clock.now())
