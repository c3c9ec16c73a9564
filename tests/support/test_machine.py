"""The machine: a ticket, its two sides, plans and time, against a model and an oracle that counts minutes.

`DESK_EXAMPLES` says how many histories are tried: `make soak` tries more.
"""

import os
from datetime import timedelta

from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from portal import plans, support
from portal.kit.errors import Refusal
from portal.kit.hours import calendar_from_json
from portal.support.models import TicketClock
from tests.accounts.people import facts
from tests.plans.people import OPERATOR
from tests.support import oracle
from tests.support.desk import ENTERPRISE, MONDAY, PRIORITY, set_up

EXAMPLES = int(os.environ.get("DESK_EXAMPLES", "30"))
STEPS = int(os.environ.get("DESK_STEPS", "16"))
PLANS = ("support-community", PRIORITY, ENTERPRISE)
sides = st.sampled_from(["customer", "staff"])


class Story(RuleBasedStateMachine):
    """One ticket of an account that begins on any plan. `session` and `desk` are given by the test."""

    session, desk = None, None

    def __init__(self):
        super().__init__()
        self.inner = self.session.begin_nested()
        self.now, self.rank, self.ticket = MONDAY, 0, None
        self.waiting, self.pauses, self.awaited, self.moved, self.seen = None, [], None, [], {}

    def teardown(self):
        self.inner.rollback()
        self.session.expire_all()

    def does(self, verb, *arguments, **given):
        """Whether it was done; else a sentence that somebody may read was said, and nothing else happened."""
        try:
            with self.session.begin_nested():
                verb(self.session, self.ticket, self.now, *arguments, **given)
        except Refusal as refusal:
            assert refusal.sentence.endswith(".")
            return False
        return True

    @initialize(plan=st.sampled_from(PLANS), minutes=st.integers(0, 3000))
    def open(self, plan, minutes):
        self.hold(plan)
        self.now += timedelta(minutes=minutes)
        self.ticket = self.desk.open(self.session, self.now)
        self.rank, self.waiting = PLANS.index(plan), self.now

    @rule(minutes=st.sampled_from([1, 30, 60, 240, 480]) | st.integers(1, 4000), watched=st.booleans())
    def wait(self, minutes, watched):
        self.now += timedelta(minutes=minutes)
        if watched:
            self.watch()

    @rule()
    def answer(self):
        if self.does(self.desk.answer):
            self.customer_speaks()

    @rule(close=st.booleans())
    def reply(self, close):
        closes = close and self.ticket.closed_at is None
        assert self.does(self.desk.reply, close=close)
        self.waiting, self.awaited = None, self.awaited or self.now
        if closes:
            self.pauses.append([self.now, None])

    @rule()
    def note(self):
        assert self.does(self.desk.note)

    @rule(side=sides)
    def close(self, side):
        if self.does(self.desk.close, side=side):
            self.pauses.append([self.now, None])

    @rule(side=sides)
    def reopen(self, side):
        if self.does(self.desk.reopen, side=side):
            if side == "customer":
                self.customer_speaks()
            else:
                self.open_again()

    @rule(plan=st.sampled_from(PLANS))
    def move(self, plan):
        self.hold(plan)
        support.rebase(self.session, self.desk.account, now=self.now)
        if self.ticket.closed_at is None:
            self.follow_plan()

    def watch(self):
        support.watch(self.session, now=self.now)
        overdue = select(TicketClock).where(TicketClock.breached_at.is_(None), TicketClock.due_at <= self.now)
        running = TicketClock.met_at.is_(None), TicketClock.dropped_at.is_(None)
        assert self.session.scalars(overdue.where(*running)).all() == []
        assert support.watch(self.session, now=self.now) == 0

    def hold(self, plan):
        held = plans.current(self.session, self.desk.account, line="support", now=self.now)
        if held.plan != plan and plan == PLANS[0]:
            plans.end(self.session, self.desk.account, "support", OPERATOR, self.now)
        elif held.plan != plan:
            plans.grant(self.session, self.desk.account, plan, OPERATOR, self.now)
        self.holds = plan

    def customer_speaks(self):
        self.waiting = self.waiting or self.now
        if self.awaited:
            self.pauses.append([self.awaited, self.now])
            self.awaited = None
        self.open_again()

    def open_again(self):
        for pause in self.pauses:
            pause[1] = pause[1] or self.now
        self.follow_plan()

    def follow_plan(self):
        """Upwards only."""
        if PLANS.index(self.holds) > self.rank:
            self.rank = PLANS.index(self.holds)
            self.moved.append(self.now)

    @invariant()
    def all_is_well(self):
        self.session.expire_all()
        ticket = self.ticket
        rows = self.session.scalars(select(TicketClock).where(TicketClock.ticket_id == ticket.id)).all()
        running = [row for row in rows if row.met_at is None and row.dropped_at is None]
        assert len({row.kind for row in running}) == len(running)
        assert ticket.unanswered_since == self.waiting
        assert ticket.next_due_at == min((row.due_at for row in running if row.due_at), default=None)
        assert ticket.tier == support.TIERS[self.rank]
        assert rows == [] if ticket.policy is None else rows
        owed = {"resolution"} | ({self.answer_owed()} if self.waiting else set())
        assert {row.kind for row in running} == (owed if ticket.policy and not ticket.closed_at else set())
        self.each_is_due_when_the_oracle_says(running)
        self.nothing_is_told_twice(rows)

    def answer_owed(self):
        return "next_response" if self.ticket.first_answered_at else "first_response"

    def each_is_due_when_the_oracle_says(self, running):
        if self.ticket.policy is None:
            return
        calendar = calendar_from_json(self.ticket.policy["calendar"])
        awaited = [[self.awaited, None]] if self.awaited else []
        for row in running:
            pauses = self.pauses + awaited if row.kind == "resolution" else []
            assert row.due_at == oracle.due_at(row.started_at, row.minutes, calendar, pauses)
            used = oracle.business_minutes(
                row.started_at, self.now, calendar, [(a, b or self.now) for a, b in pauses]
            )
            if row.due_at is not None:
                assert (used >= row.minutes) == (row.due_at <= self.now)
            if row.kind == "resolution":
                assert row.started_at in (self.ticket.opened_at, *self.moved)

    def nothing_is_told_twice(self, rows):
        for kind in (support.TicketDueSoon, support.TicketBreached):
            told = [fact.clock_id for fact in facts(self.session, kind)]
            assert len(set(told)) == len(told)
        breached = {row.id: row.breached_at for row in rows if row.breached_at is not None}
        for row_id, at in self.seen.items():
            assert breached[row_id] == at, "a breach stays one"
        self.seen = breached


def test_whatever_happens_what_is_owed_is_owed_once_and_due_when_it_should_be(session):
    Story.session, Story.desk = session, set_up(session, plan=None)
    run_state_machine_as_test(
        Story,
        settings=hypothesis_settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize="DESK_EXAMPLES" not in os.environ,  # the suite walks the same histories each time
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),  # histories are short as they are
        ),
    )
