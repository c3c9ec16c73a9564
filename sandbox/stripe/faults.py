"""Faults on demand: what can happen to a webhook on its way."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from sandbox.stripe.store import Obj, Store

NAMES = ("duplicate", "reorder", "delay", "drop", "bad-signature", "old-version", "thin")
"""What can be ordered for deliveries to come; a replay is ordered for one event, at once."""

OLD_VERSION = "2024-06-20"
DELAY_SECONDS = 3600
T = TypeVar("T")


def order(store: Store, wanted: Mapping[str, int | None]) -> None:
    """Let each fault strike the next so many deliveries; None means until further notice, 0 ends it."""
    faults = store.setting("faults") or {}
    for name, times in wanted.items():
        if name not in NAMES:
            raise ValueError(f"There is no fault called {name}: there are {', '.join(NAMES)}.")
        faults.pop(name, None)
        if times != 0:
            faults[name] = times
    store.set("faults", faults)


def ordered(store: Store) -> dict[str, int | None]:
    """The faults that are waiting to strike, and how often."""
    return dict(store.setting("faults") or {})


def strike(store: Store, event: Obj) -> str | None:
    """The fault that strikes this delivery, if any; its number goes down."""
    faults = ordered(store)
    for name in NAMES:
        if name in faults and name != "reorder":
            _spend(store, faults, name)
            return name
    return None


def shuffled(store: Store, parcels: list[T]) -> list[T]:
    """The parcels, in another order when a reorder was asked for."""
    faults = ordered(store)
    if len(parcels) < 2 or "reorder" not in faults:
        return parcels
    _spend(store, faults, "reorder")
    first = list(parcels)
    while parcels == first:
        random.shuffle(parcels)
    return parcels


def hold(store: Store, delivery: int, fault: str, now: int) -> None:
    """Keep a delivery back: for an hour, or for good."""
    if fault == "delay":
        sql = "update delivery set attempts = attempts + 1, fault = ?, next_at = ?, outcome = ? where seq = ?"
        store.rows(sql, fault, now + DELAY_SECONDS, "delayed by an hour", delivery)
        return
    sql = "update delivery set fault = ?, next_at = null, failed_at = ?, outcome = ? where seq = ?"
    store.rows(sql, fault, now, "dropped on the way", delivery)


def replay(store: Store, event_id: str, now: int) -> int:
    """Send an event again to everyone who was sent it; how many that are."""
    rows = store.rows("select distinct endpoint from delivery where event = ?", event_id)
    for (endpoint,) in rows:
        store.rows(
            "insert into delivery (event, endpoint, next_at, fault, attempts) values (?, ?, ?, 'replay', 0)",
            event_id,
            endpoint,
            now,
        )
    return len(rows)


def disguised(event: Obj, fault: str | None) -> bytes:
    """The body of a delivery, in the shape that the fault gives it."""
    shown: Any = {key: value for key, value in event.items() if not key.startswith("_")}
    if fault == "old-version":
        shown = {**shown, "api_version": OLD_VERSION, "data": _aged(shown["data"])}
    elif fault == "thin":
        shown = _thin(shown)
    return json.dumps(shown, indent=2).encode()


def _aged(data: Obj) -> Obj:
    """Where older versions kept the period and the subscription."""
    obj = dict(data["object"])
    if obj.get("object") == "subscription":
        items = [dict(item) for item in obj["items"]["data"]]
        for name in ("current_period_start", "current_period_end"):
            obj[name] = max((item.pop(name) for item in items), default=None)
        obj["items"] = {**obj["items"], "data": items}
    elif obj.get("object") == "invoice" and obj.get("parent"):
        obj["subscription"] = obj.pop("parent")["subscription_details"]["subscription"]
        obj["paid"] = obj["status"] == "paid"
    return {**data, "object": obj}


def _thin(event: Obj) -> Obj:
    obj = event["data"]["object"]
    return {
        "id": event["id"],
        "object": "v2.core.event",
        "created": _iso(event["created"]),
        "livemode": False,
        "type": f"v1.{event['type']}",
        "reason": None,
        "context": None,
        "related_object": {"id": obj["id"], "type": obj["object"], "url": _url(obj)},
    }


def _url(obj: Obj) -> str:
    kind = str(obj["object"])
    return f"/v1/{kind.replace('.', '/')}s/{obj['id']}"


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _spend(store: Store, faults: dict[str, int | None], name: str) -> None:
    left = faults[name]
    order(store, {name: None if left is None else left - 1})
