"""Rooms: which file of pages is open to the public, one noun each."""

from flask import Flask

from portal.web import (
    audit,
    billing,
    catalogue,
    codes,
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
    settings,
    signup,
    staff,
    subscription,
    team,
    tickets,
    usage,
    webhooks,
)

PEOPLE = (home, signup, login, reset, settings, credentials, codes, team, audit)
PRODUCT = (dashboard, keys, plans, usage, subscription, billing, tickets, deployments, quotes)
STAFF = (operator, catalogue, observed, queue, desk, staff, received, letters, requests, revenue, webhooks)
MACHINES = (events, health, hooks)


def open_all(app: Flask) -> None:
    """Register every noun's blueprint."""
    for noun in (*PEOPLE, *PRODUCT, *STAFF, *MACHINES):
        app.register_blueprint(noun.room)
