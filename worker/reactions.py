"""Reactions: what follows from each fact. The one place where capabilities meet."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from portal import accounts, billing, costs, keys, metering, plans, support
from portal.kit.outbox import Fact
from worker import money, post, quotes, spending, tickets, words
from worker.writing import Occasion

Reaction = Callable[[Session, Any, Occasion], None]


def push(session: Session, fact: Any, occasion: Occasion) -> None:
    """Tell the gate what holds for the fact's account now. To tell it twice does no harm."""
    occasion.house.gate.push(accounts.tag(session, fact.account_id))


def think(session: Session, fact: billing.StripeEventStored, occasion: Occasion) -> None:
    """Bring the mirror up to date, in units of its own; what fails is kept in the inbox and tried again."""
    house = occasion.house
    if house.stripe is None:
        return
    account_id = billing.think(house.sessions, house.stripe, fact.event_id, now=occasion.now)
    if account_id is not None:
        house.gate.push(accounts.tag(session, account_id))


def stop_charging(session: Session, fact: accounts.AccountClosed, occasion: Occasion) -> None:
    """Who has left pays nothing more; tried until Stripe has heard it."""
    house = occasion.house
    if house.stripe is not None:
        try:
            billing.stop(house.sessions, house.stripe, fact.account_id, now=occasion.now)
        except billing.StripeAway as away:
            raise ConnectionError(away.detail) from away  # a refusal would count as heard


def rebase(session: Session, fact: plans.PlanChanged, occasion: Occasion) -> None:
    """Who moves to better support is owed it in open tickets too."""
    if fact.line == "support":
        support.rebase(session, fact.account_id, now=occasion.now)


def close_tickets(session: Session, fact: accounts.AccountClosed, occasion: Occasion) -> None:
    """Who has left waits for no answer."""
    support.close_all(session, fact.account_id, by="the account was closed", now=occasion.now)


TABLE: Mapping[type[Fact], Sequence[Reaction]] = {
    accounts.AddressToVerify: [words.address_to_verify],
    accounts.SignUpRepeated: [words.sign_up_repeated],
    accounts.ResetAsked: [words.reset_asked],
    accounts.PasswordChanged: [words.password_changed],
    accounts.AddressChangeAsked: [words.address_change_asked],
    accounts.AddressChanged: [words.address_changed],
    accounts.SignedInFromNewPlace: [words.signed_in],
    accounts.CodesTurnedOn: [words.codes_turned_on],
    accounts.CodesTurnedOff: [words.codes_turned_off],
    accounts.RecoveryCodeUsed: [words.recovery_code_used],
    accounts.Invited: [words.invited],
    accounts.MemberJoined: [words.member_joined],
    accounts.MemberRemoved: [words.member_removed],
    accounts.RoleChanged: [words.role_changed],
    accounts.AccountOpened: [],
    accounts.AccountSuspended: [push, words.account_suspended],
    accounts.AccountResumed: [push, words.account_resumed],
    accounts.AccountObserved: [push],
    accounts.AccountClosed: [push, words.account_closed, stop_charging, close_tickets],
    plans.PlanChanged: [push, words.plan_changed, rebase],
    keys.KeyMinted: [push, words.key_created],
    keys.KeyAmended: [push],
    keys.KeysImported: [push],
    keys.KeyRotated: [push, words.key_rotated],
    keys.KeyRevoked: [push, words.key_revoked],
    keys.KeyLeaked: [push, words.key_leaked],
    keys.ServiceKeyLeaked: [words.service_key_leaked],
    metering.QuotaReached: [words.quota_reached],
    metering.UsageTold: [push],
    metering.CreditGiven: [push],
    billing.StripeEventStored: [think],
    billing.SubscriptionBegan: [push],
    billing.SubscriptionChanged: [money.changed],
    billing.ChangeScheduled: [money.change_scheduled],
    billing.CancellationScheduled: [push, money.cancelled],
    billing.CancellationUndone: [push, money.resumed],
    billing.SubscriptionEnded: [money.ended],
    billing.SecondSubscriptionEnded: [money.second_ended],
    billing.PaidInVain: [money.paid_in_vain],
    billing.PaymentFailed: [push, money.payment_failed],
    billing.InvoicePaid: [push, money.receipt, quotes.quote_paid],
    billing.AccessEnded: [push, money.access_ended],
    billing.AccessRestored: [push, money.access_restored],
    billing.CardExpiring: [money.card_expiring],
    billing.Refunded: [money.refunded],
    billing.Disputed: [money.disputed],
    billing.PlanAsked: [money.plan_asked],
    billing.PlanReady: [money.plan_ready],
    billing.PlanDeclined: [money.plan_declined],
    costs.CostReached: [spending.cost_reached],
    support.AnswerCameTooLate: [post.answer_came_too_late],
    support.QuoteOffered: [quotes.quote_offered],
    support.QuoteAccepted: [quotes.quote_accepted, quotes.invoice_quote],
    support.QuoteDeclined: [quotes.quote_declined],
    support.QuoteWithdrawn: [quotes.void_quote, quotes.quote_withdrawn],
    support.QuoteExpired: [quotes.quote_expired],
    support.TicketOpened: [tickets.opened, tickets.opened_to_staff],
    support.TicketAnswered: [tickets.answered],
    support.CustomerAnswered: [tickets.customer_answered],
    support.TicketClosed: [tickets.closed],
    support.TicketReopened: [tickets.reopened],
    support.TicketDueSoon: [tickets.due_soon],
    support.TicketBreached: [tickets.breached],
    support.TicketAssigned: [tickets.assigned],
}


def name(reaction: Reaction) -> str:
    """What a reaction is called in its marks; one that is renamed hears undone facts again."""
    return reaction.__name__


REGISTERED: Mapping[str, Sequence[str]] = {
    fact.name: [name(reaction) for reaction in reactions] for fact, reactions in TABLE.items()
}


def find(fact: Fact, reaction: str) -> Reaction:
    """The reaction of this name to a fact; StopIteration when it has none such."""
    return next(found for found in TABLE[type(fact)] if name(found) == reaction)
