"""Changing: what is paid for already, to another plan or interval, or to an end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import accounts, plans
from portal.billing import rules
from portal.billing.actions import asking, buying, customers, mirroring
from portal.billing.gateway import Stripe, StripeAway
from portal.billing.models import Purchase
from portal.billing.values import Offer, Preview, Quoted, Subscription
from portal.kit.db import unit
from portal.kit.errors import Conflict, Refusal
from portal.kit.money import Money

KINDS = ("change", "cancel", "resume")
UNDER_WAY = timedelta(minutes=1)
"""For so long a change that was asked for may still be made, or have been made without our hearing of it."""
OVERTAKEN = "Something was changed in another window at the same moment. Please look at it again."


@dataclass(frozen=True)
class Standing:
    """What an account pays for in a line, as Stripe says at this moment; `made` changes came before."""

    stripe_id: str
    made: int
    subscription: Subscription
    offer: Offer
    plan: plans.Plan


def preview(
    session: Session, stripe: Stripe, account_id: str, plan: str, interval: str, *, now: datetime
) -> Preview:
    """What a change to this plan and interval would do, to the cent. Changes nothing.

    Conflict when the account pays for nothing in this line, or for exactly that already; Invalid when
    the plan is not for sale.
    """
    at = now.replace(microsecond=0)  # Stripe counts seconds
    with unit(session, account_id):
        after = buying.for_sale(session, plan, interval)
    standing = _standing(session, stripe, account_id, after.line, now=now)
    return _look(session, stripe, standing, after, at=at)[0]


def upcoming(session: Session, stripe: Stripe, account_id: str, line: str, *, now: datetime) -> Quoted:
    """What the next invoice of a line will say, as Stripe sees it now; Conflict when none is to come."""
    standing = _standing(session, stripe, account_id, line, now=now)
    if standing.subscription.ends_at is not None:
        raise Conflict(f"{standing.plan.name} is cancelled: no further invoice is to come.")
    return stripe.upcoming(standing.stripe_id, standing.subscription.id)


def change(
    session: Session,
    stripe: Stripe,
    account_id: str,
    plan: str,
    interval: str,
    *,
    at: datetime,
    due_now: Money,
    actor: accounts.Actor,
    now: datetime,
) -> Preview:
    """Make the change that was previewed with `at` and `due_now`; what was done.

    Upgrades hold at once and are paid at once, or are not made at all (Declined). Downgrades hold
    when the paid time is over. Conflict when Stripe would charge another amount by now: show the
    preview again.
    """
    with unit(session, account_id):
        after = buying.for_sale(session, plan, interval)
        found = plans.version(session, after.plan, after.version)
        if found.fulfilment == plans.REQUEST and not asking.is_ready(session, account_id, plan):
            raise Conflict(f"{found.name} is set up by our staff before it is paid for: ask for it first.")
    standing = _standing(session, stripe, account_id, after.line, now=now)
    shown, price_id = _look(session, stripe, standing, after, at=at)
    rules.check_as_shown(standing.subscription, due_now, shown.due_now, at, now=now)

    def make(purchase_id: str) -> None:
        if shown.when == rules.NOW:
            stripe.change_now(standing.subscription, price_id, at, key=f"{purchase_id}-{int(at.timestamp())}")
        else:
            key = f"{purchase_id}-{int(shown.holds_at.timestamp())}"  # its phases follow from the moment
            stripe.change_later(standing.subscription, price_id, interval, key=key)

    _carry_out(session, stripe, account_id, standing, after, "change", make, actor, now=now)
    return shown


def cancel(
    session: Session, stripe: Stripe, account_id: str, line: str, *, actor: accounts.Actor, now: datetime
) -> datetime:
    """Cancel what the account pays for in a line, for the end of the paid time; when that is.

    Conflict when it pays for nothing there.
    """
    standing = _standing(session, stripe, account_id, line, now=now)
    found = standing.subscription
    if found.ends_at is not None:
        mirroring.sync(session, stripe, standing.stripe_id, now=now)
        return found.ends_at

    def make(purchase_id: str) -> None:
        stripe.end_later(found, key=purchase_id)

    _carry_out(session, stripe, account_id, standing, standing.offer, "cancel", make, actor, now=now)
    return found.period_ends_at


def resume(
    session: Session, stripe: Stripe, account_id: str, line: str, *, actor: accounts.Actor, now: datetime
) -> None:
    """Undo a cancellation, or a change that was to come later. Conflict when there is none."""
    standing = _standing(session, stripe, account_id, line, now=now)
    found = standing.subscription
    if found.ends_at is None and found.schedule_id is None:
        raise Conflict(f"{standing.plan.name} goes on already: there is nothing to undo.")

    def make(purchase_id: str) -> None:
        stripe.go_on(found, key=purchase_id)

    _carry_out(session, stripe, account_id, standing, standing.offer, "resume", make, actor, now=now)


def _standing(session: Session, stripe: Stripe, account_id: str, line: str, *, now: datetime) -> Standing:
    """What is paid for in a line, asked of Stripe itself; Conflict when nothing is."""
    _ = stripe.account
    with unit(session, account_id):
        name = plans.catalogue(session).line(line).name
        stripe_id = customers.known(session, stripe, account_id, now=now).stripe_id
        made = _made(session, account_id, line)
    assert stripe_id is not None
    found = rules.open_in(stripe.subscriptions(stripe_id), line)
    if found is None or found.offer is None:
        raise Conflict(f"You pay for no plan of {name}.")
    with unit(session, account_id):
        plan = plans.version(session, found.offer.plan, found.offer.version)
    return Standing(stripe_id, made, found, found.offer, plan)


def _look(
    session: Session, stripe: Stripe, standing: Standing, after: Offer, *, at: datetime
) -> tuple[Preview, str]:
    """What the change would do, and the price that it is a change to."""
    with unit(session):
        plan = plans.version(session, after.plan, after.version)
    rules.check_change(standing.offer, after, plan.name)
    found = standing.subscription
    if found.status in ("past_due", "unpaid"):
        raise Conflict(f"{standing.plan.name} waits for a payment: pay the open invoice first.")
    price_id = stripe.price(after)
    price = plan.month if after.interval == "month" else plan.year
    if price_id is None or price is None:
        raise Conflict("This plan cannot be bought just yet. Please try again soon.", code="no_price")
    when = rules.when(standing.offer, _month(standing.plan), after, _month(plan))
    nothing = Money(0, price.currency)
    if when == rules.NOW:
        quoted = stripe.quote(standing.stripe_id, found, price_id, at)
        due_now, credit, lines = quoted.due, quoted.credit, quoted.lines
        # Whether a new interval begins a new cycle is Stripe's to say: its lines end with what is paid.
        ends = [line.ends_at for line in lines if line.offer == after and line.ends_at is not None]
        renews_at, holds_at = max(ends, default=found.period_ends_at), at
    else:
        due_now, credit, lines = nothing, nothing, ()
        holds_at = renews_at = found.period_ends_at
    shown = Preview(
        line=after.line,
        plan=after.plan,
        name=plan.name,
        interval=after.interval,
        before=standing.offer.plan,
        before_interval=standing.offer.interval,
        when=when,
        at=at,
        holds_at=holds_at,
        due_now=due_now,
        credit=credit,
        due_then=price,
        renews_at=renews_at,
        lines=lines,
    )
    return shown, price_id


def _carry_out(
    session: Session,
    stripe: Stripe,
    account_id: str,
    standing: Standing,
    offer: Offer,
    kind: str,
    make: Callable[[str], None],
    actor: accounts.Actor,
    *,
    now: datetime,
) -> None:
    """Write down what is asked for, ask Stripe under its id, and write down what came of it."""
    with unit(session, account_id):
        purchase = _intend(session, stripe, account_id, standing, offer, kind, actor, now=now)
    try:
        make(purchase.id)
    except StripeAway:
        raise  # it may have been done: asked for again, it is asked under the same key
    except Refusal as refusal:
        _finish(session, account_id, purchase.id, now=now, failure=getattr(refusal, "detail", str(refusal)))
        mirroring.sync(session, stripe, standing.stripe_id, now=now)
        raise
    _finish(session, account_id, purchase.id, now=now)
    with unit(session, account_id):
        accounts.record(
            session,
            actor,
            f"subscription.{kind}",
            account_id=account_id,
            subject=standing.subscription.id,
            now=now,
            data={"line": offer.line, "plan": offer.plan, "interval": offer.interval},
        )
    mirroring.sync(session, stripe, standing.stripe_id, now=now)


def _intend(
    session: Session,
    stripe: Stripe,
    account_id: str,
    standing: Standing,
    offer: Offer,
    kind: str,
    actor: accounts.Actor,
    *,
    now: datetime,
) -> Purchase:
    """The one open purchase in a line: the same that a second click finds, or a new one.

    An older one of another kind is closed, so that its key is never asked with again: Stripe would
    repeat its first answer and do nothing. Conflict when another change overtook this one: what was
    shown of it is then no longer what it costs.
    """
    customer = customers.known(session, stripe, account_id, now=now)
    open_ones = session.scalars(
        select(Purchase)
        .where(
            Purchase.account_id == account_id,
            Purchase.line == offer.line,
            Purchase.kind.in_(KINDS),
            Purchase.finished_at.is_(None),
            Purchase.failed_at.is_(None),
        )
        .execution_options(populate_existing=True)
    ).all()
    for one in open_ones:
        if one.kind == kind and buying.may_be_used(one, customer.id, offer, now=now):
            return one
        if one.kind == kind == "change" and one.asked_at > now - UNDER_WAY:
            raise Conflict(OVERTAKEN)
        one.failed_at, one.failure = now, "something else was asked for"
    if kind == "change" and _made(session, account_id, offer.line) != standing.made:
        raise Conflict(OVERTAKEN)
    session.flush()
    row = buying.intent(customer.id, account_id, offer, kind, actor, now=now)
    session.add(row)
    session.flush()
    return row


def _made(session: Session, account_id: str, line: str) -> int:
    """How many changes were made in a line so far. Under the customer's lock."""
    made = select(func.count()).where(
        Purchase.account_id == account_id,
        Purchase.line == line,
        Purchase.kind.in_(KINDS),
        Purchase.finished_at.is_not(None),
    )
    return session.scalar(made) or 0


def _finish(
    session: Session, account_id: str, purchase_id: str, *, now: datetime, failure: str | None = None
) -> None:
    with unit(session, account_id):
        row = session.get_one(Purchase, purchase_id, populate_existing=True)
        if row.finished_at is None and row.failed_at is None:
            row.finished_at = None if failure else now
            row.failed_at, row.failure = (now, failure) if failure else (None, None)


def _month(plan: plans.Plan) -> int:
    return plan.month.amount if plan.month is not None else 0
