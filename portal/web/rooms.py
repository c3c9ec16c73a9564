"""Rooms: which file of pages is open to the public, one noun each."""

from flask import Flask

from portal.web import (
    audit,
    codes,
    credentials,
    dashboard,
    events,
    health,
    home,
    keys,
    letters,
    login,
    operator,
    plans,
    reset,
    settings,
    signup,
    staff,
    team,
    usage,
)

PEOPLE = (home, signup, login, reset, settings, credentials, codes, team, audit)
PRODUCT = (dashboard, keys, plans, usage)
STAFF = (operator, staff, letters)
MACHINES = (events, health)


def open_all(app: Flask) -> None:
    """Register every noun's blueprint."""
    for noun in (*PEOPLE, *PRODUCT, *STAFF, *MACHINES):
        app.register_blueprint(noun.room)
