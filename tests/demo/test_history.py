"""The demo's history, played on the test engines: whole without its crowd, and small with one, twice."""

import os
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import func, select, text

from demo.history import History, Size
from demo.stage import set_up
from deploy.local.ports import free_port
from portal import billing, metering, plans, scaling, sustainability
from portal.accounts import Account
from portal.billing.models import MirroredSubscription, MirroredTrouble, Purchase, WebhookEvent
from portal.keys import Key
from portal.kit import clock
from portal.kit.mail import Letter
from portal.kit.outbox import Heard, ToldFact
from portal.kit.settings import Payments
from portal.metering import QuotaNotice, UsageTotal
from portal.support.models import Quote, Ticket, TicketClock
from tests.conftest import EMPTY_EVERYTHING

ENDS = os.environ.get("DEMO_ENDS", "2026-11-26T15:30Z").split()
"""When the story ends: on a day that is always the same, unless others are asked for."""


@pytest.fixture
def play(settings, database, redis, tmp_path):
    """Play a history of a size; the stage it ended on."""
    numbers = count(1)

    def play(size, ends=ENDS[0]):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        ahead = datetime.fromisoformat(ends) - datetime.now(UTC) - timedelta(days=size.days)
        (folder / "clock").write_text(str(ahead // timedelta(microseconds=1)))
        base = f"http://127.0.0.1:{free_port()}"
        payments = Payments("sk_sandbox_of_the_demo", ("whsec_of_the_demo",), base, "sandbox")
        stage = stages.enter_context(set_up(replace(settings, var=folder, payments=payments)))
        history = History(stage, size, lambda line: None)
        history.play()
        return history

    with ExitStack() as stages:
        yield play


def all_of(history, column, *where):
    with history.stage.sessions() as session:
        return session.scalars(select(column).where(*where)).all()


def check_books(history):
    """Nothing is left to do, nothing was refused, and every counter equals the ledger."""
    stage = history.stage
    assert clock.now() >= history.today
    assert all_of(history, ToldFact, ToldFact.done_at.is_(None)) == []
    assert all_of(history, Heard.refusal, Heard.refusal.is_not(None)) == []
    assert all_of(history, WebhookEvent, WebhookEvent.processed_at.is_(None)) == []
    balances = metering.reconcile(stage.sessions, stage.gate, now=stage.now)
    assert balances and all(balance.balanced for balance in balances)
    assert {letter.state for letter in all_of(history, Letter)} == {"kept"}
    told = all_of(history, ToldFact.told_at)
    assert (max(told) - min(told)).days >= history.size.days // 2, "facts are told by the one clock"


def figures(history):
    """What has to be the same each time."""
    with history.stage.sessions() as session:
        units = session.execute(
            select(Account.name, func.sum(UsageTotal.units))
            .join(UsageTotal, UsageTotal.account_id == Account.id)
            .group_by(Account.name)
            .order_by(Account.name)
        ).all()
        letters = session.execute(
            select(Letter.template, func.count()).group_by(Letter.template).order_by(Letter.template)
        ).all()
        return units, letters, session.scalars(select(Ticket.subject).order_by(Ticket.opened_at)).all()


@pytest.mark.parametrize("ends", ENDS)
def test_the_story_without_its_crowd(play, ends):
    history = play(Size(accounts=0), ends)
    check_books(history)
    stage, parties = history.stage, history.parties

    states = all_of(history, MirroredSubscription.status)
    assert states.count("past_due") == 2 and "canceled" in states
    assert all_of(history, MirroredSubscription, MirroredSubscription.interval == "year")
    assert all_of(history, MirroredSubscription, MirroredSubscription.ends_at.is_not(None))
    with stage.sessions() as session:
        held = {
            slug: plans.current(session, party.account_id, now=stage.now).plan
            for slug, party in parties.items()
        }
        standing = sustainability.standing(session, stage.payments, "usd", now=stage.now)
        suggested = scaling.suggestions(session, "usd", now=stage.now)
    assert (held["brotzeit"], held["lumen"], held["harbour"]) == ("api-pro", "api-free", "api-pro")
    assert (held["tallinn"], held["seefeld"], held["diary"]) == ("api-free", "api-enterprise", "api-pro")
    assert standing.cost.amount and standing.recurring.amount and standing.cash
    assert sorted((one.row.kind, one.row.subject, one.state) for one in suggested) == [
        ("commitment", "cache", "rejected"),
        ("commitment", "compute", "open"),
        ("commitment", "database", "realised"),
        ("consolidation", "hosting", "open"),
        ("credits", "balance", "open"),
        ("idle", "ecs/memoryhub/search-2025", "open"),
        ("pause", "ecs/memoryhub/staging", "open"),
        ("rightsizing", "ecs/memoryhub/web", "open"),
        ("serverless", "api", "open"),
        ("spot", "ecs/memoryhub/embedding", "open"),
    ]
    assert {one.kind.slug for one in suggested} == set(scaling.KINDS)
    assert all(one.saved.amount > 0 for one in suggested if one.state == "realised")
    assert {one.kind for one in all_of(history, MirroredTrouble)} == {"refund", "dispute"}
    asked = all_of(history, Purchase, Purchase.kind == "request")
    assert sorted([bool(one.finished_at), bool(one.failed_at)] for one in asked) == [
        [False, False],
        [False, True],
        [True, False],
    ]

    made = all_of(history, Key, Key.account_id == parties["nordlicht"].account_id)
    assert {keys_state for one in made for keys_state in state(one)} >= {"revoked", "expiring", "unused"}
    assert {80, 100} == set(all_of(history, QuotaNotice.percent))
    assert all_of(history, UsageTotal, UsageTotal.meter == "observed:QUOTA_EXCEEDED")
    assert len(all_of(history, Account, Account.suspended_at.is_not(None))) == 1
    assert len(all_of(history, Account, Account.closed_at.is_not(None))) == 1

    tickets = all_of(history, Ticket)
    assert {"free", "paid", "custom"} == {one.tier for one in tickets}
    assert {"help", "deployment"} == {one.kind for one in tickets}
    with stage.sessions() as session:
        works = [billing.one_off(session, quote.id) for quote in session.scalars(select(Quote))]
    assert sorted(work.state if work else "offered" for work in works) == ["offered", "paid"]
    assert {True, False} == {one.closed_at is None for one in tickets}
    running = TicketClock.met_at.is_(None), TicketClock.dropped_at.is_(None)
    assert len(all_of(history, TicketClock, *running, TicketClock.breached_at.is_not(None))) >= 1
    soon = TicketClock.warned_at.is_not(None), TicketClock.breached_at.is_(None)
    assert len(all_of(history, TicketClock, *running, *soon)) >= 1


def state(key):
    """What a key's row shows, in the words of the story."""
    if key.revoked_at:
        yield "revoked"
    if key.expires_at:
        yield "expiring"
    if key.last_used_at is None:
        yield "unused"


def test_a_small_crowd_is_the_same_each_time(play, redis, _superuser):
    size = Size(days=8, accounts=9, seed=5)
    first = play(size)
    check_books(first)
    seen = figures(first)
    assert seen[0]
    with _superuser.begin() as connection:
        connection.execute(text(EMPTY_EVERYTHING))
    redis.flushall()
    assert figures(play(size)) == seen
