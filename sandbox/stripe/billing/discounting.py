"""Discounting: coupons and promotion codes, redeemed and applied."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.stripe import ids
from sandbox.stripe.billing import periods
from sandbox.stripe.errors import StripeError, exclusive, invalid
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World


def spent(coupon: Obj, now: int) -> bool:
    """Whether a coupon may no longer be redeemed."""
    by, most = coupon["redeem_by"], coupon["max_redemptions"]
    return (by is not None and now >= by) or (most is not None and coupon["times_redeemed"] >= most)


def code_spent(code: Obj, now: int) -> bool:
    """Whether a promotion code may no longer be redeemed."""
    by, most = code["expires_at"], code["max_redemptions"]
    return (
        not code["_active"]
        or (by is not None and now >= by)
        or (most is not None and code["times_redeemed"] >= most)
    )


def check(
    world: World, given: Obj, param: str, *, customer: str | None, currency: str
) -> tuple[Obj, Obj | None]:
    ""
    ""
    """The coupon and promotion code that a discount asks for; StripeError when they may not be redeemed."""
    named = [name for name in ("coupon", "promotion_code", "discount") if given.get(name)]
    if len(named) != 1:
        raise exclusive(*(named or ["coupon", "promotion_code", "discount"]))
    if named == ["discount"]:
        held = world.get("discount", given["discount"], f"{param}[discount]")
        return world.known("coupon", held["source"]["coupon"]), world.peek(
            "promotion_code", held["promotion_code"]
        )
    code = None
    if named == ["promotion_code"]:
        code = world.get("promotion_code", given["promotion_code"], f"{param}[promotion_code]")
        _check_code(world, code, customer, f"{param}[promotion_code]")
        coupon = world.known("coupon", code["promotion"]["coupon"])
    else:
        coupon = world.get("coupon", given["coupon"], f"{param}[coupon]")
    if spent(coupon, world.now):
        raise StripeError(
            f"Coupon expired: {coupon['id']}", code="coupon_expired", param=f"{param}[{named[0]}]"
        )
    if coupon["amount_off"] is not None and coupon["currency"] != currency:
        raise invalid(
            f"Coupon {coupon['id']} is in {coupon['currency']} and cannot be applied to something in "
            f"{currency}.",
            f"{param}[{named[0]}]",
        )
    return coupon, code


def redeem(
    world: World, given: list[Obj], param: str, *, customer: str, currency: str, **holder: Any
) -> list[str]:
    """Make discounts of what was asked for; their ids. `holder` names what they belong to."""
    made = []
    for index, one in enumerate(given):
        if one.get("discount"):
            made.append(world.get("discount", one["discount"], f"{param}[{index}][discount]")["id"])
            continue
        coupon, code = check(world, one, f"{param}[{index}]", customer=customer, currency=currency)
        for counted in (coupon, code):
            if counted is not None:
                counted["times_redeemed"] += 1
                world.save(counted)
        discount = {
            "id": ids.new("discount"),
            "object": "discount",
            "checkout_session": None,
            "customer": customer,
            "end": periods.step(world.now, "month", coupon["duration_in_months"], 1)
            if coupon["duration"] == "repeating"
            else None,
            "invoice": None,
            "invoice_item": None,
            "promotion_code": code["id"] if code else None,
            "source": {"coupon": coupon["id"], "type": "coupon"},
            "start": world.now,
            "subscription": None,
            "subscription_item": None,
            **holder,
        }
        world.save(discount)
        made.append(discount["id"])
        if holder.get("subscription"):
            world.tell("customer.discount.created", discount)
    return made


def live(world: World, discounts: list[str], at: int) -> list[str]:
    """Those that still hold at a moment."""
    found = [world.known("discount", id) for id in discounts]
    return [discount["id"] for discount in found if discount["end"] is None or at < discount["end"]]


def apply(world: World, lines: list[Obj], discounts: list[str]) -> list[Obj]:
    """Write each line's `discount_amounts`, its own discounts first; the totals by discount."""
    for line in lines:
        line["discount_amounts"] = []
        for id in line["discounts"]:
            _share(world, [line], id)
    for id in discounts:
        _share(world, [line for line in lines if line["discountable"]], id)
    totals: dict[str, int] = {}
    for line in lines:
        for part in line["discount_amounts"]:
            totals[part["discount"]] = totals.get(part["discount"], 0) + part["amount"]
        line["pretax_credit_amounts"] = [{**part, "type": "discount"} for part in line["discount_amounts"]]
    return [{"amount": amount, "discount": id} for id, amount in totals.items()]


def off(lines: list[Obj]) -> int:
    """What all discounts take from these lines."""
    return sum(int(part["amount"]) for line in lines for part in line["discount_amounts"])


def rounded(amount: Decimal) -> int:
    """Whole minor units, half away from nought."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def _share(world: World, lines: list[Obj], id: str) -> None:
    coupon = world.known("coupon", world.known("discount", id)["source"]["coupon"])
    products = (coupon.get("_applies_to") or {}).get("products")
    eligible = [
        line
        for line in lines
        if left_of(line) > 0
        and (not products or (line["pricing"] or {}).get("price_details", {}).get("product") in products)
    ]
    if coupon["percent_off"] is not None:
        share = Decimal(str(coupon["percent_off"])) / 100
        for line in eligible:
            _take(line, id, rounded(left_of(line) * share))
        return
    together = sum(left_of(line) for line in eligible)
    left = min(coupon["amount_off"], together)
    for line in eligible:
        part = rounded(Decimal(left) * left_of(line) / together) if together else 0
        together -= left_of(line)
        left -= part
        _take(line, id, part)


def left_of(line: Obj) -> int:
    """A line's amount less what discounts took so far."""
    return int(line["amount"]) - off([line])


def _take(line: Obj, id: str, amount: int) -> None:
    if amount:
        line["discount_amounts"].append({"amount": amount, "discount": id})


def _check_code(world: World, code: Obj, customer: str | None, param: str) -> None:
    if code_spent(code, world.now):
        raise invalid("This promotion code is expired or no longer active.", param, "promotion_code_expired")
    if code["customer"] and code["customer"] != customer:
        raise invalid("This promotion code cannot be redeemed by this customer.", param)
    if code["restrictions"]["first_time_transaction"] and customer:
        paid = (invoice["status"] == "paid" for invoice in world.store.find("invoice", customer=customer))
        if any(paid):
            raise StripeError(
                "This promotion code cannot be redeemed because the associated customer has prior "
                "transactions.",
                code="customer_has_prior_transactions",
                param=param,
            )
