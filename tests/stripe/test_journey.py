"""The journey of `make stripe-smoke`, walked in the sandbox."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
import stripe

from tests.sandboxed import StripeSandbox
from tests.stripe import data, smoke
from tests.stripe.journey import Journey


def test_the_journey_of_one_customers_money(stripe_sandbox):
    v1 = stripe_sandbox.v1
    Journey(
        gateway=stripe_sandbox.gateway(),
        client=stripe_sandbox.client,
        host=urlsplit(stripe_sandbox.base).netloc,
        open_customer=lambda: v1.customers.create({"name": "Alice", "email": "alice@example.com"}).id,
        now=lambda: datetime.fromtimestamp(stripe_sandbox.now, UTC),
        advance=lambda moment: stripe_sandbox.advance_to(int(moment.timestamp())),
    ).run()


def test_the_smoke_test_goes_through_with_a_test_clock_of_its_own(stripe_sandbox):
    clock = smoke.Clock(stripe_sandbox.client)
    Journey(
        gateway=stripe_sandbox.gateway(),
        client=stripe_sandbox.client,
        host=urlsplit(stripe_sandbox.base).netloc,
        open_customer=clock.open_customer,
        now=clock.now,
        advance=clock.advance,
    ).run()  # the sandbox deletes no clock that customers hang on, so this one stays


def test_what_is_said_is_watched(stripe_sandbox):
    data.needed()
    stripe_sandbox.v1.customers.create({"name": "Alice"})
    stripe_sandbox.gateway().picture("cus_of_nobody")
    assert all(watch.watched for watch in stripe_sandbox.watches)


def test_a_crooked_request_of_ours_does_not_leave(tmp_path):
    data.needed()
    running = StripeSandbox(tmp_path)
    with pytest.raises(AssertionError, match="emial"), running:
        client = stripe.StripeClient(
            running.key,
            base_addresses={"api": running.base},
            http_client=stripe.RequestsClient(session=running.watch()),
        )
        with pytest.raises(stripe.APIConnectionError, match="unknown parameter"):
            client.v1.customers.create({"emial": "alice@example.com"})


def test_the_smoke_test_refuses_a_live_key():
    assert "test key" in smoke.main({"STRIPE_SECRET_KEY": "sk_live_" + "x" * 20})
    assert "test key" in smoke.main({})
