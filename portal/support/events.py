"""Support, as told. Moments and words are read from the rows."""

from dataclasses import dataclass

from portal.kit.outbox import Fact


@dataclass(frozen=True)
class TicketOpened(Fact):
    """A customer asks for something."""

    account_id: str
    ticket_id: str
    message_id: str


@dataclass(frozen=True)
class TicketAnswered(Fact):
    """Staff answered a ticket, in public; with `closes` the same answer closed it."""

    account_id: str
    ticket_id: str
    message_id: str
    closes: bool


@dataclass(frozen=True)
class CustomerAnswered(Fact):
    """A customer wrote in a ticket; with `reopens` that opened it again."""

    account_id: str
    ticket_id: str
    message_id: str
    reopens: bool


@dataclass(frozen=True)
class AnswerCameTooLate(Fact):
    """A customer answered by mail in a ticket that was closed too long ago: nothing was made of it."""

    account_id: str
    ticket_id: str
    person_id: str


@dataclass(frozen=True)
class QuoteOffered(Fact):
    """Staff said what work in a ticket would cost."""

    account_id: str
    ticket_id: str
    quote_id: str


@dataclass(frozen=True)
class QuoteAccepted(Fact):
    """A customer wants the work at the price that was offered: it is to be invoiced."""

    account_id: str
    ticket_id: str
    quote_id: str


@dataclass(frozen=True)
class QuoteDeclined(Fact):
    """A customer does not want the work at that price."""

    account_id: str
    ticket_id: str
    quote_id: str


@dataclass(frozen=True)
class QuoteWithdrawn(Fact):
    """Staff took a quote back; with `accepted` somebody had accepted it and nobody had paid yet."""

    account_id: str
    ticket_id: str
    quote_id: str
    accepted: bool


@dataclass(frozen=True)
class QuoteExpired(Fact):
    """Nobody said yes or no to a quote in time."""

    account_id: str
    ticket_id: str
    quote_id: str


@dataclass(frozen=True)
class TicketClosed(Fact):
    """A ticket was closed without a further answer, by a `side`: customer or staff."""

    account_id: str
    ticket_id: str
    side: str
    by: str


@dataclass(frozen=True)
class TicketReopened(Fact):
    """A ticket was opened again without a message, by a `side`: customer or staff."""

    account_id: str
    ticket_id: str
    side: str
    by: str


@dataclass(frozen=True)
class TicketDueSoon(Fact):
    """What is owed in a ticket is due soon: told once of each clock."""

    account_id: str
    ticket_id: str
    clock_id: str


@dataclass(frozen=True)
class TicketBreached(Fact):
    """What is owed in a ticket was not given in time: told once of each clock."""

    account_id: str
    ticket_id: str
    clock_id: str


@dataclass(frozen=True)
class TicketAssigned(Fact):
    """A ticket was given to a person by somebody else."""

    account_id: str
    ticket_id: str
    person_id: str
    by: str
