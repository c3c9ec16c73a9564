"""Access: what an account holds follows from what is paid, and dunning from what is not."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts, plans
from portal.billing import rules
from portal.billing.events import AccessEnded, AccessRestored, PaymentFailed
from portal.billing.models import BillingCustomer, Drift, MirroredInvoice, MirroredSubscription
from portal.billing.values import Access, Offer, Picture, Subscription
from portal.kit.errors import Conflict, Missing
from portal.kit.outbox import tell


def follow(session: Session, customer: BillingCustomer, picture: Picture, *, now: datetime) -> list[str]:
    """Let the account hold what the picture entitles it to, in every line; what changed, in words."""
    rows = session.scalars(
        select(MirroredSubscription).where(MirroredSubscription.customer_id == customer.id)
    ).all()
    mirrored = {row.id: row for row in rows}
    past_due_at = {row.id: row.past_due_at for row in rows if row.past_due_at is not None}
    changes: list[str] = []
    is_closed = accounts.closed_at(session, customer.account_id) is not None
    open_offers = [(one, one.offer) for one in picture.subscriptions if one.status in rules.OPEN]
    problems = {
        f"{one.id} is paid for in vain: its price sells nothing that was ever published here"
        for one, offer in open_offers
        if offer is None or not _known(session, offer)
    }
    problems |= {
        f"{row.id} must not be, and what was paid for it could not be given back yet"
        for row in rows
        if row.second_at is not None and row.refunded_at is None and row.status not in rules.OPEN
    }
    for line in plans.catalogue(session).lines:
        mine = [
            one
            for one in picture.subscriptions
            if one.offer is not None and one.offer.line == line.slug and _known(session, one.offer)
        ]
        paid = [] if is_closed else mine
        entitled = rules.access(paid, past_due_at, lambda offer: _grace(session, customer, offer), now=now)
        changes += _hold(session, customer, line.slug, entitled, problems, now=now)
        for one in mine:
            _note(session, customer, mirrored[one.id], one, entitled, now=now)
    _note_problems(session, customer, problems, now=now)
    return changes


def remind(session: Session, customer: BillingCustomer, row: MirroredSubscription, *, now: datetime) -> bool:
    """Tell of the unpaid invoice of a subscription when a reminder is due; whether one was."""
    invoice = unpaid(session, row)
    if row.past_due_at is None or invoice is None or not row.line or not row.plan:
        return False
    day = rules.reminder_day(row.past_due_at, invoice.reminded_day, now=now)
    if day is None:
        return False
    invoice.reminded_day = day
    tell(session, PaymentFailed(customer.account_id, invoice.id, row.line, row.plan, day))
    return True


def end(session: Session, customer: BillingCustomer, row: MirroredSubscription, *, now: datetime) -> bool:
    """Tell that a subscription gives no access any more for want of payment; whether that is new."""
    if row.access_ended_at is not None or not row.line or not row.plan:
        return False
    invoice = unpaid(session, row)
    row.access_ended_at = now
    invoice_id = invoice.id if invoice is not None else row.latest_invoice_id or row.id
    tell(session, AccessEnded(customer.account_id, invoice_id, row.line, row.plan))
    return True


def unpaid(session: Session, row: MirroredSubscription) -> MirroredInvoice | None:
    """The oldest unpaid invoice of a subscription."""
    return session.scalar(
        select(MirroredInvoice)
        .where(MirroredInvoice.subscription_id == row.id, MirroredInvoice.status.in_(rules.UNPAID))
        .order_by(MirroredInvoice.created_at, MirroredInvoice.id)
        .limit(1)
    )


def _hold(
    session: Session,
    customer: BillingCustomer,
    line: str,
    entitled: Access | None,
    problems: set[str],
    *,
    now: datetime,
) -> list[str]:
    """Hold what is paid for; `problems` grows when it cannot be held."""
    if entitled is None:
        released = plans.release(session, customer.account_id, line, now)
        return [f"the plan of {line} is no longer held"] if released else []
    plan = plans.version(session, entitled.offer.plan, entitled.offer.version)
    try:
        held = plans.hold(
            session,
            customer.account_id,
            plan,
            now,
            anchor_at=entitled.anchor_at,
            ends_at=entitled.ends_at,
        )
    except Conflict as refusal:
        problems.add(f"{entitled.subscription_id} is paid for in vain: {refusal.sentence}")
        return []
    return [f"{plan.slug} version {plan.version} is held"] if held else []


def _note(
    session: Session,
    customer: BillingCustomer,
    row: MirroredSubscription,
    found: Subscription,
    entitled: Access | None,
    *,
    now: datetime,
) -> None:
    """What follows for one subscription: its grace, its reminders, its access taken or given back."""
    gives = entitled is not None and entitled.subscription_id == row.id
    row.access_ends_at = entitled.ends_at if entitled is not None and gives else None
    if row.second_at is not None:
        return
    if found.status in ("past_due", "unpaid"):
        remind(session, customer, row, now=now)
        if not gives:
            end(session, customer, row, now=now)
    if gives and row.access_ended_at is not None and row.line and row.plan:
        row.access_ended_at = None
        invoice_id = row.latest_invoice_id or row.id
        tell(session, AccessRestored(customer.account_id, row.line, row.plan, invoice_id))


def _grace(session: Session, customer: BillingCustomer, offer: Offer) -> int:
    of_plan = plans.version(session, offer.plan, offer.version).grace_days
    return rules.grace_days(customer.grace_days, of_plan)


def _known(session: Session, offer: Offer) -> bool:
    """Whether we ever published what a price says it sells: another installation may share the account."""
    try:
        return plans.version(session, offer.plan, offer.version).line == offer.line
    except Missing:
        return False


def _note_problems(session: Session, customer: BillingCustomer, problems: set[str], *, now: datetime) -> None:
    """Keep what somebody must look at among the drift for as long as it stands."""
    rows = session.scalars(
        select(Drift).where(
            Drift.account_id == customer.account_id,
            Drift.mode == customer.mode,
            Drift.healed_at.is_(None),
        )
    ).all()
    for row in rows:
        if row.what not in problems:
            row.healed_at = now
    for what in sorted(problems - {row.what for row in rows}):
        session.add(Drift(mode=customer.mode, account_id=customer.account_id, what=what, found_at=now))
