"""Checking: what a key, the webhooks and the catalogue at Stripe lack."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from portal.billing.actions.catalogue import sync_catalogue
from portal.billing.gateway import Refused, Stripe, StripeAway
from portal.billing.values import Finding
from portal.kit.errors import Refusal

HOOK = "/hooks/stripe"
NEEDED = (
    *("checkout.session.completed", "customer.subscription.created", "customer.subscription.updated"),
    *("customer.subscription.deleted", "invoice.paid", "invoice.payment_failed", "customer.updated"),
    *("charge.refunded", "charge.dispute.created"),
)


def check(session: Session, stripe: Stripe, *, public_url: str) -> list[Finding]:
    """Look at everything that payments need and say what is missing. Changes nothing."""
    found = [_try("The key opens the Stripe account", lambda: stripe.account)]
    if not found[0].good:
        return found
    found += [_try(f"The key may read {what}", probe) for what, probe in stripe.shelf.probes().items()]
    found += _webhooks(stripe, public_url)
    try:
        steps = sync_catalogue(session, stripe, apply=False)
    except Refusal as refusal:
        return [*found, Finding(False, "The catalogue can be compared", _why(refusal))]
    missing = [step for step in steps if step.verb != "keep"]
    found.append(
        Finding(not missing, "Stripe has every plan that is on offer", "Run `upkeep plans sync --apply`.")
    )
    return found


def _webhooks(stripe: Stripe, public_url: str) -> list[Finding]:
    address = public_url + HOOK
    try:
        endpoints = stripe.shelf.endpoints()
    except (StripeAway, Refused) as refusal:
        advice = (
            f"Let the key read webhook endpoints, or look yourself that {address} is one. {refusal.detail}"
        )
        return [Finding(False, "Webhook endpoints can be read", advice)]
    if address not in endpoints:
        return [Finding(False, f"Webhooks go to {address}", "Add it under Developers, Webhooks, at Stripe.")]
    status, version, types = endpoints[address]
    lacking = [] if "*" in types else [name for name in NEEDED if name not in types]
    return [
        Finding(status == "enabled", f"Webhooks go to {address}", "Enable the endpoint at Stripe."),
        Finding(
            version == stripe.shelf.version,
            f"Webhooks are of version {stripe.shelf.version}",
            f"The endpoint says {version or 'the default of the account'}: it does no harm, since only "
            "ids are taken from them.",
        ),
        Finding(not lacking, "Webhooks tell all that matters", f"Add {', '.join(lacking)}."),
    ]


def _try(text: str, probe: Callable[[], Any]) -> Finding:
    try:
        probe()
    except Refusal as refusal:
        return Finding(False, text, _why(refusal))
    return Finding(True, text)


def _why(refusal: Refusal) -> str:
    return str(getattr(refusal, "detail", refusal))
