"""Stripe's single invoices: for work that is sold once, paid on the page that Stripe hosts for each."""

from typing import Any

import stripe

from portal.billing.gateway import reading
from portal.billing.gateway.speaking import speaking
from portal.billing.values import Invoice
from portal.kit.money import Money

MARK = "upkeep_one_off"
PAGE = 100


class Single:
    """What of Stripe is about invoices that belong to no subscription."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    def open(
        self, customer_id: str, amount: Money, text: str, *, one_off_id: str, account_id: str, due_days: int
    ) -> Invoice:
        """Write a customer one invoice of one line and open it for paying; asked again, the same one.

        Nothing is charged by itself and Stripe sends no letter: it is paid on its hosted page. What was
        begun and not ended is found by its mark, however long ago that was: Stripe forgets keys after a day.
        """
        key = f"{one_off_id}-{customer_id}"
        found = self._begun(customer_id, one_off_id)
        with speaking():
            if found is None:
                found = self._client.v1.invoices.create(
                    {
                        "customer": customer_id,
                        "collection_method": "send_invoice",
                        "days_until_due": due_days,
                        "auto_advance": False,
                        "currency": amount.currency,
                        "pending_invoice_items_behavior": "exclude",
                        "metadata": {MARK: one_off_id, "upkeep_account": account_id},
                    },
                    {"idempotency_key": f"{key}-invoice"},
                )
            if found.status == "draft":
                if not found.lines.data:
                    self._client.v1.invoice_items.create(
                        {
                            "customer": customer_id,
                            "invoice": found.id,
                            "amount": amount.amount,
                            "currency": amount.currency,
                            "description": text,
                        },
                        {"idempotency_key": f"{key}-line"},
                    )
                found = self._client.v1.invoices.finalize_invoice(
                    found.id, {"auto_advance": False}, {"idempotency_key": f"{key}-final"}
                )
            return reading.invoice(found, lambda price_id: None)

    def _begun(self, customer_id: str, one_off_id: str) -> Any:
        with speaking():
            listed = self._client.v1.invoices.list({"customer": customer_id, "limit": PAGE})
            for one in listed.auto_paging_iter():
                if one.metadata and one.metadata.to_dict().get(MARK) == one_off_id:
                    return one
        return None
