"""Billing, as told. Ids are Stripe's where they say so; moments are ISO 8601."""

from dataclasses import dataclass

from portal.kit.outbox import Fact


@dataclass(frozen=True)
class StripeEventStored(Fact):
    """A webhook was stored and is still to be thought about; `event_id` is Stripe's."""

    event_id: str


@dataclass(frozen=True)
class SubscriptionBegan(Fact):
    """An account pays for a plan from now on. `subscription_id` is Stripe's in all of these."""

    account_id: str
    subscription_id: str
    line: str
    plan: str
    interval: str


@dataclass(frozen=True)
class SubscriptionChanged(Fact):
    """What an account pays for changed: the plan, the interval, or both."""

    account_id: str
    subscription_id: str
    line: str
    before: str
    before_interval: str
    after: str
    after_interval: str


@dataclass(frozen=True)
class ChangeScheduled(Fact):
    """What an account pays for will change when the paid time is over, at `at`."""

    account_id: str
    subscription_id: str
    line: str
    plan: str
    interval: str
    at: str


@dataclass(frozen=True)
class CancellationScheduled(Fact):
    """A subscription was cancelled and ends at `ends_at`."""

    account_id: str
    subscription_id: str
    line: str
    plan: str
    ends_at: str


@dataclass(frozen=True)
class CancellationUndone(Fact):
    """A subscription that was cancelled for a later moment goes on after all."""

    account_id: str
    subscription_id: str
    line: str
    plan: str


@dataclass(frozen=True)
class SubscriptionEnded(Fact):
    """A subscription is over. `unpaid`: for want of payment."""

    account_id: str
    subscription_id: str
    line: str
    plan: str
    unpaid: bool


@dataclass(frozen=True)
class SecondSubscriptionEnded(Fact):
    """A second subscription appeared in one line and was cancelled; `refunded` minor units went back."""

    account_id: str
    subscription_id: str
    line: str
    plan: str
    refunded: int
    currency: str


@dataclass(frozen=True)
class PaidInVain(Fact):
    """Somebody paid for an account that had closed: it was ended, and `refunded` minor units went back."""

    account_id: str
    subscription_id: str
    line: str
    plan: str
    refunded: int
    currency: str


@dataclass(frozen=True)
class PaymentFailed(Fact):
    """An invoice is unpaid since `day` days: 0, 3, 5 or 7. Told once for each."""

    account_id: str
    invoice_id: str
    line: str
    plan: str
    day: int


@dataclass(frozen=True)
class InvoicePaid(Fact):
    """An invoice was paid."""

    account_id: str
    invoice_id: str


@dataclass(frozen=True)
class AccessEnded(Fact):
    """The grace period of an unpaid invoice is over, and with it the plan's limits."""

    account_id: str
    invoice_id: str
    line: str
    plan: str


@dataclass(frozen=True)
class AccessRestored(Fact):
    """What had ended for want of payment is paid, and the plan holds again."""

    account_id: str
    line: str
    plan: str
    invoice_id: str


@dataclass(frozen=True)
class CardExpiring(Fact):
    """The card that the next invoice would be charged to ends with this month or the next."""

    account_id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True)
class Disputed(Fact):
    """A customer's bank wants a payment back."""

    account_id: str
    trouble_id: str


@dataclass(frozen=True)
class Refunded(Fact):
    """Money went back to a customer."""

    account_id: str
    trouble_id: str


@dataclass(frozen=True)
class PlanAsked(Fact):
    """An account asked for a plan that staff carry out first."""

    account_id: str
    purchase_id: str
    line: str
    plan: str


@dataclass(frozen=True)
class PlanReady(Fact):
    """Staff carried out what was asked for: the plan can be bought now."""

    account_id: str
    purchase_id: str
    line: str
    plan: str


@dataclass(frozen=True)
class PlanDeclined(Fact):
    """Staff will not carry out what was asked for."""

    account_id: str
    purchase_id: str
    line: str
    plan: str
    reason: str
