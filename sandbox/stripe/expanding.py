"""Expanding: ids that a request wants to see whole."""

from collections.abc import Callable
from typing import Any

from sandbox.stripe.errors import malformed
from sandbox.stripe.rendering import render
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

EXPANDABLE = frozenset(
    [
        "balance_transaction",
        "charge",
        "configuration",
        "coupon",
        "credit_note",
        "customer",
        "customer_balance_transaction",
        "default_payment_method",
        "default_price",
        "destination",
        "discount",
        "discounts",
        "dispute",
        "invoice",
        "invoice_item",
        "latest_charge",
        "latest_invoice",
        "latest_revision",
        "payment_intent",
        "payment_method",
        "pending_setup_intent",
        "product",
        "promotion_code",
        "refund",
        "schedule",
        "setup_intent",
        "source",
        "subscription",
        "test_clock",
        "released_subscription",
        "latest_attempt",
        "failure_balance_transaction",
        "invoiceitem",
    ]
)
"""Fields that hold an id, or a list of ids, of something that can be shown whole."""

ON_REQUEST: dict[tuple[str, str], Callable[[World, Obj], Any]] = {}
"""Fields that are left out unless asked for."""

NAMES_ONLY = frozenset(
    {("subscription_item", "subscription"), ("line_item", "invoice"), ("discount", "invoice")}
)

DEPTH = 4


def expand(world: World, shown: Obj, paths: list[str]) -> None:
    """Fill in each path of `expand[]`; StripeError names one that cannot be expanded."""
    for index, path in enumerate(paths):
        steps = path.split(".")
        if len(steps) - (steps[0] == "data") > DEPTH:
            raise malformed(
                f"You cannot expand more than {DEPTH} levels of a property. Property: {path}",
                f"expand[{index}]",
            )
        _walk(world, shown, steps, path, f"expand[{index}]")


def _walk(world: World, holder: Any, steps: list[str], path: str, param: str) -> None:
    if isinstance(holder, list):
        for inner in holder:
            _walk(world, inner, steps, path, param)
        return
    if not isinstance(holder, dict) or not steps or holder.get("deleted"):
        return
    step, rest = steps[0], steps[1:]
    kind = str(holder.get("object", ""))
    if (kind, step) in ON_REQUEST and step not in holder:
        holder[step] = ON_REQUEST[kind, step](world, holder)
    if step not in holder:
        raise malformed(
            f"This property cannot be expanded ({step}). You may want to try expanding another property: "
            f"{path}.",
            param,
        )
    held = holder[step]
    if step in EXPANDABLE and (kind, step) not in NAMES_ONLY:
        held = holder[step] = _whole(world, held)
    elif (
        not rest and not isinstance(held, dict | list) and held is not None and (kind, step) not in ON_REQUEST
    ):
        raise malformed(f"This property cannot be expanded ({step}).", param)
    if rest:
        _walk(world, held, rest, path, param)


def _whole(world: World, held: Any) -> Any:
    if isinstance(held, list):
        return [_whole(world, inner) for inner in held]
    if isinstance(held, str) and (row := world.store.get(held)):
        if row[1].get("deleted"):
            return {"id": held, "object": row[0], "deleted": True}
        return render(world, row[1])
    return held
