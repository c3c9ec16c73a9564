"""A sandbox for each test."""

import pytest

from tests.sandboxed import StripeSandbox


@pytest.fixture
def stripe_sandbox(tmp_path):
    with StripeSandbox(tmp_path / "stripe") as running:
        yield running


@pytest.fixture
def v1(stripe_sandbox):
    return stripe_sandbox.v1


@pytest.fixture
def pro(v1):
    """A price of $19 a month, found by `api-pro-month`."""
    product = v1.products.create({"name": "API Pro", "metadata": {"plan": "api-pro"}})
    return v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 1900,
            "recurring": {"interval": "month"},
            "lookup_key": "api-pro-month",
        }
    )


@pytest.fixture
def pro_yearly(v1, pro):
    """The same plan for $190 a year."""
    return v1.prices.create(
        {
            "product": pro.product,
            "currency": "usd",
            "unit_amount": 19000,
            "recurring": {"interval": "year"},
            "lookup_key": "api-pro-year",
        }
    )


@pytest.fixture
def alice(v1):
    """A customer with a card that works."""
    customer = v1.customers.create({"email": "alice@example.com", "name": "Alice"})
    method = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    return v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})


@pytest.fixture
def inbox(stripe_sandbox):
    """Everything that was delivered, as (body, headers)."""
    received = []

    def receive(body, headers):
        received.append((body, headers))
        return 200

    stripe_sandbox.deliver_to(receive)
    return received
