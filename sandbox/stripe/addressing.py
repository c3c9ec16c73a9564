"""Addressing: which webhook endpoints an event goes to."""

from sandbox.stripe.store import Obj, Store


def address(store: Store, event: Obj, now: int) -> None:
    """Write a delivery for every endpoint that wants this event."""
    for endpoint in store.find("webhook_endpoint", oldest_first=True):
        if endpoint["status"] == "enabled" and wants(endpoint, event["type"]):
            store.rows(
                "insert into delivery (event, endpoint, next_at) values (?, ?, ?)",
                event["id"],
                endpoint["id"],
                now,
            )


def wants(endpoint: Obj, type: str) -> bool:
    """Whether an endpoint asked for events of this type."""
    return "*" in endpoint["enabled_events"] or type in endpoint["enabled_events"]


def pending(store: Store, event_id: str) -> int:
    """How many deliveries of an event have not succeeded."""
    rows = store.rows("select count(*) from delivery where event = ? and delivered_at is null", event_id)
    return int(rows[0][0])
