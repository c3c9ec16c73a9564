"""Rooms: which file of pages is open to the public, one noun each."""

from flask import Flask

from portal.web import (
    audit,
    billing,
    codes,
    costs,
    credentials,
    dashboard,
    events,
    health,
    home,
    hooks,
    keys,
    letters,
    login,
    operator,
    plans,
    requests,
    reset,
    revenue,
    settings,
    signup,
    staff,
    subscription,
    sustainability,
    team,
    usage,
    webhooks,
)

PEOPLE = (home, signup, login, reset, settings, credentials, codes, team, audit)
PRODUCT = (dashboard, keys, plans, usage, subscription, billing)
STAFF = (operator, costs, sustainability, staff, letters, requests, revenue, webhooks)
MACHINES = (events, health, hooks)


def open_all(app: Flask) -> None:
    """Register every noun's blueprint."""
    for noun in (*PEOPLE, *PRODUCT, *STAFF, *MACHINES):
        app.register_blueprint(noun.room)
