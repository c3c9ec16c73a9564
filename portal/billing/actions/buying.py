"""Buying: the first purchase of a plan, through Stripe's checkout."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts, plans
from portal.billing import rules
from portal.billing.actions import asking, customers, mirroring
from portal.billing.gateway import Refused, Stripe
from portal.billing.models import Purchase
from portal.billing.values import Offer
from portal.kit import ids
from portal.kit.db import unit
from portal.kit.errors import Conflict, Invalid, Missing

KEY_LASTS = timedelta(minutes=10)  # Stripe repeats under a key what failed under it, too
SOON = timedelta(minutes=2)  # a page that ends sooner is not worth being sent to
ROUNDS = 3
ELSEWHERE = "You chose another plan in another window. Look there, or begin again."


def checkout(
    session: Session,
    stripe: Stripe,
    account_id: str,
    plan: str,
    interval: str,
    *,
    public_url: str,
    actor: accounts.Actor,
    now: datetime,
) -> Purchase:
    """Begin to buy a plan: `url` of the purchase is the checkout page to send the customer to.

    A second click, in this tab or another, gets the same purchase and the same page. Afterwards the
    customer is led to `/billing/return?purchase=<id>`, or to `/plans` when they give up.
    Conflict when the account pays for a plan of this line already (change it instead) or holds one by
    contract; Invalid when the plan is not for sale; StripeAway when Stripe does not answer.
    """
    _ = stripe.account
    with unit(session, account_id):
        offer = for_sale(session, plan, interval)
        _check_may_buy(session, account_id, offer, now=now)
    stripe_id = customers.ensure(session, stripe, account_id, now=now)
    _check_not_bought(session, stripe, stripe_id, offer, now=now)
    price_id = stripe.price(offer)
    if price_id is None:
        raise Conflict("This plan cannot be bought just yet. Please try again soon.", code="no_price")
    purchase = _begin(session, stripe, account_id, stripe_id, offer, actor, now=now)
    if purchase.url is not None:
        return purchase
    opened = stripe.open_checkout(
        stripe_id,
        price_id,
        purchase_id=purchase.id,
        account_id=account_id,
        back=f"{public_url}/billing/return?purchase={purchase.id}",
        away=f"{public_url}/plans",
    )
    with unit(session, account_id):
        customers.locked(session, stripe, account_id, now=now)
        purchase = session.get_one(Purchase, purchase.id, populate_existing=True)
        purchase.stripe_session_id, purchase.url = opened.id, opened.url
        purchase.expires_at = opened.expires_at
        closed = accounts.closed_at(session, account_id) is not None
        overtaken = purchase.failed_at is not None or closed
    if overtaken:  # another tab chose something else, or closed the account, while Stripe was asked
        close(stripe, opened.id)
        if closed:
            raise Missing("There is no such account.")
        raise Conflict(ELSEWHERE)
    return purchase


def portal_link(session: Session, stripe: Stripe, account_id: str, *, return_url: str, now: datetime) -> str:
    """A fresh link to Stripe's portal: invoices, cards, cancelling. Conflict when nothing was ever paid."""
    _ = stripe.account
    with unit(session, account_id):
        stripe_id = customers.known(session, stripe, account_id, now=now).stripe_id
    assert stripe_id is not None
    return stripe.portal(stripe_id, return_url)


def for_sale(session: Session, plan: str, interval: str) -> Offer:
    """What a plan on offer sells by this interval; Invalid when it is not sold so, Missing when unknown."""
    rules.check_interval(interval)
    found = plans.catalogue(session).plan(plan)
    if (found.month if interval == "month" else found.year) is None:
        raise Invalid(f"{found.name} cannot be bought by the {interval}.", field="interval")
    return Offer(found.line, found.slug, found.version, interval)


def _check_may_buy(session: Session, account_id: str, offer: Offer, *, now: datetime) -> None:
    held = plans.current(session, account_id, line=offer.line, now=now)
    if held.source in ("grant", "contract"):
        raise Conflict(f"You hold {held.name} by agreement with us. Write to us to change it.")
    plan = plans.version(session, offer.plan, offer.version)
    if plan.fulfilment == plans.REQUEST and not asking.is_ready(session, account_id, offer.plan):
        raise Conflict(f"{plan.name} is set up by our staff before it is paid for: ask for it first.")


def _check_not_bought(
    session: Session, stripe: Stripe, stripe_id: str, offer: Offer, *, now: datetime
) -> None:
    """Look at Stripe itself: our mirror may be a moment behind a purchase made in another tab."""
    standing = rules.open_in(stripe.subscriptions(stripe_id), offer.line)
    if standing is None or standing.offer is None:
        return
    mirroring.sync(session, stripe, stripe_id, now=now)
    name = plans.version(session, standing.offer.plan, standing.offer.version).name
    if standing.status in ("past_due", "unpaid"):
        raise Conflict(f"{name} waits for a payment: pay the open invoice, and it holds again.")
    raise Conflict(f"You pay for {name} already. Change that instead.", code="already_paying")


