"""The world: what an endpoint may touch while it answers one request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sandbox.stripe import API_VERSION, ids
from sandbox.stripe.addressing import address
from sandbox.stripe.clock import Clock
from sandbox.stripe.errors import missing
from sandbox.stripe.rendering import render
from sandbox.stripe.store import Obj, Store

DUE: dict[str, Callable[[Obj], int | None]] = {}
"""For each kind that time moves: when the next thing happens to it."""

NOUNS = {
    "checkout.session": "checkout session",
    "payment_method": "PaymentMethod",
    "promotion_code": "promotion code",
    "webhook_endpoint": "webhook endpoint",
    "invoiceitem": "invoice item",
    "billing_portal.configuration": "configuration",
    "subscription_schedule": "subscription schedule",
    "test_helpers.test_clock": "test clock",
    "setup_intent": "setupintent",
    "credit_note": "credit note",
    "invoice_payment": "invoice payment",
}


@dataclass
class World:
    """One request's world: the store inside a transaction, and the moment at which it happens."""

    store: Store
    now: int
    base: str
    request_id: str | None = None
    idempotency_key: str | None = None
    clock: Clock | None = None

    def get(self, kind: str, id: str, param: str, *, status: int = 400) -> Obj:
        """An object, or Stripe's refusal that there is none."""
        if (found := self.peek(kind, id)) is None:
            raise missing(NOUNS.get(kind, kind), id, param, status=status)
        return found

    def peek(self, kind: str, id: str | None) -> Obj | None:
        """An object, or None."""
        row = self.store.get(id) if id else None
        return row[1] if row and row[0] == kind else None

    def known(self, kind: str, id: str) -> Obj:
        """An object that must be there."""
        found = self.peek(kind, id)
        assert found is not None, (kind, id)
        return found

    def save(self, obj: Obj) -> Obj:
        """Write an object as it now stands."""
        kind = obj["object"]
        due = DUE.get(kind)
        self.store.put(kind, obj, due(obj) if due else None)
        return obj

    def tell(self, type: str, obj: Obj, previous: Obj | None = None) -> None:
        """Something happened: an event, to be delivered after this request."""
        data: Obj = {"object": render(self, obj)}
        if previous is not None:
            data["previous_attributes"] = previous
        event: Obj = {
            "id": ids.new("event"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": type,
        }
        self.save(event)
        address(self.store, event, self.now)

    @contextmanager
    def changing(self, obj: Obj, type: str | None = None) -> Iterator[Obj]:
        """Change an object; at the end it is written, and told as `type` when anything shows."""
        before = render(self, obj)
        yield obj
        self.save(obj)
        after = render(self, obj)
        if type and (previous := difference(before, after)):
            self.tell(type, obj, previous)


def difference(before: Obj, after: Obj) -> Obj:
    """What `previous_attributes` holds: the old values of what changed, hashes one level deep."""
    changed: Obj = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and old.get("object") != "list":
            changed[name] = {
                key: old.get(key) for key in old.keys() | new.keys() if old.get(key) != new.get(key)
            }
        else:
            changed[name] = old
    return dict(sorted(changed.items()))


def merged(metadata: Any, given: Any) -> Obj:
    """Metadata after an update: given names replace, empty values remove, None clears."""
    if given is None:
        return {}
    together = {**(metadata or {}), **given}
    return {key: value for key, value in together.items() if value != ""}
