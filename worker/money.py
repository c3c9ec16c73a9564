"""Money, in words: the reactions that write letters about payments. Each is written once per business id."""

from calendar import month_name
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal import accounts, billing, plans
from portal.kit.errors import Missing
from portal.kit.money import Money
from worker.writing import Occasion, write_address, write_members

BILLING = "manage_billing"


def payment_failed(session: Session, fact: billing.PaymentFailed, occasion: Occasion) -> None:
    """That an invoice is unpaid, until when the plan holds all the same, and where to pay."""
    invoice = billing.invoice(session, fact.account_id, fact.invoice_id)
    if invoice.status == "paid":
        return  # meanwhile
    bill = billing.bill(session, fact.account_id, invoice.subscription_id or "")
    until = bill.access_ends_at if bill else None
    context = {
        "plan": _name(session, fact.plan),
        "amount": invoice.due,
        "day": fact.day,
        "failed_at": (bill.past_due_at if bill else None) or invoice.created_at,
        "grace_until": until if until and until > occasion.now else None,
        "next_attempt_at": invoice.next_attempt_at,
        "url": invoice.hosted_url,
    }
    _write(session, fact, occasion, "payment_failed", context, f"invoice {invoice.id} day {fact.day}")


def receipt(session: Session, fact: billing.InvoicePaid, occasion: Occasion) -> None:
    """What was paid, line by line."""
    invoice = billing.invoice(session, fact.account_id, fact.invoice_id)
    bill = billing.bill(session, fact.account_id, invoice.subscription_id or "")
    sold = billing.one_off_of_invoice(session, fact.account_id, fact.invoice_id)
    context = {
        "amount": invoice.paid,
        "plan": bill.name if bill else sold.text if sold else None,
        "paid_at": invoice.paid_at or occasion.told_at,
        "number": invoice.number,
        "lines": [(line.text, line.amount) for line in invoice.lines],
        "url": invoice.hosted_url,
    }
    _write(session, fact, occasion, "receipt", context, f"invoice {invoice.id} paid")


def access_ended(session: Session, fact: billing.AccessEnded, occasion: Occasion) -> None:
    """That the plan is paused until it is paid."""
    invoice = _invoice(session, fact)
    context = {
        "plan": _name(session, fact.plan),
        "amount": invoice.due if invoice else Money(0),
        "free": _free(session, fact.line),
        "url": invoice.hosted_url if invoice else None,
    }
    _write(session, fact, occasion, "access_ended", context, f"invoice {fact.invoice_id} access ended")


def access_restored(session: Session, fact: billing.AccessRestored, occasion: Occasion) -> None:
    """That the plan holds again."""
    context = {"plan": _name(session, fact.plan)}
    _write(session, fact, occasion, "access_restored", context, f"fact {occasion.fact_id}")


def changed(session: Session, fact: billing.SubscriptionChanged, occasion: Occasion) -> None:
    """What is paid for now, and when again."""
    if (bill := billing.bill(session, fact.account_id, fact.subscription_id)) is None:
        return
    context = {
        "before": _name(session, fact.before),
        "before_interval": fact.before_interval,
        "after": _name(session, fact.after),
        "interval": fact.after_interval,
        "price": bill.price,
        "renews_at": bill.renews_at,
    }
    _write(session, fact, occasion, "changed", context, f"fact {occasion.fact_id}")


def change_scheduled(session: Session, fact: billing.ChangeScheduled, occasion: Occasion) -> None:
    """What will be paid for, and from when on."""
    bill = billing.bill(session, fact.account_id, fact.subscription_id)
    after = plans.catalogue(session).plan(fact.plan)
    price = after.year if fact.interval == "year" else after.month
    context = {
        "before": bill.name if bill else _name(session, fact.plan),
        "plan": after.name,
        "interval": fact.interval,
        "price": price or Money(0),
        "changes_at": datetime.fromisoformat(fact.at),
    }
    _write(session, fact, occasion, "change_scheduled", context, f"fact {occasion.fact_id}")


def cancelled(session: Session, fact: billing.CancellationScheduled, occasion: Occasion) -> None:
    """That the subscription was cancelled, and until when it holds."""
    context = {
        "plan": _name(session, fact.plan),
        "free": _free(session, fact.line),
        "ends_at": datetime.fromisoformat(fact.ends_at),
    }
    _write(session, fact, occasion, "cancelled", context, f"fact {occasion.fact_id}")


def resumed(session: Session, fact: billing.CancellationUndone, occasion: Occasion) -> None:
    """That it goes on after all."""
    if (bill := billing.bill(session, fact.account_id, fact.subscription_id)) is None:
        return
    context = {
        "plan": bill.name,
        "interval": bill.interval,
        "price": bill.price,
        "renews_at": bill.renews_at,
    }
    _write(session, fact, occasion, "resumed", context, f"fact {occasion.fact_id}")