def _begin(
    session: Session,
    stripe: Stripe,
    account_id: str,
    stripe_id: str,
    offer: Offer,
    actor: accounts.Actor,
    *,
    now: datetime,
) -> Purchase:
    """The one open checkout of a line, once the page of every other one is closed."""
    for _ in range(ROUNDS):
        _close_other(session, stripe, account_id, stripe_id, offer, now=now)
        with unit(session, account_id):
            if (purchase := _intend(session, stripe, account_id, offer, actor, now=now)) is not None:
                return purchase
    raise Conflict(ELSEWHERE)


def _close_other(
    session: Session, stripe: Stripe, account_id: str, stripe_id: str, offer: Offer, *, now: datetime
) -> None:
    """Close the checkout that is open in this line, unless it is for this offer and can be used again."""
    with unit(session, account_id):
        standing = _open_purchase(session, account_id, offer.line)
    if standing is None or standing.stripe_session_id is None:
        return
    found = stripe.checkout(standing.stripe_session_id)
    if found.status == "complete":
        mirroring.sync(session, stripe, stripe_id, now=now)
        if any(
            one.status == "incomplete" and one.offer is not None and one.offer.line == offer.line
            for one in stripe.subscriptions(stripe_id)
        ):
            raise Conflict("Your payment is being worked on. It can take a while with some banks.")
    fresh = standing.expires_at is None or standing.expires_at > now + SOON
    if found.status == "open" and fresh and _offer(standing) == offer:
        return
    if found.status == "open" and not close(stripe, found.id):
        raise Conflict("Your payment has just come through. Look at your plan.", code="already_paying")
    with unit(session, account_id):
        row = session.get_one(Purchase, standing.id, populate_existing=True)
        if row.finished_at is None and row.failed_at is None:
            row.failed_at, row.failure = now, f"the checkout was {found.status} and another one began"


def _intend(
    session: Session, stripe: Stripe, account_id: str, offer: Offer, actor: accounts.Actor, *, now: datetime
) -> Purchase | None:
    """The open checkout under the customer's lock: this offer's, or a new one.

    None when the page of another was opened since it was looked for: that one is closed first.
    """
    customer = customers.locked(session, stripe, account_id, now=now)
    if accounts.closed_at(session, account_id) is not None:
        raise Missing("There is no such account.")
    standing = _open_purchase(session, account_id, offer.line)
    if standing is not None and may_be_used(standing, customer.id, offer, now=now):
        return standing
    if standing is not None and standing.stripe_session_id is not None and _offer(standing) != offer:
        return None
    if standing is not None:
        standing.failed_at, standing.failure = now, "another plan was chosen"
        session.flush()
    purchase = intent(customer.id, account_id, offer, "checkout", actor, now=now)
    session.add(purchase)
    session.flush()
    accounts.record(
        session,
        actor,
        "subscription.checkout",
        account_id=account_id,
        subject=purchase.id,
        now=now,
        data={"line": offer.line, "plan": offer.plan, "interval": offer.interval},
    )
    return purchase


def intent(
    customer_id: str | None,
    account_id: str,
    offer: Offer,
    kind: str,
    actor: accounts.Actor,
    *,
    now: datetime,
) -> Purchase:
    """A fresh row of what somebody asks for."""
    return Purchase(
        id=ids.new("pur"),
        account_id=account_id,
        customer_id=customer_id,
        line=offer.line,
        plan=offer.plan,
        version=offer.version,
        interval=offer.interval,
        kind=kind,
        asked_by=actor.person_id or actor.label,
        asked_at=now,
    )


def _open_purchase(session: Session, account_id: str, line: str) -> Purchase | None:
    return session.scalar(
        select(Purchase)
        .where(
            Purchase.account_id == account_id,
            Purchase.line == line,
            Purchase.kind == "checkout",
            Purchase.finished_at.is_(None),
            Purchase.failed_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )


def may_be_used(standing: Purchase, customer_id: str, offer: Offer, *, now: datetime) -> bool:
    """Whether an open purchase is for this, and its key can still be asked with."""
    young = standing.url is not None or standing.asked_at > now - KEY_LASTS
    return young and _offer(standing) == offer and standing.customer_id == customer_id


def close(stripe: Stripe, session_id: str) -> bool:
    """Whether nobody can pay on a page any more: not so when somebody just has."""
    try:
        stripe.close_checkout(session_id)
    except Refused:
        return stripe.checkout(session_id).status != "complete"
    return True


def _offer(purchase: Purchase) -> Offer:
    return Offer(purchase.line, purchase.plan, purchase.version, purchase.interval)
