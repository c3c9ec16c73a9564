"""Billing, as values: what Stripe says, in our words, and what a page shows of it.

All moments are aware and UTC, all amounts `Money`; ids are Stripe's.
"""

from dataclasses import dataclass
from datetime import datetime

from portal.kit.money import Money

MONTH, YEAR = "month", "year"
INTERVALS = (MONTH, YEAR)


@dataclass(frozen=True)
class Offer:
    """What a price sells: one version of a plan, paid by the month or by the year."""

    line: str
    plan: str
    version: int
    interval: str


@dataclass(frozen=True)
class Card:
    """What may be shown of a card; `id` is that of its payment method."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    id: str | None = None


@dataclass(frozen=True)
class Customer:
    """A customer at Stripe; `card` is what the next invoice would be charged to."""

    id: str
    currency: str | None = None
    card: Card | None = None
    gone: bool = False


@dataclass(frozen=True)
class Subscription:
    """A subscription at Stripe. `offer` is None when its price is none of ours.

    `status` is Stripe's word. `ends_at` is set when it is cancelled already for a later moment, which
    `ends_with_period` when that was said of its period; `next_offer` takes its place at `next_at`.
    """

    id: str
    status: str
    item_id: str
    price_id: str
    offer: Offer | None
    price: Money
    created_at: datetime
    anchor_at: datetime
    period_starts_at: datetime
    period_ends_at: datetime
    ends_at: datetime | None = None
    ends_with_period: bool = False
    ended_at: datetime | None = None
    trial_ends_at: datetime | None = None
    schedule_id: str | None = None
    next_offer: Offer | None = None
    next_at: datetime | None = None
    latest_invoice_id: str | None = None


@dataclass(frozen=True)
class InvoiceLine:
    """One line of an invoice: `amount` after discounts and before tax; `offer` None when not of a plan."""

    text: str
    amount: Money
    offer: Offer | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    proration: bool = False


@dataclass(frozen=True)
class Invoice:
    """An invoice at Stripe. `status` is draft, open, paid, uncollectible or void.

    `hosted_url` is where it is shown and can be paid.
    """

    id: str
    status: str
    subscription_id: str | None
    number: str | None
    reason: str
    total: Money
    paid: Money
    due: Money
    attempts: int
    created_at: datetime
    finalized_at: datetime | None = None
    paid_at: datetime | None = None
    next_attempt_at: datetime | None = None
    hosted_url: str | None = None
    pdf_url: str | None = None
    lines: tuple[InvoiceLine, ...] = ()


@dataclass(frozen=True)
class Trouble:
    """A refund or a dispute: `kind` is which, `status` Stripe's word for how it stands."""

    id: str
    kind: str
    status: str
    amount: Money
    reason: str | None
    charge_id: str | None
    created_at: datetime


@dataclass(frozen=True)
class Picture:
    """All that Stripe says of one customer, read at one moment."""

    customer: Customer
    subscriptions: tuple[Subscription, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True)
class Checkout:
    """A checkout session at Stripe: open until it is complete or expired."""

    id: str
    status: str
    url: str | None = None
    customer_id: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Quoted:
    """What Stripe would charge: the invoice of a change before it is made."""

    due: Money
    credit: Money
    lines: tuple[InvoiceLine, ...]


@dataclass(frozen=True)
class Preview:
    """What a change would do, to the cent.

    `when` is "now" or "later"; it holds from `holds_at`. `due_now` is charged at once, `due_then` from
    `renews_at` on for each `interval`. A change at once is asked for with `at` and `due_now` as they
    stand here, and refused when Stripe would charge anything else. `credit` is what is left of the
    old price beyond the new one, kept by Stripe for the next invoices.
    """

    line: str
    plan: str
    name: str
    interval: str
    before: str
    before_interval: str
    when: str
    at: datetime
    holds_at: datetime
    due_now: Money
    credit: Money
    due_then: Money
    renews_at: datetime
    lines: tuple[InvoiceLine, ...] = ()


@dataclass(frozen=True)
class Access:
    """What payments entitle an account to in one line: until `ends_at`, or for as long as they go on.

    `why` is "active", "trialing" or "past_due".
    """

    offer: Offer
    anchor_at: datetime
    ends_at: datetime | None
    why: str
    subscription_id: str


@dataclass(frozen=True)
class Earned:
    """What came in, in one calendar month, by one plan: after discounts and before tax and refunds.

    `line` and `plan` are None for what belongs to none.
    """

    month: datetime
    line: str | None
    plan: str | None
    amount: Money
    invoices: int


@dataclass(frozen=True)
class Step:
    """One thing that the catalogue's sync finds at Stripe: `verb` is create, update, keep or wrong."""

    verb: str
    what: str
    text: str


@dataclass(frozen=True)
class Finding:
    """One line of `stripe check`: whether it is `good`, and what to do when it is not."""

    good: bool
    text: str
    advice: str = ""
