"""Quotes, when their time comes and when something happens to them: invoices, and letters to both sides."""

from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from portal import accounts, billing, support
from portal.kit import clock, text
from portal.kit.db import unit
from portal.kit.money import Money
from worker.app import home, task
from worker.writing import Occasion, write_members, write_person

BILLING = "manage_billing"


@task("quotes.expire", tried_again=False)
def expire_quotes() -> None:
    """Every minute: tell of quotes whose time is over. Nobody could accept them meanwhile."""
    with home().sessions() as session, unit(session):
        support.expire_quotes(session, now=clock.now())


def invoice_quote(session: Session, fact: support.QuoteAccepted, occasion: Occasion) -> None:
    """What was accepted is invoiced once, and who pays is told where; tried until Stripe has heard it."""
    house, quote = occasion.house, support.quote(session, fact.quote_id)
    if quote.withdrawn_at is not None:
        return
    ticket = support.staff_ticket(session, quote.ticket_id)
    words, amount = f"{ticket.subject} (ticket {ticket.number})", Money(quote.amount, quote.currency)
    if house.stripe is None:
        billing.leave_to_hand(session, quote.account_id, quote.id, words, amount, now=occasion.now)
        return
    try:
        billing.invoice_once(
            house.sessions,
            house.stripe,
            quote.account_id,
            quote.id,
            words,
            amount,
            now=occasion.now,
        )
    except billing.StripeAway as away:
        raise ConnectionError(away.detail) from away  # a refusal would count as heard
    session.refresh(quote)
    if support.quote(session, quote.id).withdrawn_at is not None:  # while the invoice was written
        void_quote(session, fact, occasion)
        return
    made = billing.one_off(session, quote.id)
    if made is not None and made.state == "open":
        context = {"url": made.url, "due_at": made.due_at, "invoice": made.number}
        _to_payers(session, fact, occasion, "quote_invoiced", context)
    elif made is not None and made.state == "failed":
        _to_staff(session, fact, occasion, "quote_not_invoiced", {"failure": made.failure})


def void_quote(session: Session, fact: Any, occasion: Occasion) -> None:
    """What was withdrawn can be paid no more; tried until Stripe heard it."""
    house = occasion.house
    try:
        billing.withdraw_once(house.sessions, house.stripe, fact.quote_id, now=occasion.now)
    except billing.StripeAway as away:
        raise ConnectionError(away.detail) from away


def quote_offered(session: Session, fact: support.QuoteOffered, occasion: Occasion) -> None:
    """Who may spend the account's money learns what the work would cost, while it can be had."""
    if support.quote(session, fact.quote_id).state(occasion.now) != "offered":
        return
    _to_payers(session, fact, occasion, "quote_offered", {})


def quote_accepted(session: Session, fact: support.QuoteAccepted, occasion: Occasion) -> None:
    """Staff learn that the work is wanted, and whether they must write the invoice themselves."""
    _to_staff(session, fact, occasion, "quote_accepted", {"by_hand": occasion.house.stripe is None})


def quote_declined(session: Session, fact: support.QuoteDeclined, occasion: Occasion) -> None:
    """Staff learn that the work is not wanted at that price."""
    _to_staff(session, fact, occasion, "quote_declined", {})


def quote_withdrawn(session: Session, fact: support.QuoteWithdrawn, occasion: Occasion) -> None:
    """Who was offered the work learns that it is not to be had at that price any more."""
    _to_payers(session, fact, occasion, "quote_withdrawn", {"accepted": fact.accepted})


def quote_expired(session: Session, fact: support.QuoteExpired, occasion: Occasion) -> None:
    """Staff learn that nobody said yes or no."""
    _to_staff(session, fact, occasion, "quote_expired", {})


def quote_paid(session: Session, fact: billing.InvoicePaid, occasion: Occasion) -> None:
    """The work can begin, and staff learn it; of every other invoice there is nothing to tell them."""
    sold = billing.one_off_of_invoice(session, fact.account_id, fact.invoice_id)
    if sold is not None and sold.id.startswith("quo_"):
        quote = support.quote(session, sold.id)
        support.begin_work(session, quote.id, now=occasion.now)
        paid = support.QuoteAccepted(quote.account_id, quote.ticket_id, quote.id)
        late = {"withdrawn": quote.withdrawn_at is not None}
        _to_staff(session, paid, occasion, "quote_paid", late)


def _to_payers(session: Session, fact: Any, occasion: Occasion, letter: str, context: dict[str, Any]) -> None:
    write_members(
        session,
        occasion,
        fact.account_id,
        BILLING,
        f"support/{letter}",
        {**_words(session, fact, occasion, "tickets"), **context},
        once=f"quote {fact.quote_id}",
        thread=fact.ticket_id,
        answerable=True,
    )


def _to_staff(session: Session, fact: Any, occasion: Occasion, letter: str, context: dict[str, Any]) -> None:
    """Whoever has the ticket; when nobody has, everybody."""
    ticket = support.staff_ticket(session, fact.ticket_id)
    staff = [one.id for one in accounts.staff(session)]  # whoever has it may have left since
    whom = [ticket.assigned_to] if ticket.assigned_to in staff else staff
    words = {**_words(session, fact, occasion, "staff"), **context}
    for person_id in whom:
        write_person(
            session,
            occasion,
            person_id,
            f"support/{letter}",
            words,
            account_id=fact.account_id,
            once=f"quote {fact.quote_id}",
            thread=fact.ticket_id,
        )


def _words(session: Session, fact: Any, occasion: Occasion, side: str) -> dict[str, Any]:
    quote = support.quote(session, fact.quote_id)
    ticket = support.staff_ticket(session, quote.ticket_id)
    path = f"staff/tickets/{ticket.id}" if side == "staff" else f"tickets/{ticket.number}"
    decided_by = quote.accepted_by or quote.declined_by
    return {
        "account": accounts.get(session, quote.account_id).name,
        "number": ticket.number,
        "subject": ticket.subject,
        "amount": Money(quote.amount, quote.currency),
        "text": quote.text,
        "text_html": Markup(text.to_html(quote.text)),  # noqa: S704 - cleaned by to_html
        "expires_at": quote.expires_at,
        "by": accounts.person(session, decided_by).name if decided_by else None,
        "link": f"{occasion.house.settings.public_url}/{path}",
    }