def ended(session: Session, fact: billing.SubscriptionEnded, occasion: Occasion) -> None:
    """That it is over, and why."""
    context = {
        "plan": _name(session, fact.plan),
        "free": _free(session, fact.line),
        "unpaid": fact.unpaid,
        "ended_at": occasion.told_at,
    }
    _write(session, fact, occasion, "ended", context, f"subscription {fact.subscription_id} ended")


def second_ended(session: Session, fact: billing.SecondSubscriptionEnded, occasion: Occasion) -> None:
    """That a second payment for the same went back."""
    context = {"plan": _name(session, fact.plan), "refunded": Money(fact.refunded, fact.currency)}
    _write(session, fact, occasion, "second_ended", context, f"subscription {fact.subscription_id} second")


def card_expiring(session: Session, fact: billing.CardExpiring, occasion: Occasion) -> None:
    """That the card must be replaced before the next payment."""
    context = {
        "card": f"{fact.brand.title()} ending in {fact.last4}",
        "ends": f"{month_name[fact.exp_month]} {fact.exp_year}",
    }
    once = f"{fact.account_id} card {fact.brand} {fact.last4} {fact.exp_year}-{fact.exp_month:02}"
    _write(session, fact, occasion, "card_expiring", context, once)


def refunded(session: Session, fact: billing.Refunded, occasion: Occasion) -> None:
    """That money goes back."""
    trouble = billing.trouble(session, fact.account_id, fact.trouble_id)
    _write(session, fact, occasion, "refunded", {"amount": trouble.amount}, f"refund {trouble.id}")


def disputed(session: Session, fact: billing.Disputed, occasion: Occasion) -> None:
    """The operators learn that a bank wants money back."""
    trouble = billing.trouble(session, fact.account_id, fact.trouble_id)
    context = {
        "amount": trouble.amount,
        "reason": (trouble.reason or "").replace("_", " "),
        "opened_at": trouble.created_at,
        "url": f"{occasion.house.settings.public_url}/operator/disputes",
    }
    _to_operators(session, fact, occasion, "disputed", context, f"dispute {trouble.id}")


def plan_asked(session: Session, fact: billing.PlanAsked, occasion: Occasion) -> None:
    """The operators learn what to set up."""
    asked = billing.purchase(session, fact.account_id, fact.purchase_id)
    _to_operators(
        session, fact, occasion, "plan_asked", _wanted(session, asked), f"purchase {asked.id} asked"
    )


def plan_ready(session: Session, fact: billing.PlanReady, occasion: Occasion) -> None:
    """That what was asked for is set up and can be paid for."""
    asked = billing.purchase(session, fact.account_id, fact.purchase_id)
    link = f"{occasion.house.settings.public_url}/subscription/preview?plan={asked.plan}"
    context = {**_wanted(session, asked), "link": f"{link}&interval={asked.interval}"}
    _write(session, fact, occasion, "plan_ready", context, f"purchase {asked.id} ready")


def plan_declined(session: Session, fact: billing.PlanDeclined, occasion: Occasion) -> None:
    """That what was asked for will not be set up, and why."""
    context = {"plan": _name(session, fact.plan), "reason": fact.reason}
    _write(session, fact, occasion, "plan_declined", context, f"purchase {fact.purchase_id} declined")


def _write(
    session: Session, fact: Any, occasion: Occasion, letter: str, context: dict[str, Any], once: str
) -> None:
    write_members(session, occasion, fact.account_id, BILLING, f"billing/{letter}", context, once=once)


def _to_operators(
    session: Session, fact: Any, occasion: Occasion, letter: str, context: dict[str, Any], once: str
) -> None:
    account = accounts.get(session, fact.account_id).name
    for operator in accounts.operators(session):
        write_address(
            session,
            occasion,
            operator.email,
            f"billing/{letter}",
            {"name": operator.name, "account": account, **context},
            person_id=operator.id,
            once=once,
        )


def _wanted(session: Session, asked: billing.Purchase) -> dict[str, Any]:
    plan = plans.version(session, asked.plan, asked.version)
    price = plan.year if asked.interval == "year" else plan.month
    return {"plan": plan.name, "interval": asked.interval, "price": price or Money(0)}


def _invoice(session: Session, fact: billing.AccessEnded) -> billing.Shown | None:
    """The unpaid invoice; None when the subscription was stopped without one."""
    try:
        return billing.invoice(session, fact.account_id, fact.invoice_id)
    except Missing:
        return None


def _name(session: Session, slug: str) -> str:
    """What people call a plan; the slug of one that is no longer on offer."""
    return next((plan.name for plan in plans.catalogue(session).plans if plan.slug == slug), slug)


def _free(session: Session, line: str) -> str:
    return plans.catalogue(session).free(line).name
