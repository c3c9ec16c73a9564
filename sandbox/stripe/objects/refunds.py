"""Refunds and disputes."""

from sandbox.stripe import ids
from sandbox.stripe.billing import charging, disputing
from sandbox.stripe.errors import StripeError, absent, exclusive, invalid
from sandbox.stripe.fields import METADATA
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Boolean, Choice, Integer, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged


@route(
    "POST",
    "/v1/refunds",
    {
        "amount": Integer(1),
        "charge": Text(),
        "payment_intent": Text(),
        "reason": Choice("duplicate", "fraudulent", "requested_by_customer"),
        **METADATA,
    },
)
def create(world: World, params: Obj) -> Obj:
    charge = _charge(world, params)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded":
        raise invalid(f"The charge {charge['id']} did not succeed and cannot be refunded.", "charge")
    if charge["disputed"] and not _refundable(world, charge):
        raise StripeError(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    if left <= 0:
        raise StripeError(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = params.get("amount", left)
    if amount > left:
        raise invalid(
            f"Refund amount ({_shown(amount)}) is greater than unrefunded amount on charge ({_shown(left)})",
            "amount",
        )
    return refund(world, charge, amount, params.get("reason"), merged({}, params.get("metadata") or {}))


def refund(world: World, charge: Obj, amount: int, reason: str | None, metadata: Obj | None = None) -> Obj:
    """Give back a part of a charge, or all of it."""
    made: Obj = {
        "id": ids.new("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": metadata or {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    made["balance_transaction"] = charging.balance(world, made, "refund", -amount)["id"]
    world.save(made)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] >= charge["amount_captured"]
    world.save(charge)
    world.tell("refund.created", made)
    world.tell("charge.refunded", charge, {"amount_refunded": charge["amount_refunded"] - amount})
    return made


@route("GET", "/v1/refunds/{refund}")
def retrieve(world: World, params: Obj, refund: str) -> Obj:
    return world.get("refund", refund, "id", status=404)


@route("POST", "/v1/refunds/{refund}", {**METADATA})
def update(world: World, params: Obj, refund: str) -> Obj:
    found = world.get("refund", refund, "id", status=404)
    with world.changing(found, "refund.updated"):
        found["metadata"] = merged(found["metadata"], params.get("metadata", {}))
    return found


@route("GET", "/v1/refunds", shape(charge=Text(), payment_intent=Text(), created=Span()))
def index(world: World, params: Obj) -> Obj:
    fields = {name: params.get(name) for name in ("charge", "payment_intent")}
    return page(world, params, "refund", "/v1/refunds", fields=fields)


@route("GET", "/v1/disputes/{dispute}")
def retrieve_dispute(world: World, params: Obj, dispute: str) -> Obj:
    return world.get("dispute", dispute, "id", status=404)


@route("POST", "/v1/disputes/{dispute}", {"submit": Boolean(), **METADATA})
def update_dispute(world: World, params: Obj, dispute: str) -> Obj:
    found = world.get("dispute", dispute, "id", status=404)
    with world.changing(found, "charge.dispute.updated"):
        found["metadata"] = merged(found["metadata"], params.get("metadata", {}))
        if params.get("submit"):
            found["status"] = "under_review"
    return found


@route("POST", "/v1/disputes/{dispute}/close")
def close_dispute(world: World, params: Obj, dispute: str) -> Obj:
    found = world.get("dispute", dispute, "id", status=404)
    if found["status"] in ("won", "lost", "warning_closed"):
        raise invalid("This dispute is already closed.")
    disputing.close(world, found, "lost")
    return found


@route("GET", "/v1/disputes", shape(charge=Text(), payment_intent=Text(), created=Span()))
def disputes(world: World, params: Obj) -> Obj:
    fields = {name: params.get(name) for name in ("charge", "payment_intent")}
    return page(world, params, "dispute", "/v1/disputes", fields=fields)


def _charge(world: World, params: Obj) -> Obj:
    if "charge" in params and "payment_intent" in params:
        raise exclusive("charge", "payment_intent")
    if "charge" in params:
        return world.get("charge", params["charge"], "charge")
    if "payment_intent" not in params:
        raise absent("charge")
    intent = world.get("payment_intent", params["payment_intent"], "payment_intent")
    charge = world.peek("charge", intent["latest_charge"])
    if charge is None or charge["status"] != "succeeded":
        raise invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            "payment_intent",
        )
    return charge


def _refundable(world: World, charge: Obj) -> bool:
    return all(
        one["status"] == "won" or one["is_charge_refundable"]
        for one in world.store.find("dispute", charge=charge["id"])
    )


def _shown(amount: int) -> str:
    return f"${amount / 100:,.2f}"
