"""The sandbox, told that time has passed. Stripe itself knows no such thing."""

import requests

from portal.billing.gateway.speaking import StripeAway
from portal.kit.settings import Payments

TICK_SECONDS = 120.0  # years of renewals may have become due at once


def tick(payments: Payments) -> None:
    """Have the sandbox do what became due: renewals, retries, ends. StripeAway when it is not there."""
    assert payments.mode == "sandbox"
    session = requests.Session()
    session.trust_env = False
    try:
        reply = session.post(
            f"{payments.api_base}/_sandbox/tick",
            headers={"Authorization": f"Bearer {payments.secret_key}"},
            timeout=TICK_SECONDS,
        )
        reply.raise_for_status()
    except requests.RequestException as problem:
        raise StripeAway(f"The sandbox at {payments.api_base} did not answer: {problem}") from problem
