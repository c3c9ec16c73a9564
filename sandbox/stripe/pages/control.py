"""The control page: what was told, what was delivered, and what is to go wrong."""

import json
from typing import Any

from sandbox.stripe import faults
from sandbox.stripe.billing import disputing
from sandbox.stripe.billing.standing import AFTER_RETRIES
from sandbox.stripe.pages.serving import Answer, Visit, lead, page, show, words
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

SHOWN = 100


@page("GET", "/_sandbox")
def control(visit: Visit) -> Answer:
    store = visit.sandbox.store
    with store.lock:
        world = visit.world()
        events = [_event(world, event) for event in _newest(world, "event", SHOWN)]
        return show(
            visit,
            "control.html",
            now=world.now,
            offset_days=visit.sandbox.clock.offset() / 86_400_000_000,
            events=events,
            faults=faults.NAMES,
            ordered=faults.ordered(store),
            endpoints=list(store.find("webhook_endpoint", oldest_first=True)),
            charges=[one for one in _newest(world, "charge", 20) if one["status"] == "succeeded"],
            methods=[_method(world, one) for one in _newest(world, "payment_method", 20) if one["customer"]],
            after_retries=store.setting("after_retries") or "cancel",
            choices=AFTER_RETRIES,
        )


@page("POST", "/_sandbox/tick")
def tick(visit: Visit) -> Answer:
    """What became due was done before this was called: every page does so."""
    return _json({"now": visit.sandbox.clock.now()})


@page("GET", "/_sandbox/faults")
def show_faults(visit: Visit) -> Answer:
    return _json(faults.ordered(visit.sandbox.store))


@page("POST", "/_sandbox/faults")
def order_faults(visit: Visit) -> Answer:
    """As JSON: {"duplicate": 2, "drop": null}; null is until further notice, 0 ends it. Or as a form."""
    try:
        if visit.wants_json:
            wanted = json.loads(visit.body or "{}")
        else:
            times = visit.form.get("times", "1")
            wanted = {visit.form.get("fault", ""): None if times == "always" else int(times)}
        if not isinstance(wanted, dict) or not all(isinstance(n, int | None) for n in wanted.values()):
            raise ValueError("Faults are named with a number each, or null.")
        with visit.sandbox.store.transaction():
            faults.order(visit.sandbox.store, wanted)
    except ValueError as problem:
        return words(400, str(problem))
    return _json(faults.ordered(visit.sandbox.store)) if visit.wants_json else lead("/_sandbox")


@page("POST", "/_sandbox/replay")
def replay(visit: Visit) -> Answer:
    """Send an event again."""
    with visit.sandbox.store.transaction():
        sent = faults.replay(visit.sandbox.store, visit.form.get("event", ""), visit.sandbox.clock.now())
    return lead("/_sandbox") if sent else words(404, "There is no such delivery.")


@page("POST", "/_sandbox/disputes")
def dispute(visit: Visit) -> Answer:
    """The customer asks their bank for the money back, or the bank decides."""
    with visit.sandbox.store.transaction():
        world = visit.world()
        if found := world.peek("dispute", visit.form.get("dispute")):
            status = visit.form.get("status", "lost")
            if status not in ("won", "lost", "warning_closed"):
                return words(400, "A dispute is won, lost or warning_closed.")
            disputing.close(world, found, status)
            return lead("/_sandbox")
        charge = world.peek("charge", visit.form.get("charge"))
        if charge is None or charge["status"] != "succeeded" or charge["disputed"]:
            return words(404, "There is no such charge to dispute.")
        disputing.dispute(world, charge, visit.form.get("reason", "fraudulent"))
    return lead("/_sandbox")


@page("POST", "/_sandbox/cards")
def card(visit: Visit) -> Answer:
    """Let a card on file be declined from now on, or work again."""
    with visit.sandbox.store.transaction():
        world = visit.world()
        method = world.peek("payment_method", visit.form.get("method"))
        if method is None:
            return words(404, "There is no such card.")
        method["_decline"] = visit.form.get("decline") or None
        method["_good_for"] = 0
        world.save(method)
    return lead("/_sandbox")


@page("POST", "/_sandbox/settings")
def settings(visit: Visit) -> Answer:
    """What happens after the last failed attempt."""
    wanted = visit.form.get("after_retries", "")
    if wanted not in AFTER_RETRIES:
        return words(400, f"After the last attempt: {', '.join(AFTER_RETRIES)}.")
    with visit.sandbox.store.transaction():
        visit.sandbox.store.set("after_retries", wanted)
    return lead("/_sandbox")


@page("GET", "/_sandbox/events/{id}")
def event(visit: Visit, id: str) -> Answer:
    with visit.sandbox.store.lock:
        world = visit.world()
        found = world.peek("event", id)
        if found is None:
            return words(404, "There is no such event.")
        text = json.dumps(found, indent=2, ensure_ascii=False)
        return show(visit, "event.html", event=_event(world, found), text=text)


def _event(world: World, found: Obj) -> Obj:
    rows = world.store.rows(
        "select endpoint, attempts, delivered_at, failed_at, next_at, fault, outcome from delivery "
        "where event = ? order by seq",
        found["id"],
    )
    names = ("endpoint", "attempts", "delivered_at", "failed_at", "next_at", "fault", "outcome")
    deliveries = [dict(zip(names, row, strict=True)) for row in rows]
    return {
        "id": found["id"],
        "type": found["type"],
        "created": found["created"],
        "subject": found["data"]["object"].get("id"),
        "deliveries": deliveries,
    }


def _method(world: World, found: Obj) -> Obj:
    customer = world.peek("customer", found["customer"])
    return {**found, "owner": (customer or {}).get("email") or found["customer"]}


def _newest(world: World, kind: str, count: int) -> list[Obj]:
    found = []
    for obj in world.store.find(kind):
        found.append(obj)
        if len(found) == count:
            break
    return found


def _json(value: Any) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()
