"""A shop: the sandbox, the database, and people who pay."""

import pytest

from tests.billing.shop import Shop
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
