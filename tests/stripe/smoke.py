"""`make stripe-smoke`: the journey of money at real Stripe, in test mode, with a key of the operator's.

It makes a product with two prices (kept for the next time), a test clock and a customer on it, and removes
the clock, which removes the customer, at the end. No money moves in test mode; a live key is refused.
"""

import os
import sys
import threading
from datetime import UTC, datetime

import stripe

from portal.billing.gateway import Stripe
from portal.kit.settings import Payments
from tests.stripe.journey import Journey
from tests.stripe.watching import Watched

TITLE = "Upkeep smoke test"
POLL_SECONDS, ADVANCE_SECONDS = 2, 180


def main(environ):
    key = environ.get("STRIPE_SECRET_KEY", "")
    if not key.startswith(("sk_test_", "rk_test_")):
        return (
            "STRIPE_SECRET_KEY must be a test key (sk_test_... or rk_test_...): nothing was asked of Stripe."
        )
    watched = Watched(gently=True)
    watched.trust_env = True  # the operator's proxy, if there is one
    gateway = Stripe(Payments(key, (), "https://api.stripe.com", "test"), transport=watched)
    client = stripe.StripeClient(
        key, http_client=stripe.RequestsClient(timeout=30, session=watched), max_network_retries=2
    )
    clock = Clock(client)
    print(f"Stripe {stripe.api_version}, account {gateway.account}, test clock {clock.id}")
    try:
        Journey(gateway, client, "stripe.com", clock.open_customer, clock.now, clock.advance).run()
    finally:
        clock.remove()
    for problem in watched.problems:
        print(f"  otherwise than described: {problem}")
    print(
        "The journey went through."
        + ("" if watched.described else " (Stripe's description was not at hand.)")
    )
    return None


class Clock:
    """A test clock of Stripe's: a customer whose months pass when we say so."""

    def __init__(self, client):
        self._clocks, self._customers = client.v1.test_helpers.test_clocks, client.v1.customers
        moment = int(datetime.now(UTC).timestamp())
        self.id = self._clocks.create({"frozen_time": moment, "name": TITLE}).id

    def open_customer(self):
        wanted = {"name": TITLE, "email": "smoke@example.com", "test_clock": self.id}
        return self._customers.create(wanted).id

    def now(self):
        return datetime.fromtimestamp(self._clocks.retrieve(self.id).frozen_time, UTC)

    def advance(self, moment):
        """Move to a moment, and wait until Stripe has done what fell due."""
        self._clocks.advance(self.id, {"frozen_time": int(moment.timestamp())})
        pause = threading.Event()
        for _ in range(ADVANCE_SECONDS // POLL_SECONDS):
            if (status := self._clocks.retrieve(self.id).status) == "ready":
                return
            assert status == "advancing", status
            pause.wait(POLL_SECONDS)
        raise AssertionError(f"Stripe's test clock did not get there in {ADVANCE_SECONDS} seconds.")

    def remove(self):
        self._clocks.delete(self.id)


if __name__ == "__main__":
    sys.exit(main(os.environ))
