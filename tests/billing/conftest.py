"""A shop: the sandbox, the database, and people who pay."""

import pytest

from portal import billing, plans
from portal.kit.db import unit
from tests.billing.shop import Shop
from tests.billing.till import CATALOGUE
from tests.sandboxed import StripeSandbox


@pytest.fixture
def stripe_sandbox(tmp_path):
    with StripeSandbox(tmp_path / "stripe") as running:
        yield running


@pytest.fixture
def shop(stripe_sandbox, database):
    """The catalogue is published and at Stripe; Alice has an account and has paid for nothing."""
    return Shop(stripe_sandbox, database)


@pytest.fixture
def paying(shop):
    """The same, and Alice pays for API Pro by the month."""
    shop.buy()
    return shop


@pytest.fixture
def wider(paying):
    """Alice pays for API Pro, and a larger plan is on sale beside it."""
    with paying.database() as session, unit(session):
        plans.sync(session, plans.read(CATALOGUE), paying.now)
    with paying.database() as session:
        billing.sync_catalogue(session, paying.stripe, apply=True)
    return paying
