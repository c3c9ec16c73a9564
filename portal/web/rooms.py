"""Rooms: which file of pages is open to the public, one noun each."""

from flask import Flask

from portal.web import (
    audit,
    codes,
    events,
    health,
    home,
    login,
    operator,
    reset,
    settings,
    signup,
    staff,
    team,
    usage,
)


def open_all(app: Flask) -> None:
    """Register every noun's blueprint."""
    for noun in (signup, login, reset, settings, codes, team, audit):
        app.register_blueprint(noun.room)
    app.register_blueprint(home.room)
    app.register_blueprint(health.room)
    app.register_blueprint(events.room)
    for noun in (usage, operator, staff):
        app.register_blueprint(noun.room)
