"""Accounts that pay, as the mirror has them, for whoever looks at the pages about money."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

from sqlalchemy import select

from portal import plans
from portal.billing.models import (
    BillingCustomer,
    Drift,
    MirroredInvoice,
    MirroredSubscription,
    MirroredTrouble,
    Purchase,
    WebhookEvent,
)
from portal.billing.values import InvoiceLine, Offer, Quoted, Subscription
from portal.kit import ids
from portal.kit.money import Money
from portal.kit.period import add_months
from portal.kit.settings import Payments

SANDBOX = Payments("sk_sandbox_tests", ("whsec_tests",), "http://127.0.0.1:9", "sandbox")
STRIPE_ACCOUNT = "acct_tests"
MONTH, YEAR = timedelta(days=30), timedelta(days=365)


def paid(settings, payments=SANDBOX):
    """The settings of an installation that takes payments."""
    return replace(settings, payments=payments)


class QuotingStripe:
    """A Stripe that has what the mirror has, and quotes always the same, so that pages can be looked at."""

    payments, account = SANDBOX, STRIPE_ACCOUNT

    @property
    def shelf(self):
        """Stripe has products, and one price that was changed there."""
        return SimpleNamespace(
            product=lambda product_id: "API Pro" if product_id == "upkeep_api-pro" else None,
            prices=lambda offers: {offer: Money(1900) for offer in offers if offer.plan == "api-pro"},
            portal_settings=lambda: object(),
        )

    def __init__(self, sessions):
        self._sessions = sessions

    def price(self, offer):
        return f"price_{offer.plan}_{offer.interval}"

    def subscriptions(self, customer_id):
        with self._sessions() as session:
            rows = session.scalars(
                select(MirroredSubscription)
                .join(BillingCustomer, BillingCustomer.id == MirroredSubscription.customer_id)
                .where(BillingCustomer.stripe_id == customer_id)
            )
            return tuple(_as_stripe_says(row) for row in rows)

    def quote(self, customer_id, subscription, price_id, at):
        lines = (
            InvoiceLine("Unused time on API Pro", Money(-1267), proration=True),
            InvoiceLine(
                "API Pro, yearly", Money(19000), Offer("api", "api-pro", 1, "year"), at, add_months(at, 12)
            ),
        )
        return Quoted(Money(17733), Money(0), lines)

    def upcoming(self, customer_id, subscription_id):
        return Quoted(Money(1900), Money(0), (InvoiceLine("1 × API Pro (at $19.00 / month)", Money(1900)),))


def _as_stripe_says(row):
    return Subscription(
        id=row.id,
        status=row.status,
        item_id=row.item_id,
        price_id=row.price_id,
        offer=Offer(row.line, row.plan, row.version, row.interval),
        price=Money(row.amount, row.currency),
        created_at=row.created_at,
        anchor_at=row.anchor_at,
        period_starts_at=row.period_starts_at,
        period_ends_at=row.period_ends_at,
        ends_at=row.ends_at,
    )


def customer(session, account_id, now, *, mode="sandbox", card=("visa", "4242", 4, 2031), **more):
    """The account as a customer."""
    brand, last4, month, year = card or (None, None, None, None)
    row = BillingCustomer(
        id=ids.new("cus"),
        account_id=account_id,
        mode=mode,
        stripe_account=STRIPE_ACCOUNT,
        stripe_id=ids.new("cus"),
        currency="usd",
        card_brand=brand,
        card_last4=last4,
        card_exp_month=month,
        card_exp_year=year,
        created_at=now,
        synced_at=now,
        **more,
    )
    session.add(row)
    session.flush()
    return row


def subscription(session, customer, plan, now, *, interval="month", began=timedelta(days=10), **more):
    """What the customer pays for, and holds."""
    found = plans.catalogue(session).plan(plan)
    price = found.year if interval == "year" else found.month
    starts_at = now - began
    values = {
        "id": ids.new("sub"),
        "customer_id": customer.id,
        "line": found.line,
        "plan": found.slug,
        "version": found.version,
        "interval": interval,
        "status": "active",
        "item_id": ids.new("si"),
        "price_id": ids.new("price"),
        "amount": price.amount,
        "currency": price.currency,
        "created_at": starts_at,
        "anchor_at": starts_at,
        "period_starts_at": starts_at,
        "period_ends_at": add_months(starts_at, 12 if interval == "year" else 1),
        "synced_at": now,
    }
    row = MirroredSubscription(**values | more)
    session.add(row)
    session.flush()
    return row


def invoice(session, customer, amount, at, *, paid=True, number=None, offer=None, text="API Pro", **more):
    """An invoice of one line, paid when it was written or open."""
    line = {"text": text, "amount": amount, "starts_at": None, "ends_at": None, "proration": False}
    line["offer"] = vars(offer) if offer else None
    values = {
        "id": ids.new("in"),
        "customer_id": customer.id,
        "number": number,
        "status": "paid" if paid else "open",
        "reason": "subscription_cycle",
        "currency": "usd",
        "total": amount,
        "paid": amount if paid else 0,
        "due": 0 if paid else amount,
        "attempts": 1,
        "created_at": at,
        "finalized_at": at,
        "paid_at": at if paid else None,
        "hosted_url": "http://127.0.0.1:9/invoices/1",
        "pdf_url": "http://127.0.0.1:9/invoices/1.pdf",
        "lines": {"lines": [line]},
        "synced_at": at,
    }
    row = MirroredInvoice(**values | more)
    session.add(row)
    session.flush()
    return row


def trouble(session, customer, kind, at, *, amount=1900, status="succeeded", reason="duplicate"):
    """A refund or a dispute."""
    row = MirroredTrouble(
        id=ids.new("re" if kind == "refund" else "du"),
        customer_id=customer.id,
        kind=kind,
        status=status,
        amount=amount,
        currency="usd",
        reason=reason,
        charge_id=ids.new("ch"),
        created_at=at,
        synced_at=at,
    )
    session.add(row)
    return row


def event(session, at, *, kind="invoice.paid", **more):
    """A webhook in the inbox."""
    row = WebhookEvent(
        **{
            "id": ids.new("evt"),
            "mode": "sandbox",
            "type": kind,
            "raw": b'{"id": "evt_1", "data": {"object": {"id": "in_1", "name": "<script>"}}}',
            "received_at": at,
            "due_at": at,
            "attempts": 0,
        }
        | more
    )
    session.add(row)
    session.flush()
    return row


def request(session, account_id, plan, at, *, interval="month", **more):
    """What an account asked staff for."""
    found = plans.catalogue(session).plan(plan)
    row = Purchase(
        id=ids.new("pur"),
        account_id=account_id,
        line=found.line,
        plan=plan,
        version=found.version,
        interval=interval,
        kind="request",
        asked_at=at,
        **more,
    )
    session.add(row)
    session.flush()
    return row


def calm(session, account_id, now):
    """An account that pays for one plan, and has for two months."""
    ours = customer(session, account_id, now)
    pro = Offer("api", "api-pro", 1, "month")
    mine = subscription(session, ours, "api-pro", now, began=timedelta(days=10))
    plan = plans.catalogue(session).plan("api-pro")
    plans.hold(session, account_id, plan, now, anchor_at=mine.anchor_at)
    for months in (1, 2):
        at = now - months * MONTH
        invoice(session, ours, 1900, at, number=f"UPK-{300 + months:04}", offer=pro, subscription_id=mine.id)


def busy(session, account_id, now):
    """An account with everything at once: an unpaid plan, a cancelled one, one asked for, old invoices."""
    ours = customer(session, account_id, now, card=("visa", "0341", now.month, now.year))
    pro = Offer("api", "api-pro", 1, "month")
    due = subscription(
        session,
        ours,
        "api-pro",
        now,
        began=timedelta(days=1),
        status="past_due",
        past_due_at=now - timedelta(days=1),
        access_ends_at=now + timedelta(days=2),
    )
    ends_at = now + timedelta(days=200)
    subscription(session, ours, "support-priority", now, interval="year", ends_at=ends_at)
    plan = plans.catalogue(session).plan("api-pro")
    plans.hold(session, account_id, plan, now, anchor_at=due.anchor_at, ends_at=due.access_ends_at)
    for months in range(1, 7):
        at = now - months * MONTH
        invoice(session, ours, 1900, at, number=f"UPK-{7 - months:04}", offer=pro, subscription_id=due.id)
    support = Offer("support", "support-priority", 1, "year")
    invoice(session, ours, 99000, now - 2 * MONTH, number="UPK-0100", offer=support, text="Support Priority")
    invoice(session, ours, 1900, now, number="UPK-0008", paid=False, offer=pro, subscription_id=due.id)
    trouble(session, ours, "refund", now - MONTH)
    trouble(session, ours, "dispute", now, status="needs_response", reason="product_not_received")
    wanted = request(session, account_id, "hosting-pro", now)
    event(session, now - timedelta(hours=1), processed_at=now)
    event(
        session,
        now - timedelta(hours=1),
        kind="product.created",
        processed_at=now,
        ignored="Not about money.",
    )
    failing = event(
        session,
        now,
        kind="customer.subscription.updated",
        attempts=3,
        failure="Stripe did not answer.",
        due_at=now + timedelta(minutes=4),
    )
    what = "The plan api-pro was held without a payment."
    session.add(Drift(mode="sandbox", account_id=account_id, what=what, found_at=now, healed_at=now))
    return SimpleNamespace(customer=ours, due=due, event=failing.id, purchase=wanted.id)
