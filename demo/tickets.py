"""Tickets: what customers ask, and how the agents answer. The texts are in `talks`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from demo import money
from demo.people import Party, Staff
from demo.stage import Stage
from demo.talks import Talk, Turn
from portal import plans, support
from portal.kit.money import Money
from portal.support.rules import business_minutes

STEP: Final = timedelta(minutes=10)
VALID_DAYS: Final = 14
LOOK_BACK: Final = timedelta(days=12)  # no week has so many holidays


@dataclass(frozen=True)
class Opened:
    """A talk that goes on: since which half day, whose, and the ticket that it became."""

    began: int
    party: Party
    ticket_id: str
    number: int
    talk: Talk


class Desk:
    """The tickets that are open or were, and what is still to be said in them."""

    def __init__(self, stage: Stage, staff: Staff) -> None:
        self._stage, self._staff = stage, staff
        self._running: list[Opened] = []
        self._quotes: dict[str, str] = {}
        self._nonces = 0

    def open(self, talk: Talk, party: Party, half_day: int) -> None:
        """A customer asks. The turns of the talk come so many half days later."""
        with self._stage.unit() as session:
            ticket = support.open_ticket(
                session,
                party.account_id,
                talk.subject,
                talk.body,
                kind=talk.kind,
                files=talk.files,
                nonce=self._nonce(),
                actor=party.actor,
                now=self._stage.now,
            )
            opened = Opened(half_day, party, ticket.id, ticket.number, talk)
        if talk.priority != "normal" or talk.tags:
            agent = self._staff.agents[talk.agent]
            with self._stage.unit() as session:
                support.prioritise(session, opened.ticket_id, talk.priority, actor=agent, now=self._stage.now)
                support.tag(session, opened.ticket_id, talk.tags, actor=agent, now=self._stage.now)
        if talk.turns:
            self._running.append(opened)

    def go_on(self, half_day: int) -> int:
        """Whatever is to be said in this half day is said; how much that was."""
        due = [
            (one, turn)
            for one in self._running
            for turn in one.talk.turns
            if one.began + turn.later == half_day
        ]
        for one, turn in due:
            self._say(turn, one)
        return len(due)

    def _say(self, turn: Turn, opened: Opened) -> None:
        party, ticket_id, number = opened.party, opened.ticket_id, opened.number
        now, agent = self._stage.now, self._staff.agents[opened.talk.agent]
        with self._stage.unit() as session:
            match turn.who:
                case "customer" if turn.closes and not turn.text:
                    support.close(session, ticket_id, actor=party.actor, side="customer", now=now)
                case "customer":
                    support.answer(
                        session,
                        party.account_id,
                        number,
                        turn.text,
                        nonce=self._nonce(),
                        actor=party.actor,
                        now=now,
                    )
                case "agent":
                    if support.staff_ticket(session, ticket_id).assigned_to is None:
                        support.take(session, ticket_id, actor=agent, now=now)
                    support.reply(
                        session,
                        ticket_id,
                        turn.text,
                        nonce=self._nonce(),
                        actor=agent,
                        close=turn.closes,
                        now=now,
                    )
                case "note":
                    support.note(session, ticket_id, turn.text, nonce=self._nonce(), actor=agent, now=now)
                case "takes":
                    support.take(session, ticket_id, actor=agent, now=now)
                case "quote":
                    quote = support.offer(
                        session,
                        ticket_id,
                        Money(turn.cents),
                        turn.text,
                        valid_days=VALID_DAYS,
                        nonce=self._nonce(),
                        actor=agent,
                        now=now,
                    )
                    self._quotes[ticket_id] = quote.id
                case "accepts":
                    quote_id = self._quotes[ticket_id]
                    support.accept(session, party.account_id, number, quote_id, actor=party.actor, now=now)
                case "pays":
                    money.pay_once(self._stage, party, self._quotes[ticket_id])

    def _nonce(self) -> str:
        self._nonces += 1
        return f"demo-{self._nonces}"


def before(stage: Stage, moment: datetime, minutes: int) -> datetime:
    """When so many minutes of business time before a moment were."""
    with stage.sessions() as session:
        calendar = plans.calendar(session, "business")
    at = moment
    while business_minutes(at, moment, calendar) < minutes and moment - at < LOOK_BACK:
        at -= STEP
    return at
