"""Stripe's objects, read: which of their fields we mean, in the version that the library speaks.

They are no dictionaries: an absent field is an AttributeError, so what may be absent is asked for
with `_get`.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from portal.billing import rules
from portal.billing.values import (
    Card,
    Checkout,
    Invoice,
    InvoiceLine,
    Offer,
    Quoted,
    Subscription,
    Trouble,
)
from portal.kit.money import Money

OfferOf = Callable[[str], Offer | None]


def moment(seconds: int) -> datetime:
    """A moment from Stripe's seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def offer(price: Any) -> Offer | None:
    """What a price sells, by its lookup key, or by its metadata should the key have moved on."""
    metadata = _get(price, "metadata")
    marks = metadata.to_dict() if metadata else {}
    return rules.read_lookup_key(_get(price, "lookup_key") or "") or rules.read_marks(marks)


def subscription(found: Any, offer_of: OfferOf) -> Subscription:
    """A subscription. It has one item; should it have more, the first of ours is meant."""
    items = found["items"].data
    offers = [(item, offer(item.price)) for item in items]
    item, sold = next((pair for pair in offers if pair[1] is not None), offers[0])
    ends_at = _moment(found, "cancel_at")
    if ends_at is None and found.cancel_at_period_end:
        ends_at = moment(item.current_period_end)
    schedule = _get(found, "schedule")
    next_offer, next_at = _next_phase(schedule, offer_of)
    return Subscription(
        id=found.id,
        status=found.status,
        item_id=item.id,
        price_id=item.price.id,
        offer=sold,
        price=Money((_get(item.price, "unit_amount") or 0) * (_get(item, "quantity") or 1), found.currency),
        created_at=moment(found.created),
        anchor_at=moment(found.billing_cycle_anchor),
        period_starts_at=moment(item.current_period_start),
        period_ends_at=moment(item.current_period_end),
        ends_at=ends_at,
        ends_with_period=bool(found.cancel_at_period_end),
        ended_at=_moment(found, "ended_at"),
        trial_ends_at=_moment(found, "trial_end"),
        schedule_id=_id(schedule),
        next_offer=next_offer if next_offer != sold else None,
        next_at=next_at if next_offer != sold else None,
        latest_invoice_id=_id(_get(found, "latest_invoice")),
    )


def invoice(found: Any, offer_of: OfferOf) -> Invoice:
    """An invoice with its lines."""
    currency = found.currency
    moments = found.status_transitions
    return Invoice(
        id=found.id,
        status=found.status or "draft",
        subscription_id=_id(_get(found, "parent", "subscription_details", "subscription")),
        number=_get(found, "number"),
        reason=_get(found, "billing_reason") or "manual",
        total=Money(found.total, currency),
        paid=Money(found.amount_paid, currency),
        due=Money(found.amount_remaining, currency),
        attempts=found.attempt_count,
        created_at=moment(found.created),
        finalized_at=_moment(moments, "finalized_at"),
        paid_at=_moment(moments, "paid_at"),
        next_attempt_at=_moment(found, "next_payment_attempt"),
        hosted_url=_get(found, "hosted_invoice_url"),
        pdf_url=_get(found, "invoice_pdf"),
        lines=tuple(_line(line, offer_of) for line in found.lines.auto_paging_iter()),
    )


def quoted(found: Any, offer_of: OfferOf) -> Quoted:
    """A previewed invoice: what would be charged, or kept as credit when it is below nothing."""
    return Quoted(
        due=Money(found.amount_due, found.currency),
        credit=Money(max(0, -found.total), found.currency),
        lines=tuple(_line(line, offer_of) for line in found.lines.data),
    )


def checkout(found: Any) -> Checkout:
    """A checkout session."""
    return Checkout(
        id=found.id,
        status=found.status or "open",
        url=_get(found, "url"),
        customer_id=_id(_get(found, "customer")),
        expires_at=_moment(found, "expires_at"),
    )


