"""Rooms: which file of pages is open to the public, one noun each."""

from flask import Flask

from portal.web import (
    alerts,
    audit,
    billing,
    bills,
    catalogue,
    codes,
    costs,
    credentials,
    dashboard,
    deployments,
    desk,
    events,
    health,
    home,
    hooks,
    keys,
    letters,
    login,
    observed,
    operator,
    plans,
    queue,
    quotes,
    received,
    requests,
    reset,
    revenue,
    scale,
    scanning,
    settings,
    signup,
    staff,
    subscription,
    suggestions,
    sustainability,
    team,
    tickets,
    usage,
    webhooks,
)

PEOPLE = (home, signup, login, reset, settings, credentials, codes, team, audit)
PRODUCT = (dashboard, keys, plans, usage, subscription, billing, tickets, deployments, quotes)
STAFF = (queue, desk, staff, requests)
OPERATOR = (
    operator,
    catalogue,
    observed,
    costs,
    bills,
    alerts,
    scale,
    suggestions,
    sustainability,
    revenue,
    webhooks,
    received,
    letters,
)
MACHINES = (events, health, hooks, scanning)


def open_all(app: Flask) -> None:
    """Register every noun's blueprint."""
    for noun in (*PEOPLE, *PRODUCT, *STAFF, *OPERATOR, *MACHINES):
        app.register_blueprint(noun.room)
