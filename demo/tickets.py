"""Tickets: what customers ask, and how the agents answer. The texts are in `talks`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from demo.people import Party, Staff
from demo.stage import Stage
from demo.talks import Talk, Turn
from portal import plans, support
from portal.support.rules import business_minutes

STEP: Final = timedelta(minutes=10)
LOOK_BACK: Final = timedelta(days=12)  # no week has so many holidays


class Desk:
    """The tickets that are open or were, and what is still to be said in them."""

    def __init__(self, stage: Stage, staff: Staff) -> None:
        self._stage, self._staff = stage, staff
        self._talks: list[tuple[int, Party, str, int, Sequence[Turn], Talk]] = []
        self._opened = 0

    def open(self, talk: Talk, party: Party, half_day: int) -> None:
        """A customer asks. The turns of the talk come so many half days later."""
        self._opened += 1
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
            ticket_id, number = ticket.id, ticket.number
        if talk.priority != "normal" or talk.tags:
            agent = self._staff.agents[talk.agent]
            with self._stage.unit() as session:
                support.prioritise(session, ticket_id, talk.priority, actor=agent, now=self._stage.now)
                support.tag(session, ticket_id, talk.tags, actor=agent, now=self._stage.now)
        if talk.turns:
            self._talks.append((half_day, party, ticket_id, number, talk.turns, talk))

    def go_on(self, half_day: int) -> None:
        """Whatever is to be said in this half day is said."""
        for began, party, ticket_id, number, turns, talk in self._talks:
            for turn in turns:
                if began + turn.later == half_day:
                    self._say(turn, party, ticket_id, number, talk)
        self._talks = [one for one in self._talks if half_day < one[0] + max(turn.later for turn in one[4])]

    def _say(self, turn: Turn, party: Party, ticket_id: str, number: int, talk: Talk) -> None:
        now, agent = self._stage.now, self._staff.agents[talk.agent]
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
        self._opened += 1

    def _nonce(self) -> str:
        self._opened += 1
        return f"demo-{self._opened}"


def before(stage: Stage, moment: datetime, minutes: int) -> datetime:
    """When so many minutes of business time before a moment were."""
    with stage.sessions() as session:
        calendar = plans.calendar(session, "business")
    at = moment
    while business_minutes(at, moment, calendar) < minutes and moment - at < LOOK_BACK:
        at -= STEP
    return at
