"""Billing, as decided."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from portal.billing.values import (
    INTERVALS,
    MONTH,
    YEAR,
    Access,
    Invoice,
    Offer,
    Subscription,
)
from portal.kit.errors import Conflict, Invalid
from portal.kit.money import Money
from portal.kit.period import calendar_month

HOLDING = ("active", "trialing", "past_due")
"""What may give access."""
OPEN = (*HOLDING, "unpaid", "paused")
"""What may still be charged for: of these there is one per line."""
UNPAID = ("open", "uncollectible")
WANTS_ANSWER = ("needs_response", "warning_needs_response")
"""States of a dispute that lapse unless somebody answers at Stripe."""

GRACE_DAYS = 3
LONGEST_GRACE_DAYS = 365
REMINDER_DAYS = (0, 3, 5, 7)
CLOSING = timedelta(minutes=5)
"""For so long a payment may be on its way to us."""
PREVIEW_LASTS = timedelta(hours=1)
CARD_WARNING = timedelta(days=31)
RETRY_FIRST, RETRY_LONGEST = timedelta(minutes=1), timedelta(hours=6)
STRANGER_ATTEMPTS = 6
ONE_OFF_DUE_DAYS = 14

NOW, LATER = "now", "later"
PARTS = 4


# ---- Prices -----------------------------------------------------------------------------------------


def lookup_key(offer: Offer) -> str:
    """What a price is found by at Stripe: it says all that the price sells."""
    return f"{offer.line}:{offer.plan}:{offer.version}:{offer.interval}"


def read_lookup_key(key: str) -> Offer | None:
    """The offer that a lookup key of ours names; None for any other."""
    parts = key.split(":")
    if len(parts) != PARTS or not parts[2].isdecimal() or parts[3] not in INTERVALS:
        return None
    return Offer(parts[0], parts[1], int(parts[2]), parts[3])


def read_marks(marks: Mapping[str, str]) -> Offer | None:
    """The offer that a price's metadata names; None when they do not."""
    named = (marks.get(f"upkeep_{part}", "") for part in ("line", "plan", "version", "interval"))
    return read_lookup_key(":".join(named))


def monthly(amount: int, interval: str) -> int:
    """A price in minor units as what it costs a month."""
    return amount if interval == MONTH else round(amount / 12)


def check_interval(interval: str) -> None:
    """Invalid unless a plan can be paid for by this interval."""
    if interval not in INTERVALS:
        raise Invalid("Choose to pay by the month or by the year.", field="interval")


# ---- Access -----------------------------------------------------------------------------------------


def access(
    subscriptions: Iterable[Subscription],
    past_due_at: Mapping[str, datetime],
    grace: Callable[[Offer], int],
    *,
    now: datetime,
) -> Access | None:
    """What the subscriptions of one line give at `now`; None when nothing.

    Active and trialing ones give their plan until they end; those that are past due, since
    `past_due_at` by their id, for as many days of `grace` as their offer has. Nothing else gives
    anything. Of several the one kept by `keep` counts first.
    """
    for one in sorted(subscriptions, key=_standing):
        if one.offer is None or one.status not in HOLDING:
            continue
        ends_at = one.ends_at
        if one.status == "past_due":
            grace_ends_at = past_due_at.get(one.id, now) + timedelta(days=grace(one.offer))
            ends_at = min(ends_at, grace_ends_at) if ends_at else grace_ends_at
        if ends_at is None or ends_at > now:
            return Access(one.offer, one.anchor_at, ends_at, one.status, one.id)
    return None


def past_due_since(
    subscription: Subscription, invoices: Iterable[Invoice], known: datetime | None, *, now: datetime
) -> datetime | None:
    """Since when a subscription is not paid for: its oldest unpaid invoice; None when it is paid for."""
    if subscription.status not in ("past_due", "unpaid"):
        return None
    unpaid = [
        invoice.finalized_at or invoice.created_at
        for invoice in invoices
        if invoice.subscription_id == subscription.id and invoice.status in UNPAID
    ]
    return min(unpaid) if unpaid else known or now


def grace_days(of_customer: int | None, of_plan: int | None) -> int:
    """For how many days a plan holds unpaid: as agreed with the customer, else as the plan says, else 3."""
    return next((days for days in (of_customer, of_plan) if days is not None), GRACE_DAYS)


def second(subscriptions: Iterable[Subscription]) -> dict[str, str]:
    """The ids of subscriptions of one line that must not be, each with the id of the one that is kept.

    Kept is one that is paid for before one that is not, then the older one.
    """
    standing = sorted((one for one in subscriptions if one.status in OPEN), key=_standing)
    return {one.id: standing[0].id for one in standing[1:]}


