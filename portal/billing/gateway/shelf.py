"""The shelf at Stripe: products, prices, what its portal may do, and where its webhooks go."""

from collections.abc import Callable, Sequence

import stripe

from portal.billing import rules
from portal.billing.gateway import reading
from portal.billing.gateway.speaking import speaking
from portal.billing.values import Offer
from portal.kit.errors import Missing
from portal.kit.money import Money

PAGE = 100
PORTAL = "upkeep_portal"


class Shelf:
    """What stands at Stripe apart from customers."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    def product(self, product_id: str) -> str | None:
        """The name of a product; None when there is none of this id."""
        try:
            with speaking():
                return self._client.v1.products.retrieve(product_id).name
        except Missing:
            return None

    def put_product(self, product_id: str, name: str, *, known: bool) -> None:
        """Make a product, or rename it."""
        with speaking():
            if known:
                self._client.v1.products.update(product_id, {"name": name})
            else:
                self._client.v1.products.create({"id": product_id, "name": name})

    def prices(self, offers: Sequence[Offer]) -> dict[Offer, Money]:
        """What the prices of these offers are at Stripe; those it has not are left out."""
        found: dict[Offer, Money] = {}
        keys = [rules.lookup_key(offer) for offer in offers]
        with speaking():
            for start in range(0, len(keys), 10):  # Stripe takes ten at a time
                listed = self._client.v1.prices.list(
                    {"lookup_keys": keys[start : start + 10], "active": True, "limit": PAGE}
                )
                for price in listed.data:
                    if (offer := reading.offer(price)) is not None:
                        found[offer] = Money(price.unit_amount or 0, price.currency)
        return found

    def put_price(self, offer: Offer, product_id: str, amount: Money) -> None:
        """Make the price of an offer. Asked twice, Stripe refuses the second for its lookup key."""
        with speaking():
            self._client.v1.prices.create(
                {
                    "product": product_id,
                    "currency": amount.currency,
                    "unit_amount": amount.amount,
                    "recurring": {"interval": "year" if offer.interval == "year" else "month"},
                    "lookup_key": rules.lookup_key(offer),
                    "metadata": {
                        "upkeep_line": offer.line,
                        "upkeep_plan": offer.plan,
                        "upkeep_version": str(offer.version),
                        "upkeep_interval": offer.interval,
                    },
                }
            )

    def portal_settings(self) -> str | None:
        """The id of our settings of Stripe's portal; None when they were not made."""
        with speaking():
            listed = self._client.v1.billing_portal.configurations.list({"active": True, "limit": PAGE})
            ours = [one.id for one in listed.data if one.metadata and PORTAL in one.metadata.to_dict()]
        return ours[0] if ours else None

    def put_portal_settings(self) -> None:
        """Let Stripe's portal show invoices, change cards and addresses, and cancel; nothing else."""
        with speaking():
            self._client.v1.billing_portal.configurations.create(
                {
                    "features": {
                        "customer_update": {
                            "enabled": True,
                            "allowed_updates": ["email", "name", "address", "tax_id"],
                        },
                        "invoice_history": {"enabled": True},
                        "payment_method_update": {"enabled": True},
                        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
                        "subscription_update": {"enabled": False},
                    },
                    "metadata": {PORTAL: "1"},
                }
            )

    def probes(self) -> dict[str, Callable[[], object]]:
        """A harmless question for everything that the key must be allowed to read."""
        v1 = self._client.v1

        def asking(question: Callable[[], object]) -> Callable[[], object]:
            def ask() -> object:
                with speaking():
                    return question()

            return ask

        return {
            "customers": asking(lambda: v1.customers.list({"limit": 1})),
            "subscriptions": asking(lambda: v1.subscriptions.list({"limit": 1})),
            "subscription schedules": asking(lambda: v1.subscription_schedules.list({"limit": 1})),
            "invoices": asking(lambda: v1.invoices.list({"limit": 1})),
            "charges and refunds": asking(lambda: v1.charges.list({"limit": 1})),
            "disputes": asking(lambda: v1.disputes.list({"limit": 1})),
            "checkout sessions": asking(lambda: v1.checkout.sessions.list({"limit": 1})),
            "products": asking(lambda: v1.products.list({"limit": 1})),
            "prices": asking(lambda: v1.prices.list({"limit": 1})),
            "events": asking(lambda: v1.events.list({"limit": 1})),
            "the portal's settings": asking(lambda: v1.billing_portal.configurations.list({"limit": 1})),
        }

    def endpoints(self) -> dict[str, tuple[str, str | None, list[str]]]:
        """The webhook endpoints by their address: (status, version, event types)."""
        with speaking():
            listed = self._client.v1.webhook_endpoints.list({"limit": PAGE})
            return {
                one.url: (one.status, getattr(one, "api_version", None), list(one.enabled_events))
                for one in listed.data
            }

    @property
    def version(self) -> str:
        """The version of Stripe's API that is spoken here."""
        return stripe.api_version
