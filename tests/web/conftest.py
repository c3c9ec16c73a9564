"""Browsers, and what happens behind the pages."""

import pytest

from tests.web.desk import Desk
from tests.web.people import Visit, World


@pytest.fixture
def world(database, redis):
    return World(database)


@pytest.fixture
def visit(web_app, world):
    """A fresh browser."""
    return Visit(web_app)


@pytest.fixture
def visit_elsewhere(web_app, world):
    """Another one, of another kind and in another network."""
    return Visit(web_app, address="198.51.100.9", user_agent="curl/8.5")


@pytest.fixture
def desk(settings, database, redis, web_app):
    """People at browsers, without Stripe."""
    return Desk(settings, database, web_app)