def paid_in_vain(paid_at: datetime | None, closed_at: datetime) -> bool:
    """Whether a payment came when its account had closed, or was closing while somebody still paid."""
    return paid_at is not None and paid_at > closed_at - CLOSING


def open_in(subscriptions: Iterable[Subscription], line: str) -> Subscription | None:
    """The subscription that may still be charged for in a line, or None."""
    mine = (one for one in subscriptions if one.offer is not None and one.offer.line == line)
    return min((one for one in mine if one.status in OPEN), key=_standing, default=None)


def _standing(one: Subscription) -> tuple[int, datetime, str]:
    order = ("active", "trialing", "past_due", "unpaid", "paused")
    rank = {"trialing": 0}.get(one.status, order.index(one.status) if one.status in order else len(order))
    return rank, one.created_at, one.id


# ---- Changes ----------------------------------------------------------------------------------------


def when(before: Offer, before_month: int, after: Offer, after_month: int) -> str:
    """Whether a change holds now or later: upgrades at once, downgrades when the paid time is over.

    `before_month` and `after_month` are the monthly prices of the plans. More is an upgrade; of the
    same price, so is paying by the year.
    """
    if after_month != before_month:
        return NOW if after_month > before_month else LATER
    return LATER if (before.interval, after.interval) == (YEAR, MONTH) else NOW


def check_change(before: Offer, after: Offer, name: str) -> None:
    """Conflict when a change would change nothing."""
    if (before.plan, before.interval) == (after.plan, after.interval):
        raise Conflict(f"You have {name} already, paid by the {after.interval}.")


def check_as_shown(
    subscription: Subscription, shown: Money, found: Money, at: datetime, *, now: datetime
) -> None:
    """Conflict when what was shown is not what would be charged now."""
    fresh = now - PREVIEW_LASTS <= at <= now + timedelta(minutes=1)
    if not fresh or at < subscription.period_starts_at or shown != found:
        raise Conflict("The amount is not what it was when you looked. Please look at it again.")


def declined(code: str | None, decline_code: str | None) -> str:
    """Why a bank said no, as far as a customer can do something about it."""
    reasons = {
        "insufficient_funds": "The bank says that there is not enough money on the card.",
        "expired_card": "The card has expired.",
        "authentication_required": "The bank wants you to confirm payments with this card.",
        "incorrect_cvc": "The card's security code is wrong.",
    }
    reason = reasons.get(decline_code or "") or reasons.get(code or "") or "The bank refused the payment."
    return f"{reason} Nothing was changed: use another card, and try again."


# ---- Dunning ----------------------------------------------------------------------------------------


def reminder_day(unpaid_since: datetime, reminded_day: int | None, *, now: datetime) -> int | None:
    """Which reminder of an unpaid invoice is due: only the latest, should several have been missed."""
    due = [day for day in REMINDER_DAYS if unpaid_since + timedelta(days=day) <= now]
    latest = max(due, default=None)
    return latest if latest is not None and (reminded_day is None or latest > reminded_day) else None


def card_ends_soon(month: int, year: int, *, now: datetime) -> bool:
    """Whether a card ends within a month, and has not ended long ago."""
    first = now.replace(year=year, month=month, day=1)
    return calendar_month(now)[0] < calendar_month(first)[1] <= now + CARD_WARNING


# ---- Webhooks ---------------------------------------------------------------------------------------

CARRIERS = ("charge", "payment_intent", "invoice", "subscription")
"""Fields that lead to a customer, of objects that do not name theirs."""
LEADING = frozenset(
    {
        *CARRIERS,
        *("customer", "payment_method", "checkout.session", "subscription_schedule", "dispute", "refund"),
    }
)


def subject(event: Any) -> tuple[str, str] | None:
    """What an event is about, as (kind, id), best the customer; None when it is about nobody.

    Nothing else is ever taken from an event: whatever shape it has, it only says where to look.
    """
    if not isinstance(event, Mapping):
        return None
    related = event.get("related_object")
    if isinstance(related, Mapping):
        return _named(str(related.get("type", "")), related.get("id"))
    data = event.get("data")
    about = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(about, Mapping):
        return None
    kind = about.get("object")
    if kind == "customer":
        return _named("customer", about.get("id"))
    for field in ("customer", *CARRIERS):
        if (found := _named(field, about.get(field))) is not None:
            return found
    return _named(kind if isinstance(kind, str) else "", about.get("id"))


def retry_after(attempts: int) -> timedelta:
    """How long a webhook that failed this often waits before it is tried again."""
    return min(RETRY_FIRST * (1 << min(max(attempts - 1, 0), 20)), RETRY_LONGEST)


def _named(kind: str, found: Any) -> tuple[str, str] | None:
    identity = found.get("id") if isinstance(found, Mapping) else found
    if kind not in LEADING or not isinstance(identity, str) or not identity:
        return None
    return kind, identity
