"""Accounts, when their time comes: what nothing asks for any more is forgotten."""

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from worker.app import home, task


@task("accounts.forget_old")
def forget_old() -> None:
    """Now and then: forget tries, links and sign-ins of long ago."""
    with home().sessions() as session, unit(session):
        accounts.forget_old(session, now=clock.now())
