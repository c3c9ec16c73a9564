"""Quotes: offered by staff, accepted or declined by who pays, withdrawn, expired.

Whoever changes one holds its ticket, so of two who do so at once one comes second and sees it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from portal import accounts, plans
from portal.kit import ids
from portal.kit.errors import Conflict, Missing
from portal.kit.letterhead import moment
from portal.kit.money import Money
from portal.kit.outbox import tell
from portal.support import rules
from portal.support.actions import clocks, ending, holding, saying
from portal.support.events import QuoteAccepted, QuoteDeclined, QuoteExpired, QuoteOffered, QuoteWithdrawn
from portal.support.models import Quote, Ticket

OPEN = and_(
    *(at.is_(None) for at in (Quote.accepted_at, Quote.declined_at, Quote.withdrawn_at, Quote.expired_at))
)


def offer(
    session: Session,
    ticket_id: str,
    amount: Money,
    text: str,
    *,
    valid_days: int,
    reason: str = "",
    settled: Collection[str] = (),
    nonce: str,
    actor: accounts.Actor,
    now: datetime,
) -> Quote:
    """Offer what the work in a ticket costs, as an answer of staff and once for each nonce.

    `settled` are the accepted ones that nobody is awaited to pay any more, which the caller sees.
    Conflict when the ticket is closed, is of another kind, or has a quote that still stands or is still
    to be paid; Invalid for an amount outside of what the catalogue names without a reason.
    """
    holding.check_staff(session, actor)
    ticket = holding.hold(session, ticket_id)
    rules.check_valid_days(valid_days)
    reason = rules.clean_reason(reason)
    if (before := saying.said_here(session, ticket, nonce, text, (), actor)) is not None:
        return _same(session, before.id, amount, valid_days, reason)
    rules.check_quotable(ticket.kind, ticket.closed_at)
    rules.check_amount(amount, *_bounds(session), reason)
    rules.check_settled(_accepted(session, ticket) <= set(settled))
    if (standing := _open(session, ticket)) is not None:
        if standing.state(now) == "offered":
            raise Conflict("A quote stands in this ticket already. Withdraw it before you offer another.")
        _expire(session, standing, now=now)
    message = saying.say(session, ticket, text, (), nonce, actor, side="staff", now=now)
    quote = Quote(
        id=ids.new("quo"),
        ticket_id=ticket.id,
        account_id=ticket.account_id,
        message_id=message.id,
        amount=amount.amount,
        currency=amount.currency,
        text=message.body,
        reason=reason or None,
        offered_at=now,
        offered_by=actor.of_person,
        expires_at=now + timedelta(days=valid_days),
    )
    session.add(quote)
    _answered(session, ticket, now=now)
    session.flush()
    holding.note(session, ticket, "quote_offered", actor, now, quote=quote.id, amount=amount.exact)
    tell(session, QuoteOffered(ticket.account_id, ticket.id, quote.id))
    return quote


def accept(
    session: Session, account_id: str, number: int, quote_id: str, *, actor: accounts.Actor, now: datetime
) -> Quote:
    """Accept a quote for an account; the same person twice does it once.

    Missing for another's, Forbidden for who may not spend the account's money, Conflict when somebody
    was first or it does not stand any more.
    """
    ticket, quote = _mine(session, account_id, number, quote_id, actor)
    if quote.state(now) == "accepted" and quote.accepted_by == actor.of_person:
        return quote
    rules.check_offered(quote.state(now), _ended(session, quote))
    quote.accepted_at, quote.accepted_by = now, actor.of_person
    ticket.spoken_at = now  # it stays the customer's turn: they pay next
    _record(session, ticket, "accepted", quote, actor, now)
    tell(session, QuoteAccepted(account_id, ticket.id, quote.id))
    return quote


def decline(
    session: Session, account_id: str, number: int, quote_id: str, *, actor: accounts.Actor, now: datetime
) -> Quote:
    """Decline a quote for an account; the same person twice does it once. Refusals as of `accept`."""
    ticket, quote = _mine(session, account_id, number, quote_id, actor)
    if quote.state(now) == "declined" and quote.declined_by == actor.of_person:
        return quote
    rules.check_offered(quote.state(now), _ended(session, quote))
    quote.declined_at, quote.declined_by = now, actor.of_person
    if ticket.closed_at is None:
        clocks.go_on(session, ticket, clocks.CUSTOMER, now=now)
        ending.owe_answer(session, ticket, now=now)
        clocks.settle(session, ticket)
    ticket.spoken_at = now
    _record(session, ticket, "declined", quote, actor, now)
    tell(session, QuoteDeclined(account_id, ticket.id, quote.id))
    return quote


def begin_work(session: Session, quote_id: str, *, now: datetime) -> None:
    """It is paid: from now on the customer waits for the work, and staff see that in their queue.

    A ticket that was closed meanwhile is open again; not that of an account that has left.
    """
    ticket = holding.hold(session, session.get_one(Quote, quote_id).ticket_id)
    if accounts.get(session, ticket.account_id).closed_at is not None:
        return
    if ticket.closed_at is not None:
        ending.open_again(session, ticket, side="staff", now=now)
    clocks.go_on(session, ticket, clocks.CUSTOMER, now=now)
    ticket.unanswered_since = ticket.unanswered_since or now
    clocks.settle(session, ticket)


def withdraw(
    session: Session, ticket_id: str, quote_id: str, *, actor: accounts.Actor, now: datetime
) -> Quote:
    """Take a quote back as staff, also one that was accepted; whether it is paid is for the caller to see.

    Withdrawn twice it is withdrawn once. Conflict when it was declined or has expired.
    """
    holding.check_staff(session, actor)
    ticket = holding.hold(session, ticket_id)
    quote = _get(session, ticket, quote_id)
    if quote.withdrawn_at is not None:
        return quote
    state = quote.state(now)
    if state != "accepted":
        rules.check_offered(state, _ended(session, quote))
    quote.withdrawn_at, quote.withdrawn_by = now, actor.of_person
    holding.note(session, ticket, "quote_withdrawn", actor, now, quote=quote.id)
    tell(session, QuoteWithdrawn(ticket.account_id, ticket.id, quote.id, state == "accepted"))
    return quote


def expire_quotes(session: Session, *, now: datetime, limit: int = 100) -> int:
    """Tell of the quotes whose time is over, each once; how many. Nobody can accept them meanwhile either."""
    due = (
        select(Quote)
        .where(OPEN, Quote.expires_at <= now)
        .order_by(Quote.expires_at, Quote.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    quotes = session.scalars(due).all()
    for quote in quotes:
        _expire(session, quote, now=now)
    return len(quotes)


def _expire(session: Session, quote: Quote, *, now: datetime) -> None:
    quote.expired_at = now
    session.flush()
    tell(session, QuoteExpired(quote.account_id, quote.ticket_id, quote.id))


def _mine(
    session: Session, account_id: str, number: int, quote_id: str, actor: accounts.Actor
) -> tuple[Ticket, Quote]:
    rules.check_deed(accounts.may(accounts.role(session, account_id, actor.of_person), "manage_billing"))
    ticket = holding.hold_number(session, account_id, number)
    return ticket, _get(session, ticket, quote_id)


def _get(session: Session, ticket: Ticket, quote_id: str) -> Quote:
    quote = session.get(Quote, quote_id, populate_existing=True, with_for_update=True)
    if quote is None or quote.ticket_id != ticket.id:
        raise Missing("There is no such quote.")
    return quote


def _same(session: Session, message_id: str, amount: Money, valid_days: int, reason: str) -> Quote:
    """The quote that was offered with a message; Conflict when there is none, or it was another one."""
    quote = session.scalars(select(Quote).where(Quote.message_id == message_id)).one_or_none()
    rules.check_again(quote is not None)
    assert quote is not None
    rules.check_again(
        (quote.amount, quote.currency, quote.expires_at - quote.offered_at, quote.reason)
        == (amount.amount, amount.currency, timedelta(days=valid_days), reason or None)
    )
    return quote


def _open(session: Session, ticket: Ticket) -> Quote | None:
    """The quote that stands, locked: the watch may be ending it right now."""
    standing = select(Quote).where(OPEN, Quote.ticket_id == ticket.id).with_for_update()
    return session.scalars(standing.execution_options(populate_existing=True)).one_or_none()


def _accepted(session: Session, ticket: Ticket) -> set[str]:
    accepted = Quote.accepted_at.is_not(None), Quote.withdrawn_at.is_(None)
    return set(session.scalars(select(Quote.id).where(Quote.ticket_id == ticket.id, *accepted)))


def _bounds(session: Session) -> tuple[Money | None, Money | None]:
    for one in plans.catalogue(session).one_offs:
        if one.slug == rules.ONE_OFF:
            return one.low, one.high
    return None, None


def _ended(session: Session, quote: Quote) -> str:
    """When a quote ended and by whom, as the end of a sentence."""
    if quote.withdrawn_at is not None:
        return f"on {moment(quote.withdrawn_at)}"
    for at, by in ((quote.accepted_at, quote.accepted_by), (quote.declined_at, quote.declined_by)):
        if at is not None and by is not None:
            return f"by {accounts.person(session, by).name} on {moment(at)}"
    return moment(quote.expires_at)


def _answered(session: Session, ticket: Ticket, *, now: datetime) -> None:
    """A quote is an answer like any other of staff: now it is the customer's turn."""
    ticket.spoken_at = now
    ticket.first_answered_at = ticket.first_answered_at or now
    ticket.unanswered_since = None
    clocks.meet(session, ticket, clocks.FIRST, clocks.NEXT, now=now)
    clocks.pause(session, ticket, clocks.CUSTOMER, now=now)
    clocks.settle(session, ticket)


def _record(
    session: Session, ticket: Ticket, what: str, quote: Quote, actor: accounts.Actor, now: datetime
) -> None:
    accounts.record(
        session,
        actor,
        f"quote.{what}",
        account_id=ticket.account_id,
        subject=quote.id,
        now=now,
        data={"ticket": ticket.number, "amount": Money(quote.amount, quote.currency).exact},
    )