def refunds(charge: Any) -> list[Trouble]:
    """The refunds of a charge, which carries them."""
    listed = _get(charge, "refunds")
    return [
        Trouble(
            id=one.id,
            kind="refund",
            status=_get(one, "status") or "pending",
            amount=Money(one.amount, one.currency),
            reason=_get(one, "reason"),
            charge_id=charge.id,
            created_at=moment(one.created),
        )
        for one in (listed.data if listed else [])
    ]


def dispute(found: Any) -> Trouble:
    """A dispute."""
    return Trouble(
        id=found.id,
        kind="dispute",
        status=found.status,
        amount=Money(found.amount, found.currency),
        reason=_get(found, "reason"),
        charge_id=_id(found.charge),
        created_at=moment(found.created),
    )


def default_card(customer: Any) -> Card | None:
    """The card that invoices are charged to unless a subscription names another."""
    return _card(_get(customer, "invoice_settings", "default_payment_method"))


def card_of(subscriptions: Iterable[Any], default: Card | None) -> Card | None:
    """The card that the next invoice is charged to: that of an open subscription, else the default."""
    for found in subscriptions:
        if found.status in rules.OPEN and (card := _card(_get(found, "default_payment_method"))):
            return card
    return default


def customer_id(found: Any) -> str | None:
    """Whose an object is."""
    return _id(_get(found, "customer"))


def intent_id(payment: Any) -> str | None:
    """The payment intent behind a payment of an invoice."""
    return _id(_get(payment, "payment", "payment_intent"))


def plain(event: Any) -> dict[str, Any]:
    """An event as plain JSON."""
    found: dict[str, Any] = json.loads(json.dumps(event.to_dict(), default=str))
    return found


def _line(line: Any, offer_of: OfferOf) -> InvoiceLine:
    currency = line.currency
    taken_off = sum(one.amount for one in _get(line, "discount_amounts") or [])
    price_id = _id(_get(line, "pricing", "price_details", "price"))
    proration = _get(line, "parent", "subscription_item_details", "proration") or _get(
        line, "parent", "invoice_item_details", "proration"
    )
    return InvoiceLine(
        text=_get(line, "description") or "",
        amount=Money(line.amount - taken_off, currency),
        offer=offer_of(price_id) if price_id else None,
        starts_at=_moment(_get(line, "period"), "start"),
        ends_at=_moment(_get(line, "period"), "end"),
        proration=bool(proration),
    )


def phase_discounts(schedule: Any) -> list[dict[str, str]]:
    """The discounts of a schedule's present phase, as a phase is given them."""
    begins = _get(schedule, "current_phase", "start_date")
    present = next((one for one in schedule.phases if one.start_date == begins), schedule.phases[0])
    return [
        next(
            {name: found}  # one of them alone, or Stripe refuses it
            for name in ("discount", "promotion_code", "coupon")
            if (found := _id(_get(one, name)))
        )
        for one in _get(present, "discounts") or []
    ]


def _next_phase(schedule: Any, offer_of: OfferOf) -> tuple[Offer | None, datetime | None]:
    """What a schedule puts in the place of the present price, and when."""
    if schedule is None or isinstance(schedule, str) or schedule.status not in ("active", "not_started"):
        return None, None
    present_ends = _get(schedule, "current_phase", "end_date")
    for phase in schedule.phases:
        if present_ends is not None and phase.start_date >= present_ends:
            price_id = _id(phase["items"][0].price)
            return (offer_of(price_id) if price_id else None), moment(phase.start_date)
    return None, None


def _card(method: Any) -> Card | None:
    card = _get(method, "card")
    return Card(card.brand, card.last4 or "", card.exp_month, card.exp_year, method.id) if card else None


def _get(found: Any, *names: str) -> Any:
    for name in names:
        if found is None or isinstance(found, str):
            return None
        found = getattr(found, name, None)
    return found


def _id(found: Any) -> str | None:
    """The id of what may be an id alone or the whole object."""
    return found if found is None or isinstance(found, str) else str(found.id)


def _moment(found: Any, name: str) -> datetime | None:
    seconds = _get(found, name)
    return moment(seconds) if isinstance(seconds, int) else None
